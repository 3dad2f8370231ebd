"""Array functions of TensorFlow that differ from jkeras' operations only in names: a table of them by their arguments.

The table has TensorFlow's names for the arguments, in the operations' order; `a|b` are two names of one argument, the second from
TensorFlow 1. All of them take `name`, which is for graphs and does nothing. Like the operations they work on arrays, Variables
and symbolic tensors.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Mapping

import numpy as np

from jkeras import ops
from jkeras._base.errors import unexpected_arguments
from jkeras.compat.standin.array_shape import as_shape, sizes_stay_known
from jkeras.compat.standin.host_tensor import encoded, host_tensor, is_text
from jkeras.ops.wrapper import Tensor

# The arguments: the functions that have these, each with its name in `jkeras.ops` if that is another.
_OPERATIONS = {
    "x": """
        abs acos=arccos acosh=arccosh asin=arcsin asinh=arcsinh atan=arctan atanh=arctanh ceil cos cosh erf erfc erfinv exp expm1
        floor is_finite=isfinite is_inf=isinf is_nan=isnan
        log log1p log_sigmoid logical_not negative reciprocal round rsqrt sigmoid sign sin sinh sqrt square tan tanh
    """,
    "x y": """
        add div=divide divide divide_no_nan floordiv=floor_divide floormod=mod greater greater_equal less less_equal
        logical_and logical_or logical_xor maximum minimum mod multiply pow=power subtract truediv=true_divide
    """,
    "input_tensor axis|reduction_indices keepdims|keep_dims": """
        reduce_all=all reduce_any=any reduce_logsumexp=logsumexp reduce_max=max reduce_mean=mean reduce_min=min
        reduce_prod=prod reduce_std=std reduce_sum=sum reduce_variance=var
    """,
    "input": "angle imag real stop_gradient",
    "input|tensor dtype": "ones_like zeros_like",
    "y x": "atan2=arctan2",
    "input shape": "broadcast_to",
    "t clip_value_min clip_value_max": "clip_by_value=clip",
    "values axis|concat_dim": "concat=concatenate",
    "input|input_tensor axis|reduction_indices": "count_nonzero",
    "input axis|dim": "expand_dims",
    "input repeats axis": "repeat",
    "tensor shape": "reshape",
    "tensor axis": "reverse=flip",
    "input shift axis": "roll",
    "sorted_sequence values side": "searchsorted",
    "features": "softplus",
    "input axis|squeeze_dims": "squeeze",
    "values axis": "stack",
    "a b axes": "tensordot",
    "input multiples": "tile",
    "a perm": "transpose",
    "value num axis": "unstack",
}


_OF_SHAPES = ("concat", "expand_dims", "reduce_prod", "reshape", "stack")  # what code computes shapes with
_TAKE_SHAPES = ("broadcast_to", "reshape", "tile")


def renamed(table: Mapping[str, str]) -> dict[str, Callable[..., Tensor]]:
    """Operations under TensorFlow's names.

    Args:
        table: names of arguments in the operations' order, to the functions that have these arguments.

    Returns:
        Functions by name, which raise TypeError for other keywords.

    Example:
        >>> mean = renamed({"input_tensor axis keepdims": "reduce_mean=mean"})["reduce_mean"]
        >>> mean(input_tensor=[[1.0, 3.0]], axis=1, name="mean").tolist()
        [2.0]
    """
    made = {}
    for arguments, names in table.items():
        for entry in names.split():
            name, _, own = entry.partition("=")
            made[name] = _renamed(name, getattr(ops, own or name), arguments)
    return made


def _renamed(name: str, operation: Callable[..., Tensor], arguments: str) -> Callable[..., Tensor]:
    own = list(inspect.signature(operation).parameters)
    spellings = [row.split("|") for row in arguments.split()]
    to_own = {spelled: own[i] for i, row in enumerate(spellings) for spelled in row}

    def call(*args: object, **keywords: object) -> Tensor:
        keywords.pop("name", None)
        unknown = [key for key in keywords if key not in to_own]
        if unknown:
            raise unexpected_arguments(f"tf.{name}", unknown, to_own)
        if len(args) > len(spellings):
            raise TypeError(f"tf.{name} takes {', '.join(row[0] for row in spellings)}. Received {len(args)} arguments.")
        named = {to_own[key]: value for key, value in keywords.items()}
        first = args[0] if args else named.get(own[0])
        if name in _TAKE_SHAPES:
            args = (*args[:1], *map(as_shape, args[1:]))
            named = {key: value if key == own[0] else as_shape(value) for key, value in named.items()}
        if not is_text(first):
            with sizes_stay_known(args, named) if name in _OF_SHAPES else contextlib.nullcontext():
                return operation(*args, **named)
        named[own[0]] = [encoded(part) for part in first] if isinstance(first, (list, tuple)) else encoded(first)
        result = operation(**named, **dict(zip(own[1:], args[1:])))
        return host_tensor(result) if isinstance(result, np.ndarray) else result

    call.__name__ = call.__qualname__ = name
    call.__signature__ = _signature(operation, spellings)  # type: ignore[attr-defined]
    call.__doc__ = f"`jkeras.ops.{operation.__name__}` with the arguments {', '.join(row[0] for row in spellings)}."
    return call


def _signature(operation: Callable[..., Tensor], spellings: list[list[str]]) -> inspect.Signature:
    """TensorFlow's arguments with the defaults of an operation, and the second spellings by name alone."""
    defaults = [one.default for one in inspect.signature(operation).parameters.values()]
    first = [
        inspect.Parameter(row[0], inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default)
        for row, default in zip(spellings, defaults)
    ]
    others = [*(spelled for row in spellings for spelled in row[1:]), "name"]
    return inspect.Signature([*first, *(inspect.Parameter(one, inspect.Parameter.KEYWORD_ONLY, default=None) for one in others)])


_made = renamed(_OPERATIONS)
globals().update(_made)
__all__ = list(_made)
