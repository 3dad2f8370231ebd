"""`tf.constant`, `tf.zeros`, `tf.range` and the like: new arrays."""

from __future__ import annotations

from collections.abc import Sequence

from jax.typing import DTypeLike

from jkeras import ops
from jkeras._base.types import Tree
from jkeras.compat.standin import host_tensor
from jkeras.compat.standin.array_shape import as_shape, sizes_stay_known
from jkeras.compat.standin.dtypes import numpy_dtype
from jkeras.ops.families import Shape
from jkeras.ops.wrapper import Tensor


def constant(value: Tree, dtype: DTypeLike | None = None, shape: Shape | None = None, name: object = None) -> Tensor:
    """An array of values, broadcast to `shape` if given; `name`, here and in all functions below, is for graphs.

    Example:
        >>> constant([[1.0, 2.0]]).shape, constant(7, shape=(2,)).tolist()
        ((1, 2), [7, 7])
    """
    with sizes_stay_known(value):
        array = convert_to_tensor(value, dtype)
    if shape is None:
        return array
    return ops.broadcast_to(array, as_shape(shape)) if array.size == 1 else ops.reshape(array, as_shape(shape))


def convert_to_tensor(value: Tree, dtype: DTypeLike | None = None, dtype_hint: object = None, name: object = None) -> Tensor:
    """An array of values; texts become a string tensor."""
    if host_tensor.is_text(value):
        return host_tensor.host_tensor(value)
    return ops.convert_to_tensor(value, dtype=dtype)


def zeros(shape: Shape, dtype: DTypeLike | None = "float32", name: object = None) -> Tensor:
    """An array of zeros."""
    return ops.zeros(as_shape(shape), dtype=None if dtype is None else numpy_dtype(dtype))


def ones(shape: Shape, dtype: DTypeLike | None = "float32", name: object = None) -> Tensor:
    """An array of ones."""
    return ops.ones(as_shape(shape), dtype=None if dtype is None else numpy_dtype(dtype))


def fill(dims: Shape, value: Tree, name: object = None) -> Tensor:
    """An array of one value."""
    return ops.full(as_shape(dims), value)


def eye(
    num_rows: int,
    num_columns: int | None = None,
    batch_shape: Sequence[int] | None = None,
    dtype: DTypeLike | None = "float32",
    name: object = None,
) -> Tensor:
    """The identity matrix, repeated over the shape of a batch."""
    matrix = ops.eye(num_rows, num_columns, dtype=dtype)
    return matrix if batch_shape is None else ops.broadcast_to(matrix, (*batch_shape, *matrix.shape))


def range(start: Tree, limit: Tree = None, delta: Tree = 1, dtype: DTypeLike | None = None, name: object = None) -> Tensor:
    """Numbers from `start` up to, but not including, `limit`; with one argument, from 0.

    Example:
        >>> range(3).tolist(), range(1, 7, 2).tolist()
        ([0, 1, 2], [1, 3, 5])
    """
    start, limit = (0, start) if limit is None else (start, limit)
    return ops.arange(start, limit, delta, dtype=dtype)


def linspace(start: Tree, stop: Tree, num: int, name: object = None, axis: int = 0) -> Tensor:
    """Numbers at equal distances, both ends included."""
    return ops.linspace(start, stop, num, axis=axis)
