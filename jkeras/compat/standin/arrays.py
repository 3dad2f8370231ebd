"""Array functions of TensorFlow whose meaning or defaults differ from those of `jkeras.ops`."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Sequence

import jax
import numpy as np
from jax.typing import DTypeLike

from jkeras import ops
from jkeras._base.dtypes import is_float
from jkeras._base.types import Tree
from jkeras.compat.standin import host_tensor
from jkeras.compat.standin.array_shape import Number, Sizes
from jkeras.compat.standin.dtypes import numpy_dtype
from jkeras.ops.wrapper import Tensor, symbolic


def cast(x: Tree, dtype: DTypeLike | None, name: object = None) -> Tensor:
    """The values in another dtype; `name`, here and in all functions below, is for graphs.

    A number, such as a size, stays known while code is traced, so that it may be part of a shape.

    Example:
        >>> cast([1.7, 2.2], "int32").tolist()
        [1, 2]
    """
    if host_tensor.is_text(x) and dtype in ("string", host_tensor.STRING):
        return x
    if isinstance(x, host_tensor.HostTensor) and dtype is not None and x.dtype != host_tensor.STRING:
        return host_tensor.host_tensor(x.astype(dtype))  # an image from a file stays in NumPy, as in tf.image
    with jax.ensure_compile_time_eval() if isinstance(x, (int, float)) else contextlib.nullcontext():
        return ops.cast(x, dtype)


def to_float(x: Tree, name: object = None) -> Tensor:
    """The values as float32."""
    return ops.cast(x, "float32")


def to_int32(x: Tree, name: object = None) -> Tensor:
    """The values as int32."""
    return ops.cast(x, "int32")


def identity(input: Tree, name: object = None) -> Tensor:
    """The values as an array."""
    return ops.convert_to_tensor(input)


def shape(input: Tree, out_type: DTypeLike = "int32", name: object = None) -> Sizes:
    """The sizes of the axes, as numbers that are known while code is traced; floats if the dtype says so.

    It is a tuple, with which one computes as with an array.

    Example:
        >>> shape([[1, 2]]), shape([[1, 2]], out_type="float32")
        ((1, 2), (1.0, 2.0))
    """
    sizes = ops.shape(input)
    return Sizes(float(n) if isinstance(n, int) else n for n in sizes) if is_float(numpy_dtype(out_type)) else Sizes(sizes)


def size(input: Tree, out_type: DTypeLike = "int32", name: object = None) -> Tensor:
    """The number of entries, known while code is traced.

    Example:
        >>> size([[1, 2, 3]]), size([[1, 2, 3]]).numpy()
        (3, np.int32(3))
    """
    number = np.size(input) if host_tensor.is_text(input) else ops.size(input)
    if not isinstance(number, int):
        return number
    return float(number) if is_float(numpy_dtype(out_type)) else Number(number)


def rank(input: Tree, name: object = None) -> Tensor:
    """The number of axes."""
    return Number(ops.ndim(input))


def add_n(inputs: Sequence[Tree], name: object = None) -> Tensor:
    """The sum of arrays of one shape."""
    return functools.reduce(ops.add, inputs)


def equal(x: Tree, y: Tree, name: object = None) -> Tensor:
    """Where two arrays, or texts, are equal.

    Example:
        >>> equal([1, 2], 2).tolist(), equal(["a", "b"], "a").tolist()
        ([False, True], [True, False])
    """
    if host_tensor.is_text(x) or host_tensor.is_text(y):
        return ops.convert_to_tensor(host_tensor.encoded(x) == host_tensor.encoded(y))
    return ops.equal(x, y)


def not_equal(x: Tree, y: Tree, name: object = None) -> Tensor:
    """Where two arrays, or texts, differ."""
    return ops.logical_not(equal(x, y))


def squared_difference(x: Tree, y: Tree, name: object = None) -> Tensor:
    """`(x - y)^2`."""
    return ops.square(ops.subtract(x, y))


def matmul(a: Tree, b: Tree, transpose_a: bool = False, transpose_b: bool = False, name: object = None) -> Tensor:
    """The matrix product of the last two axes, which are swapped first on request.

    Example:
        >>> matmul([[1.0, 2.0]], [[3.0, 4.0]], transpose_b=True).tolist()
        [[11.0]]
    """
    a = ops.swapaxes(a, -1, -2) if transpose_a else a
    b = ops.swapaxes(b, -1, -2) if transpose_b else b
    return ops.matmul(a, b)


def argmax(
    input: Tree, axis: int | None = None, output_type: DTypeLike | None = None, name: object = None, dimension: int | None = None
) -> Tensor:
    """The index of the greatest value along an axis, by default the first.

    Example:
        >>> argmax([[1, 5], [3, 2]]).tolist()
        [1, 0]
    """
    return _place(ops.argmax(input, axis=_first(axis, dimension)), output_type)


def argmin(
    input: Tree, axis: int | None = None, output_type: DTypeLike | None = None, name: object = None, dimension: int | None = None
) -> Tensor:
    """The index of the least value along an axis, by default the first."""
    return _place(ops.argmin(input, axis=_first(axis, dimension)), output_type)


def _first(axis: int | None, dimension: int | None) -> int:
    return next((given for given in (axis, dimension) if given is not None), 0)


def _place(places: Tree, output_type: DTypeLike | None) -> Tensor:
    return places if output_type is None else ops.cast(places, output_type)


def sort(values: Tree, axis: int = -1, direction: str = "ASCENDING", name: object = None) -> Tensor:
    """The values in order; `direction="DESCENDING"` puts the greatest first."""
    result = ops.sort(values, axis=axis)
    return result if direction == "ASCENDING" else ops.flip(result, axis=axis)


def argsort(values: Tree, axis: int = -1, direction: str = "ASCENDING", stable: bool = False, name: object = None) -> Tensor:
    """The indices of the values in order."""
    return ops.argsort(values if direction == "ASCENDING" else ops.negative(values), axis=axis)


def cumsum(x: Tree, axis: int = 0, exclusive: bool = False, reverse: bool = False, name: object = None) -> Tensor:
    """Cumulative sums along an axis.

    Example:
        >>> cumsum([1, 2, 3]).tolist(), cumsum([1, 2, 3], exclusive=True).tolist(), cumsum([1, 2, 3], reverse=True).tolist()
        ([1, 3, 6], [0, 1, 3], [6, 5, 3])
    """
    x = ops.flip(x, axis=axis) if reverse else ops.convert_to_tensor(x)
    total = ops.cumsum(x, axis=axis)
    total = ops.subtract(total, x) if exclusive else total
    return ops.flip(total, axis=axis) if reverse else total


def cumprod(x: Tree, axis: int = 0, exclusive: bool = False, reverse: bool = False, name: object = None) -> Tensor:
    """Cumulative products along an axis.

    Example:
        >>> cumprod([2, 3, 4]).tolist(), cumprod([2, 3, 4], exclusive=True).tolist(), cumprod([2, 3, 4], reverse=True).tolist()
        ([2, 6, 24], [1, 2, 6], [24, 12, 4])
    """
    x = ops.flip(x, axis=axis) if reverse else ops.convert_to_tensor(x)
    total = ops.cumprod(x, axis=axis)
    if exclusive:
        size = ops.shape(x)[axis]
        if size is None:
            raise ValueError("cumprod(exclusive=True) needs an axis of known size. Give Input(shape=...) a number there.")
        first = ops.ones_like(ops.take(x, [0], axis=axis))
        total = ops.concatenate([first, ops.split(total, [size - 1], axis=axis)[0]], axis=axis)
    return ops.flip(total, axis=axis) if reverse else total


def einsum(equation: str, *inputs: Tree, name: object = None) -> Tensor:
    """A sum of products, described by the names of the axes."""
    return ops.einsum(equation, *inputs)


def gather(
    params: Tree,
    indices: Tree,
    validate_indices: Tree = None,
    axis: int | None = None,
    batch_dims: int = 0,
    name: object = None,
) -> Tensor:
    """The entries at indices along an axis, by default the first that is no axis of the batch.

    Args:
        params: an array.
        indices: integers.
        validate_indices: no effect.
        axis: along which.
        batch_dims: how many first axes `params` and `indices` share: each row has indices of its own.
        name: no effect.

    Example:
        >>> gather([[1, 2, 3], [4, 5, 6]], [[2, 0], [1, 1]], batch_dims=1).tolist()
        [[3, 1], [5, 5]]
    """
    if not batch_dims:
        return ops.take(params, indices, axis=0 if axis is None else axis)
    return _gather_in_rows(params, indices, axis, batch_dims)


def _gather_within(params: Tree, indices: Tree, axis: int | None, batch_dims: int) -> Tensor:
    array, places = ops.convert_to_tensor(params), ops.convert_to_tensor(indices)
    batch = batch_dims % places.ndim if batch_dims < 0 else batch_dims
    along = batch if axis is None else axis % array.ndim

    def take(one: Tensor, index: Tensor) -> Tensor:
        return ops.take(one, index, axis=along - batch)

    for _ in range(batch):
        take = jax.vmap(take)
    return take(array, places)


_gather_in_rows = symbolic(_gather_within, "gather")


def boolean_mask(tensor: Tree, mask: Tree, axis: int = 0, name: object = None) -> Tensor:
    """The entries where a mask is true. Their number must be known, so it works on values, not in compiled functions.

    Example:
        >>> boolean_mask([1, 2, 3], [True, False, True]).tolist()
        [1, 3]
    """
    mask = ops.convert_to_tensor(mask)
    if axis == 0:
        return ops.convert_to_tensor(tensor)[mask]
    places = ops.nonzero(mask)[0]
    return ops.take(tensor, places, axis=axis)


def where(condition: Tree, x: Tree = None, y: Tree = None, name: object = None) -> Tensor:
    """`x` where the condition holds, else `y`; without these two, the indices where it holds, one row each.

    Example:
        >>> where([True, False], [1, 2], [3, 4]).tolist(), where([False, True]).tolist()
        ([1, 4], [[1]])
    """
    if x is None:
        return ops.stack(ops.nonzero(ops.convert_to_tensor(condition)), axis=-1)
    if host_tensor.is_text(x):
        return host_tensor.host_tensor(np.where(np.asarray(condition), host_tensor.encoded(x), host_tensor.encoded(y)))
    return ops.where(condition, x, y)


def one_hot(
    indices: Tree,
    depth: int,
    on_value: Tree = None,
    off_value: Tree = None,
    axis: int | None = None,
    dtype: DTypeLike | None = None,
    name: object = None,
) -> Tensor:
    """Rows with `on_value` (1) at each index and `off_value` (0) elsewhere."""
    hot = ops.one_hot(indices, depth, axis=-1 if axis is None else axis, dtype=dtype or "float32")
    on, off = 1 if on_value is None else on_value, 0 if off_value is None else off_value
    return hot if (on, off) == (1, 0) else ops.add(ops.multiply(hot, on - off), off)


def pad(tensor: Tree, paddings: Tree, mode: str = "CONSTANT", constant_values: Tree = 0, name: object = None) -> Tensor:
    """The array padded at the ends of each axis; `mode` is `"CONSTANT"`, `"REFLECT"` or `"SYMMETRIC"`."""
    low = mode.lower()
    return ops.pad(tensor, paddings, mode=low, constant_values=constant_values if low == "constant" else None)


def split(
    value: Tree, num_or_size_splits: int | Sequence[int], axis: int = 0, num: object = None, name: object = None
) -> list[Tensor]:
    """Parts of an array: a number of equal ones, or parts of the given sizes.

    Example:
        >>> [part.tolist() for part in split([1, 2, 3, 4], [1, 3])]
        [[1], [2, 3, 4]]
    """
    if isinstance(num_or_size_splits, int):
        return list(ops.split(value, num_or_size_splits, axis=axis))
    sizes = [int(n) for n in num_or_size_splits]
    return list(ops.split(value, [sum(sizes[:i]) for i in range(1, len(sizes))], axis=axis))


def norm(
    tensor: Tree,
    ord: str | float = "euclidean",
    axis: int | Sequence[int] | None = None,
    keepdims: bool = False,
    name: object = None,
) -> Tensor:
    """The norm of vectors, or the Frobenius norm; over all entries unless an axis is given."""
    if axis is None:
        size = ops.norm(ops.reshape(tensor, (-1,)), ord=None if ord in ("euclidean", "fro") else ord)
        return ops.reshape(size, (1,) * len(ops.shape(tensor))) if keepdims else size
    return ops.norm(tensor, ord=None if ord == "euclidean" else ord, axis=axis, keepdims=keepdims)


def clip_by_norm(t: Tree, clip_norm: float, axes: int | Sequence[int] | None = None, name: object = None) -> Tensor:
    """The array, scaled down if its norm exceeds `clip_norm`."""
    size = ops.sqrt(ops.sum(ops.square(t), axis=axes, keepdims=True))
    return ops.divide(ops.multiply(t, clip_norm), ops.maximum(size, clip_norm))


def meshgrid(*args: Tree, indexing: str = "xy", name: object = None) -> list[Tensor]:
    """Coordinates of a grid."""
    return list(ops.meshgrid(*args, indexing=indexing))


def unique(x: Tree, out_idx: object = None, name: object = None) -> tuple[Tensor, Tensor]:
    """The distinct values in the order of their first occurrence, and for each entry the index of its value.

    Example:
        >>> values, places = unique([7, 3, 7])
        >>> values.tolist(), places.tolist()
        ([7, 3], [0, 1, 0])
    """
    entries = ops.convert_to_numpy(x).tolist()
    places = {value: i for i, value in enumerate(dict.fromkeys(entries))}
    return ops.convert_to_tensor(list(places)), ops.convert_to_tensor([places[value] for value in entries])
