"""Array functions of TensorFlow that differ from jkeras' operations only in names: one row each.

A row has the name of the operation in `jkeras.ops` and TensorFlow's names for its arguments, in the operation's order; `a|b` are
two names of one argument, the second from TensorFlow 1. All of them take `name`, which is for graphs and does nothing. Like the
operations they work on arrays, Variables and symbolic tensors.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable

from jkeras import ops
from jkeras._base.errors import unexpected_arguments
from jkeras.ops.wrapper import Tensor

_REDUCTION = "input_tensor axis|reduction_indices keepdims|keep_dims"

# TensorFlow's name: (jkeras.ops' name, arguments)
ROWS = {
    "abs": ("abs", "x"),
    "acos": ("arccos", "x"),
    "add": ("add", "x y"),
    "asin": ("arcsin", "x"),
    "atan": ("arctan", "x"),
    "atan2": ("arctan2", "y x"),
    "broadcast_to": ("broadcast_to", "input shape"),
    "ceil": ("ceil", "x"),
    "clip_by_value": ("clip", "t clip_value_min clip_value_max"),
    "concat": ("concatenate", "values axis|concat_dim"),
    "cos": ("cos", "x"),
    "cosh": ("cosh", "x"),
    "count_nonzero": ("count_nonzero", "input|input_tensor axis|reduction_indices"),
    "div": ("divide", "x y"),
    "divide": ("divide", "x y"),
    "divide_no_nan": ("divide_no_nan", "x y"),
    "erf": ("erf", "x"),
    "exp": ("exp", "x"),
    "expand_dims": ("expand_dims", "input axis|dim"),
    "expm1": ("expm1", "x"),
    "floor": ("floor", "x"),
    "floordiv": ("floor_divide", "x y"),
    "floormod": ("mod", "x y"),
    "greater": ("greater", "x y"),
    "greater_equal": ("greater_equal", "x y"),
    "is_finite": ("isfinite", "x"),
    "is_inf": ("isinf", "x"),
    "is_nan": ("isnan", "x"),
    "less": ("less", "x y"),
    "less_equal": ("less_equal", "x y"),
    "log": ("log", "x"),
    "log1p": ("log1p", "x"),
    "log_sigmoid": ("log_sigmoid", "x"),
    "logical_and": ("logical_and", "x y"),
    "logical_not": ("logical_not", "x"),
    "logical_or": ("logical_or", "x y"),
    "logical_xor": ("logical_xor", "x y"),
    "maximum": ("maximum", "x y"),
    "minimum": ("minimum", "x y"),
    "mod": ("mod", "x y"),
    "multiply": ("multiply", "x y"),
    "negative": ("negative", "x"),
    "ones_like": ("ones_like", "input|tensor dtype"),
    "pow": ("power", "x y"),
    "rank": ("ndim", "input"),
    "reciprocal": ("reciprocal", "x"),
    "reduce_all": ("all", _REDUCTION),
    "reduce_any": ("any", _REDUCTION),
    "reduce_logsumexp": ("logsumexp", _REDUCTION),
    "reduce_max": ("max", _REDUCTION),
    "reduce_mean": ("mean", _REDUCTION),
    "reduce_min": ("min", _REDUCTION),
    "reduce_prod": ("prod", _REDUCTION),
    "reduce_std": ("std", _REDUCTION),
    "reduce_sum": ("sum", _REDUCTION),
    "reduce_variance": ("var", _REDUCTION),
    "repeat": ("repeat", "input repeats axis"),
    "reshape": ("reshape", "tensor shape"),
    "reverse": ("flip", "tensor axis"),
    "roll": ("roll", "input shift axis"),
    "round": ("round", "x"),
    "rsqrt": ("rsqrt", "x"),
    "searchsorted": ("searchsorted", "sorted_sequence values side"),
    "shape": ("shape", "input"),
    "sigmoid": ("sigmoid", "x"),
    "sign": ("sign", "x"),
    "sin": ("sin", "x"),
    "sinh": ("sinh", "x"),
    "size": ("size", "input"),
    "slice": ("slice", "input_ begin size"),
    "softplus": ("softplus", "features"),
    "sqrt": ("sqrt", "x"),
    "square": ("square", "x"),
    "squeeze": ("squeeze", "input axis|squeeze_dims"),
    "stack": ("stack", "values axis"),
    "stop_gradient": ("stop_gradient", "input"),
    "subtract": ("subtract", "x y"),
    "tan": ("tan", "x"),
    "tanh": ("tanh", "x"),
    "tensordot": ("tensordot", "a b axes"),
    "tile": ("tile", "input multiples"),
    "transpose": ("transpose", "a perm"),
    "truediv": ("true_divide", "x y"),
    "unstack": ("unstack", "value num axis"),
    "zeros_like": ("zeros_like", "input|tensor dtype"),
}

__all__ = list(ROWS)


def renamed(name: str, operation: Callable[..., Tensor], arguments: str) -> Callable[..., Tensor]:
    """An operation under TensorFlow's names.

    Args:
        name: of the function.
        operation: of `jkeras.ops`.
        arguments: as in a row.

    Returns:
        A function that raises TypeError for other keywords.

    Example:
        >>> mean = renamed("reduce_mean", ops.mean, "input_tensor axis keepdims")
        >>> mean(input_tensor=[[1.0, 3.0]], axis=1, name="mean").tolist()
        [2.0]
    """
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
        return operation(*args, **{to_own[key]: value for key, value in keywords.items()})

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"`jkeras.ops.{operation.__name__}` with the arguments {', '.join(row[0] for row in spellings)}."
    return call


for _name, (_operation, _arguments) in ROWS.items():
    globals()[_name] = renamed(_name, getattr(ops, _operation), _arguments)
