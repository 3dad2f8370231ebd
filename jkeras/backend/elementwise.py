"""Functions of each entry: `K.exp`, `K.clip`, `K.equal`, ...

Where a name means the same as in `jkeras.ops`, it is that function. The functions written out here differ in the names of their
arguments or in meaning.
"""

from __future__ import annotations

import jax
import numpy as np

from jkeras import ops
from jkeras._base import config
from jkeras._base.types import Array, Tree
from jkeras.ops.wrapper import Tensor


def sqrt(x: Tensor) -> Tensor:
    """The square root; negative numbers count as zero, as in Keras 2.

    Example:
        >>> sqrt([4.0, -1.0]).tolist()
        [2.0, 0.0]
    """
    return ops.sqrt(ops.maximum(x, 0.0))


def pow(x: Tensor, a: Tensor) -> Tensor:
    """`x` to the power of `a`."""
    return ops.power(x, a)


def clip(x: Tensor, min_value: Tensor | None, max_value: Tensor | None) -> Tensor:
    """The entries clipped to `[min_value, max_value]`; None leaves an end open.

    Args:
        x: any shape.
        min_value, max_value: numbers or arrays that broadcast; a `max_value` below `min_value` counts as `min_value`.

    Example:
        >>> clip([-2.0, 0.5, 7.0], 0, 1).tolist()
        [0.0, 0.5, 1.0]
    """
    if isinstance(min_value, (int, float)) and isinstance(max_value, (int, float)) and max_value < min_value:
        max_value = min_value
    if min_value is None:
        return x if max_value is None else ops.minimum(x, max_value)
    return ops.maximum(x, min_value) if max_value is None else ops.clip(x, min_value, max_value)


def maximum(x: Tensor, y: Tensor) -> Tensor:
    """The larger of two entries."""
    return ops.maximum(x, y)


def minimum(x: Tensor, y: Tensor) -> Tensor:
    """The smaller of two entries."""
    return ops.minimum(x, y)


def equal(x: Tensor, y: Tensor) -> Tensor:
    """Whether two entries are equal.

    Example:
        >>> mean_accuracy = lambda y_true, y_pred: ops.mean(equal(y_true, y_pred))
        >>> float(mean_accuracy([1, 2], [1, 3]))
        0.5
    """
    return ops.equal(x, y)


def not_equal(x: Tensor, y: Tensor) -> Tensor:
    """Whether two entries differ."""
    return ops.not_equal(x, y)


def greater(x: Tensor, y: Tensor) -> Tensor:
    """Whether `x > y`."""
    return ops.greater(x, y)


def greater_equal(x: Tensor, y: Tensor) -> Tensor:
    """Whether `x >= y`."""
    return ops.greater_equal(x, y)


def less(x: Tensor, y: Tensor) -> Tensor:
    """Whether `x < y`."""
    return ops.less(x, y)


def less_equal(x: Tensor, y: Tensor) -> Tensor:
    """Whether `x <= y`."""
    return ops.less_equal(x, y)


def cast_to_floatx(x: Tree) -> Tree:
    """The same values in `floatx()`: a NumPy array unless it is a JAX array, Variable or symbolic tensor.

    Example:
        >>> cast_to_floatx([1, 2])
        array([1., 2.], dtype=float32)
    """
    if isinstance(x, jax.Array) or ops.is_tensor(x):
        return ops.cast(x, config.floatx())
    return np.asarray(x, dtype=config.floatx())


def identity(x: Tensor, name: str | None = None) -> Tensor:
    """The same values; `name` is Keras 2's argument and has no effect."""
    return ops.convert_to_tensor(x)


def moving_average_update(x: Tree, value: Tensor, momentum: float) -> Array:
    """Assign `momentum * x + (1 - momentum) * value` to the Variable `x` and return it.

    Args:
        x: a `Variable`.
        value: of its shape.
        momentum: in [0, 1].
    """
    return x.assign(x.array * momentum + ops.cast(value, x.dtype) * (1.0 - momentum))
