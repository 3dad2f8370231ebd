"""TensorFlow functions in a graph of Keras 2, and the array functions of Keras 3 that do the same.

In Keras 2, `x + y` makes a layer `TFOpLambda` that names the function, `"__operators__.add"`, and keeps its arguments in the
call: `["x", 0, 0, {"y": ["y", 0, 0], "name": None}]`. Each line of the table has such a function, the array function that does
the same, and its arguments with their names there. A slice, `x[:, 0]`, is a `SlicingOpLambda`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from jkeras._base.errors import FileFormatError, describe
from jkeras._base.types import Config
from jkeras.saving.array_functions import BY_NAME

# TensorFlow's names, of which the first is written; the array function; its arguments: `a=b` means that a is called b in Keras 3,
# `a` alone that both call it so. Where a line has several array functions, `*` is the name of each.
_TABLE = """
__operators__.add math.add            add x=x1 y=x2
math.* *                              subtract,multiply,maximum,minimum,logical_and,logical_or x=x1 y=x2
math.* *                              greater,greater_equal,less,less_equal x=x1 y=x2
math.* * __operators__.eq             equal x=x1 y=x2
math.* * __operators__.ne             not_equal x=x1 y=x2
math.truediv math.divide divide realdiv math.divide_no_nan   true_divide x=x1 y=x2
math.floordiv compat.v1.floor_div     floor_divide x=x1 y=x2
math.floormod                         mod x=x1 y=x2
math.pow pow                          power x=x1 y=x2
math.atan2                            arctan2 y=x1 x=x2
linalg.* *                            matmul a=x1 b=x2
math.abs abs                          absolute
math.* *                              negative,square,sqrt,exp,sin,cos,tan,sign,floor,round,logical_not
math.*                                rsqrt,log,log1p,expm1,erf,ceil,reciprocal
math.* * nn.*                         tanh,sigmoid
math.* nn.*                           softplus
nn.* math.*                           softsign
nn.*                                  relu,relu6,elu,selu features=x
nn.* nn.swish                         silu features=x
nn.*                                  gelu features=x approximate
nn.*                                  leaky_relu features=x alpha=negative_slope
nn.*                                  softmax,log_softmax logits=x axis
math.reduce_* reduce_*                mean,sum,max,min,prod,all,any,logsumexp input_tensor=x axis keepdims
math.reduce_std                       std input_tensor=x axis keepdims
math.reduce_variance                  var input_tensor=x axis keepdims
math.* *                              argmax,argmin input=x axis
math.* *                              cumsum axis
*                                     reshape tensor=x shape=newshape
* compat.v1.*                         transpose a=x perm=axes
*                                     expand_dims input=x axis
* compat.v1.*                         squeeze input=x axis
concat                                concatenate values=xs axis
*                                     stack values=x axis
*                                     split value=x num_or_size_splits=indices_or_sections axis
*                                     tile input=x multiples=repeats
*                                     repeat input=x repeats axis
*                                     cast dtype
clip_by_value                         clip clip_value_min=x_min clip_value_max=x_max
* compat.v1.*                         where x=x1 y=x2
gather compat.v1.gather               take params=x indices axis
*                                     one_hot indices=x depth=num_classes axis dtype
*                                     ones_like,zeros_like input=x dtype
*                                     roll input=x axis shift
* compat.v1.*                         pad tensor=x paddings=pad_width mode constant_values
* linalg.*                            norm tensor=x ord axis keepdims
*                                     stop_gradient input=variable
__operators__.getitem                 get_item slice_spec=key
"""
# Arguments of TensorFlow's that may be left out with these values.
_NEUTRAL = {"name": (None,), "conjugate": (False,), "validate_indices": (None,), "batch_dims": (0, None), "num": (None,),
            "transpose_a": (False,), "transpose_b": (False,), "adjoint_a": (False,), "adjoint_b": (False,),
            "a_is_sparse": (False,), "b_is_sparse": (False,), "output_type": (None, "int64"), "out_type": (None,),
            "exclusive": (False,), "reverse": (False,), "on_value": (None,), "off_value": (None,)}  # fmt: skip


class TensorFlowFunction(NamedTuple):
    """The names of a TensorFlow function, the array function's name in `ops`, and its arguments' names there by TensorFlow's."""

    names: tuple[str, ...]
    operation: str
    arguments: dict[str, str]


def _read_table() -> list[TensorFlowFunction]:
    rows = []
    for line in _TABLE.strip().splitlines():
        names, _, rest = line.partition("  ")
        operations, *arguments = rest.split()
        pairs = {a.partition("=")[0]: a.partition("=")[2] or a for a in arguments}
        for operation in operations.split(","):
            rows.append(TensorFlowFunction(tuple(names.replace("*", operation).split()), operation, pairs))
    return rows


FUNCTIONS = _read_table()
_BY_NAME = {name: row for row in FUNCTIONS for name in row.names}
BY_OPERATION = {row.operation: row for row in reversed(FUNCTIONS)}


def is_tf_operation(entry: Config) -> bool:
    """Whether a layer's entry is a TensorFlow function."""
    return entry.get("class_name") in ("TFOpLambda", "SlicingOpLambda") and isinstance(entry.get("config"), Mapping)


def array_function_entry(entry: Config) -> dict[str, object]:
    """The entry of a TensorFlow function in a graph, as that of an array function.

    Raises:
        FileFormatError: the function, or an argument of it, is not in the table.
    """
    settings = entry["config"]
    function = settings.get("function")
    row = _BY_NAME.get(function) if isinstance(function, str) else None
    if row is None:
        raise FileFormatError(
            f"The graph calls TensorFlow's function tf.{function}, for which there is no array function here yet. Build the "
            "model again with jkeras.ops and load the weights alone."
        )
    name, nodes = settings.get("name"), entry.get("inbound_nodes")
    calls = [_renamed(call, row, function) for call in nodes] if isinstance(nodes, list) else []
    return BY_NAME[row.operation].entry(entry.get("name", name), {"name": name}, calls)


def _renamed(call: object, row: TensorFlowFunction, function: Callable[..., object]) -> object:
    """A call with its arguments under the names of the array function."""
    if isinstance(call, list) and len(call) == 4 and isinstance(call[3], Mapping):
        return [*call[:3], _arguments(call[3], row, function)]
    return [_renamed(part, row, function) for part in call] if isinstance(call, list) else call


def _arguments(given: Config, row: TensorFlowFunction, function: Callable[..., object]) -> dict[str, object]:
    named = {row.arguments[k]: v for k, v in given.items() if k in row.arguments}
    rest = {k: v for k, v in given.items() if k not in row.arguments and k != "name"}
    wrong = {k: v for k, v in rest.items() if v not in _NEUTRAL.get(k, ())}
    if wrong:
        raise FileFormatError(f"The graph calls tf.{function} with {describe(wrong)}, which its array function does not have.")
    if row.operation == "get_item":
        named["key"] = _key(named.get("key"))
    if row.operation == "pad" and isinstance(named.get("mode"), str):
        named["mode"] = named["mode"].lower()
        if named["mode"] != "constant":
            named.pop("constant_values", None)
    return named


def _key(spec: object) -> object:
    """An index of TensorFlow's, with its slices and `...` in Keras 3's form."""
    if isinstance(spec, list):
        return {"class_name": "__tuple__", "config": [_key(part) for part in spec]}
    if isinstance(spec, Mapping) and {"start", "stop", "step"} >= set(spec):
        return {"class_name": "__slice__", "config": dict(spec)}
    return {"class_name": "__ellipsis__", "config": {}} if isinstance(spec, Mapping) else spec
