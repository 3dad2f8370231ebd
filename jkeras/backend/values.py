"""Variables and their values: `K.variable`, `K.get_value`, `K.set_value`, `K.update`, and arrays of constants."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from jax.typing import DTypeLike

from jkeras import ops
from jkeras._base import config
from jkeras._base.types import Array, Tree
from jkeras.backend.shapes import at_shape
from jkeras.graph.keras_tensor import KerasTensor, is_symbolic
from jkeras.ops.wrapper import Tensor
from jkeras.state.variable import Variable

_SYMBOLIC = """{what} needs a value, but {tensor} is symbolic: only a running model knows its values. Write

    K.function([model.input], [tensor])([x])        # or Model(model.input, tensor).predict(x)
"""


def variable(
    value: Tree, dtype: DTypeLike | None = None, name: str | None = None, constraint: Callable[[Array], Array] | None = None
) -> Variable:
    """A Variable with this value.

    Args:
        value: an array or number.
        dtype: by default `floatx()`.
        name: for messages.
        constraint: applied by optimizers after a step.

    Example:
        >>> k = variable([1.0, 2.0])
        >>> set_value(k, [3.0, 4.0])
        >>> get_value(k).tolist()
        [3.0, 4.0]
    """
    value = value.array if isinstance(value, Variable) else value
    return Variable(value, dtype=dtype or config.floatx(), name=name, constraint=constraint)


def constant(value: Tree, dtype: DTypeLike | None = None, shape: Sequence[int] | None = None, name: str | None = None) -> Tensor:
    """An array of this value, broadcast to a shape if one is given."""
    array = ops.convert_to_tensor(value, dtype or config.floatx())
    return array if shape is None else ops.broadcast_to(array, tuple(shape))


def zeros(shape: Sequence[Tree], dtype: DTypeLike | None = None, name: str | None = None) -> Tree:
    """A Variable of zeros, as in Keras 2; an array if the shape comes from a symbolic tensor."""
    return _filled(ops.zeros, shape, dtype, name)


def ones(shape: Sequence[Tree], dtype: DTypeLike | None = None, name: str | None = None) -> Tree:
    """A Variable of ones, as in Keras 2; an array if the shape comes from a symbolic tensor."""
    return _filled(ops.ones, shape, dtype, name)


def _filled(make: Callable[..., Array], shape: Sequence[Tree], dtype: DTypeLike | None, name: str | None) -> Tree:
    array = at_shape(lambda sizes: make(sizes, dtype or config.floatx()), "constant", shape)
    return array if is_symbolic(array) else Variable(array, name=name)


def eye(size: int, dtype: DTypeLike | None = None, name: str | None = None) -> Variable:
    """A Variable with ones on the diagonal; `size` is a number, or rows and columns."""
    rows, columns = size if isinstance(size, Sequence) else (size, size)
    return Variable(ops.eye(rows, columns, dtype=dtype or config.floatx()), name=name)


def zeros_like(x: Tensor, dtype: DTypeLike | None = None, name: str | None = None) -> Tensor:
    """Zeros in the shape of x."""
    return ops.zeros_like(x, dtype=dtype)


def ones_like(x: Tensor, dtype: DTypeLike | None = None, name: str | None = None) -> Tensor:
    """Ones in the shape of x."""
    return ops.ones_like(x, dtype=dtype)


def arange(start: int, stop: int | None = None, step: int = 1, dtype: str = "int32") -> Tensor:
    """Numbers from start up to, but not including, stop; `arange(n)` begins at 0 and is empty for a negative n."""
    if stop is None and isinstance(start, (int, float)) and start < 0:
        start = 0
    return ops.arange(start, stop, step, dtype=dtype)


def get_value(x: Tree) -> Tree:
    """The value as a NumPy array, or as a NumPy number if it has no axes.

    Args:
        x: a Variable, an array, a number, or a number of an optimizer such as `model.optimizer.lr`.

    Raises:
        ValueError: x is symbolic.
    """
    if isinstance(x, KerasTensor):
        raise ValueError(_SYMBOLIC.format(what="K.get_value", tensor=x))
    return np.asarray(x.numpy() if hasattr(x, "numpy") else x)[()]


def set_value(x: Tree, value: Tree) -> None:
    """Assign a value to a Variable or to a number of an optimizer; the next training step uses it without recompiling.

    Raises:
        TypeError: x cannot be assigned to: an array, a number.
    """
    if not hasattr(x, "assign"):
        raise TypeError(
            f"K.set_value changes a Variable or a number of an optimizer (model.optimizer.lr). Received: {x!r} of type "
            f"{type(x).__name__}, which cannot be changed in place."
        )
    x.assign(value)


def batch_get_value(tensors: Iterable[Tree]) -> list[Tree]:
    """`get_value` of each."""
    return [get_value(x) for x in tensors]


def batch_set_value(tuples: Iterable[tuple[Tree, Tree]]) -> None:
    """`set_value` of each pair `(Variable, value)`."""
    for x, value in tuples:
        set_value(x, value)


def eval(x: Tree) -> Tree:
    """The value of an expression as a NumPy array.

    Raises:
        ValueError: x is symbolic; the error says how to compute it.

    Example:
        >>> eval(variable([1.0, 2.0]) * 2).tolist()
        [2.0, 4.0]
    """
    if isinstance(x, KerasTensor):
        raise ValueError(_SYMBOLIC.format(what="K.eval", tensor=x))
    return get_value(x)


class Update(tuple):
    """A Variable and the symbolic value that a call of `K.function(updates=...)` assigns to it."""


def update(x: Tree, new_x: Tree) -> Tree:
    """Assign a value to a Variable; a symbolic value gives an update for `K.function(updates=...)`."""
    return Update((x, new_x)) if isinstance(new_x, KerasTensor) else x.assign(new_x)


def update_add(x: Tree, increment: Tree) -> Tree:
    """Add to a Variable; a symbolic increment gives an update for `K.function(updates=...)`."""
    return Update((x, increment + x)) if isinstance(increment, KerasTensor) else x.assign_add(increment)


def update_sub(x: Tree, decrement: Tree) -> Tree:
    """Subtract from a Variable; a symbolic decrement gives an update for `K.function(updates=...)`."""
    return Update((x, x - decrement)) if isinstance(decrement, KerasTensor) else x.assign_sub(decrement)
