"""Array functions of a graph as configs: `x + y` is Keras' operation `Add`, and back.

In Keras an array function in a graph is an object of a class: `Mean(axis=1)` called on a tensor. Here it is a call of a function,
`ops.mean(x, axis=1)`. Both say the same: what the class' `call` takes is in the node, everything else in the config. For each
function, the table below gives the class, unless that is its name in camel case, and what `call` takes, unless that is what the
function cannot be called without (`~` marks what it takes by name).
"""

from __future__ import annotations

import functools
import inspect
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp

from jkeras._base import registry
from jkeras._base.configurable import deserialize, serialize
from jkeras._base.errors import FileFormatError, describe
from jkeras._base.types import Config, Tree
from jkeras.ops.wrapper import find
from jkeras.state.operators import OPERATORS

_TABLE = {
    "numpy": """
        absolute add all allclose:AllClose amax amin angle any append arccos arccosh arcsin arcsinh arctan arctan2 arctanh argmax
        argmin argpartition(x) argsort array array_split(x) average(x,~weights) bincount bitwise_and bitwise_invert
        bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor broadcast_to(x) cbrt ceil clip(x) concatenate
        conj conjugate copy corrcoef correlate cos cosh count_nonzero cross cumprod cumsum deg2rad diag diagflat diagonal diff
        digitize divide divide_no_nan dot dsplit(x) dstack einsum(*operands,**kwargs) empty_like equal exp exp2 expand_dims(x)
        expm1 fabs flip fliplr flipud floor floor_divide fmax fmin fmod full_like gcd get_item greater greater_equal heaviside
        histogram hsplit(x) hstack hypot i0 imag inner isclose(x1,x2,rtol,atol) isfinite isin:IsIn isinf isnan isneginf isposinf
        isreal kron lcm ldexp left_shift less less_equal linspace log log10 log1p log2 logaddexp logaddexp2 logical_and
        logical_not logical_or logical_xor matmul max maximum mean median meshgrid(*x) min minimum mod moveaxis(x) multiply
        nan_to_num nanargmax nanargmin nancumprod nancumsum nanmax nanmean nanmedian nanmin nanpercentile nanprod nanquantile
        nanstd nansum nanvar ndim negative nextafter nonzero not_equal ones_like outer pad(x,~constant_values) percentile power
        prod ptp quantile rad2deg ravel real reciprocal repeat(x) reshape(x) right_shift roll(x) rot90 round
        searchsorted:SearchSorted select(condlist,choicelist,default) sign signbit sin sinc sinh size slogdet sort split(x) sqrt
        square squeeze stack std subtract sum swapaxes(x) take take_along_axis tan tanh tensordot tile(x) trace transpose
        trapezoid tril triu true_divide trunc unique unravel_index(indices) vander var vdot view vsplit(x) vstack
        where(condition,x1,x2) zeros_like
    """,
    "nn": """
        adaptive_average_pool(inputs) adaptive_max_pool(inputs) average_pool(inputs)
        batch_normalization:BatchNorm(x,mean,variance,offset,scale) binary_crossentropy categorical_crossentropy celu conv
        conv_transpose ctc_decode:CTCDecode ctc_loss:CTCLoss depth_to_space(x) depthwise_conv
        dot_product_attention(query,key,value,~bias,~mask,~scale) elu fold(x) gelu glu hard_shrink hard_sigmoid hard_silu
        hard_tanh layer_normalization:LayerNorm(x,gamma,beta) leaky_relu log_sigmoid log_softmax max_pool(inputs) moments(x)
        multi_hot normalize one_hot(x) polar psnr:PSNR(x1,x2) relu relu6 rms_normalization:RMSNorm(x,~scale) selu separable_conv
        sigmoid silu soft_shrink softmax softplus softsign space_to_depth(x) sparse_categorical_crossentropy sparse_plus
        sparse_sigmoid sparsemax squareplus tanh_shrink threshold(x) unfold(x)
    """,
    "core": """
        cast(x) saturate_cast(x) scatter(indices,values) scatter_update slice(inputs,start_indices) slice_update stop_gradient
        unstack
    """,
    "math": """
        cdist:CDist erf erfc erfinv extract_sequences(x) fft:FFT fft2:FFT2 ifft2:IFFT2 in_top_k(targets,predictions) irfft:IRFFT
        istft:ISTFT(x) logdet logsumexp rfft:RFFT rsqrt segment_max segment_min segment_prod segment_sum stft:STFT(x) top_k(x)
        view_as_complex view_as_real
    """,
    "image": """
        affine_transform(images,transform) crop_images elastic_transform extract_patches(images) gaussian_blur
        hsv_to_rgb:HSVToRGB map_coordinates(inputs,coordinates) pad_images perspective_transform resize(images)
        rgb_to_grayscale:RGBToGrayscale rgb_to_hsv:RGBToHSV scale_and_translate(images,output_shape,scale,translation)
        sobel_edges ssim:SSIM
    """,
    "linalg": """
        cholesky cholesky_inverse det eig eigh inv lstsq lu_factor matrix_rank norm pinv qr solve solve_triangular svd:SVD
    """,
}


class Operation(NamedTuple):
    """One array function in Keras' words.

    Attributes:
        name: of the function in `ops`.
        module: the end of the class' module in Keras.
        class_name: of the class.
        takes: what the class' `call` takes, if the table says it.
    """

    name: str
    module: str
    class_name: str
    takes: tuple[str, ...]

    @property
    def data(self) -> tuple[str, ...]:
        """What the class' `call` takes by position; a name with `*` takes all that follow."""
        if self.takes:
            return tuple(name for name in self.takes if name[0] != "~")
        return tuple(p.name for p in _signature(self.name).parameters.values() if p.default is p.empty)

    def entry(self, name: str, settings: Config, calls: list[object]) -> dict[str, object]:
        """The entry of a graph's config for calls of it."""
        words = {"module": f"keras.src.ops.{self.module}", "class_name": self.class_name, "config": settings}
        return {**words, "registered_name": self.class_name, "name": name, "inbound_nodes": calls}


@functools.cache
def _signature(name: str) -> inspect.Signature:
    return inspect.signature(find(name))


def _operation(module: str, word: str) -> Operation:
    found = re.fullmatch(r"(\w+?)(?::(\w+))?(?:\((.*)\))?", word)
    assert found is not None
    name, class_name, call = found.groups()
    camel_case = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
    return Operation(name, module, class_name or camel_case, tuple(call.split(",")) if call else ())


_OPERATIONS = [_operation(module, word) for module, words in _TABLE.items() for word in words.split()]
BY_NAME = {one.name: one for one in _OPERATIONS}
_BY_CLASS = {one.class_name: one for one in reversed(_OPERATIONS)}
# What a graph records instead of a function of `ops`: operators, and the methods of a symbolic tensor.
_NAMES: dict[Callable[..., object], str] = {
    **{one.recorded: one.name for one in OPERATORS},
    operator.getitem: "get_item",
    jnp.transpose: "transpose",
    jnp.reshape: "reshape",
    jnp.squeeze: "squeeze",
    jnp.astype: "cast",
}
_SAME = {"abs": "absolute", "hard_swish": "hard_silu", "swish": "silu"}


def name_of(fn: Callable[..., object]) -> str | None:
    """The name in `ops` of a function that a graph recorded; None for a user's own function.

    Example:
        >>> name_of(operator.add), name_of(find("abs")), name_of(lambda x: x)
        ('add', 'absolute', None)
    """
    path = registry.path_of(fn) or ""
    name = _NAMES.get(fn) or (path.rpartition(".")[2] if path.startswith("keras.ops.") else None)
    return None if name is None else _SAME.get(name, name)


def operation_config(node: Any, serialize_data: Callable[[object], object]) -> dict[str, object]:
    """The config of a node's array function, with the node's own arguments as its only inbound node.

    Raises:
        TypeError: the function is not one of `ops`, so no file can name it.
    """
    known = BY_NAME.get(name_of(node.operation.fn) or "")
    if known is None:
        raise TypeError(
            f"The graph calls the function {node.operation.name!r}, which has no config: a file names only functions of "
            "jkeras.ops. Put the computation into the `call` of a Layer of your own."
        )
    data, named, rest = _split(known, node.args, node.kwargs)
    name, call = node.operation.name, {"args": serialize_data(list(data)), "kwargs": serialize_data(named)}
    return known.entry(name, {"name": name, **{k: serialize(v) for k, v in rest.items()}}, [call])


def _split(
    known: Operation, args: Sequence[Tree], kwargs: Mapping[str, Tree]
) -> tuple[list[Tree], dict[str, Tree], dict[str, Tree]]:
    """A call's arguments as data in the order of the table, data by name, and settings that are not the default."""
    signature = _signature(known.name)
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    given = bound.arguments
    data: list[Tree] = []
    named: dict[str, Tree] = {}
    rest: dict[str, Tree] = {}
    for word in known.data:
        if word.startswith("**"):
            named.update(given.pop(word[2:]))
        elif word.startswith("*"):
            data.extend(given.pop(word[1:]))
        else:
            data.append(given.pop(word))
    named |= {word[1:]: given.pop(word[1:]) for word in known.takes if word[0] == "~"}
    for name, value in given.items():
        parameter = signature.parameters[name]
        if parameter.kind is parameter.VAR_KEYWORD:
            rest.update(value)
        elif parameter.default is parameter.empty or not _is_default(value, parameter.default):
            rest[name] = value
    return data, named, rest


def _is_default(value: object, default: object) -> bool:
    return value is default or (type(value) is type(default) and not hasattr(value, "shape") and value == default)


def find_operation(config: Config) -> Operation | None:
    """The array function that a layer's entry in a file means; None if it means a layer.

    Keras' `.h5` files do not give the module; there an entry without `trainable`, which every layer's config has, is an
    operation.
    """
    name, module = config.get("class_name"), config.get("module")
    known = _BY_CLASS.get(name) if isinstance(name, str) else None
    if known is None or (module is not None and registry.areas_of(module) != ("ops",)):
        return None
    settings = config.get("config")
    return None if module is None and isinstance(settings, Mapping) and {"trainable", "batch_shape"} & set(settings) else known


def call_operation(known: Operation, settings: object, args: list[Tree], kwargs: dict[str, Tree]) -> Tree:
    """Record the call of an array function in a graph, with the settings of its config in the file."""
    if not isinstance(settings, Mapping):
        raise FileFormatError(f"The config of {known.class_name} is a dict. Found: {describe(settings)}.")
    function, parameters = find(known.name), _signature(known.name).parameters
    rest = {k: deserialize(v) for k, v in settings.items() if k not in ("name", "dtype")}
    if "dtype" in settings and "dtype" in parameters:
        rest["dtype"] = settings["dtype"]
    rest = {k: tuple(v) if _is_pair(parameters.get(k)) and isinstance(v, list) else v for k, v in rest.items()}
    if known.name == "get_item" and len(args) > 1 and isinstance(args[1], list):
        args = [args[0], tuple(args[1])]
    if known.name == "einsum":
        return function(rest.pop("subscripts", None), *args, **rest, **kwargs)
    if known.data[0].startswith("*"):
        return function(*args, **rest, **kwargs)
    if len(args) > len(known.data):
        raise FileFormatError(f"{known.class_name} is called with {', '.join(known.data)}. Found {len(args)} arguments.")
    return function(*args[:1], **dict(zip(known.data[1:], args[1:])), **rest, **kwargs)


def _is_pair(parameter: inspect.Parameter | None) -> bool:
    """Whether an argument is a tuple by default; JSON has only lists."""
    return parameter is not None and isinstance(parameter.default, tuple)
