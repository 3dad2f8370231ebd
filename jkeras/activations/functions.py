"""The activations that users call: the functions of `jkeras.nn`, which also take symbolic tensors.

`keras.activations.relu(x)` in a functional model is a node of its graph. Where `jkeras.ops` has the same function, the node is of
that one, which files know.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any, TypeVar, cast

from jkeras._base.types import Tree
from jkeras.graph.keras_tensor import KerasTensor, apply_symbolic
from jkeras.nn import activations, rectifiers
from jkeras.ops.wrapper import operations

F = TypeVar("F", bound=Callable[..., Any])

_OPERATIONS = {"exponential": "exp"}  # under another name in `jkeras.ops`


def public(maths: F) -> F:
    """A function of `jkeras.nn` as one that records a node where its argument is symbolic.

    Example:
        >>> public(rectifiers.relu)(KerasTensor((None, 3))).shape
        (None, 3)
    """
    name = maths.__name__

    @functools.wraps(maths)
    def activation(x: Tree, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(x, KerasTensor):
            return maths(x, *args, **kwargs)
        operation = operations().get(_OPERATIONS.get(name, name))
        settings = None if operation is None else _settings(operation, maths, args, kwargs)
        if operation is None or settings is None:
            return apply_symbolic(activation, name, x, *args, **kwargs)
        return operation(x, **settings)

    activation.__module__, activation.__qualname__ = "jkeras.activations", name  # where a pickle finds it
    return cast(F, activation)


def maths_of(activation: Callable[..., Any]) -> Callable[..., Any]:
    """The function of `jkeras.nn` behind a public one; any other as it is.

    Example:
        >>> maths_of(tanh) is activations.tanh, maths_of(len) is len
        (True, True)
    """
    inside = getattr(activation, "__wrapped__", None) if type(activation) is FunctionType else None
    return inside if inside is not None and activation.__module__ == "jkeras.activations" else activation


def _settings(
    operation: Callable[..., Any], maths: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Any] | None:
    """An activation's arguments in the words of an operation, which may have other defaults; None where it lacks one."""
    given = inspect.signature(maths).bind(None, *args, **kwargs)
    given.apply_defaults()
    usual = {name: parameter.default for name, parameter in inspect.signature(maths).parameters.items()}
    theirs = inspect.signature(operation).parameters
    ours = list(given.arguments.items())[1:]
    if any(name not in theirs and value != usual[name] for name, value in ours):
        return None
    return {name: value for name, value in ours if name in theirs and value != theirs[name].default}


celu = public(activations.celu)
elu = public(activations.elu)
exponential = public(activations.exponential)
gelu = public(activations.gelu)
glu = public(activations.glu)
linear = public(activations.linear)
log_sigmoid = public(activations.log_sigmoid)
log_softmax = public(activations.log_softmax)
mish = public(activations.mish)
selu = public(activations.selu)
sigmoid = public(activations.sigmoid)
silu = public(activations.silu)
softmax = public(activations.softmax)
softplus = public(activations.softplus)
softsign = public(activations.softsign)
squareplus = public(activations.squareplus)
tanh = public(activations.tanh)
tanh_shrink = public(activations.tanh_shrink)
hard_shrink = public(rectifiers.hard_shrink)
hard_sigmoid = public(rectifiers.hard_sigmoid)
hard_silu = public(rectifiers.hard_silu)
hard_tanh = public(rectifiers.hard_tanh)
leaky_relu = public(rectifiers.leaky_relu)
relu = public(rectifiers.relu)
relu6 = public(rectifiers.relu6)
soft_shrink = public(rectifiers.soft_shrink)
sparse_plus = public(rectifiers.sparse_plus)
sparse_sigmoid = public(rectifiers.sparse_sigmoid)
sparsemax = public(rectifiers.sparsemax)
threshold = public(rectifiers.threshold)
swish, hard_swish = silu, hard_silu
