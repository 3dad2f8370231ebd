"""Keras 2's module `keras.utils.np_utils`, for scripts that import from it; new code takes both from `keras.utils`."""

from __future__ import annotations

from jax.typing import DTypeLike

from jkeras._base.registry import export
from jkeras._base.types import Tree
from jkeras.utils import numerical
from jkeras.utils.numerical import Array
from jkeras.utils.numerical import normalize as normalize


@export("keras.utils.np_utils.to_categorical")
def to_categorical(y: Tree, num_classes: int | None = None, dtype: DTypeLike | None = "float32") -> Array:
    """One-hot rows of integer labels with Keras 2's argument names and its default of float32.

    Args:
        y: integers 0 to `num_classes - 1`, of any shape; a trailing dimension of 1 is dropped.
        num_classes: how many classes; None takes the largest label plus one.
        dtype: of the result, default `"float32"`.

    Returns:
        An array of shape `(*y.shape, num_classes)`.

    Raises:
        ValueError: a label is out of range.

    Example:
        >>> to_categorical([0, 2]).dtype
        dtype('float32')
    """
    return numerical.to_categorical(y, num_classes, dtype=dtype)
