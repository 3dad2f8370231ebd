"""`tf.gather_nd`, `tf.scatter_nd` and the like; segments; masks of sequences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from jkeras import ops
from jkeras._base.types import Array, Tree
from jkeras.compat.standin.host_tensor import host_tensor
from jkeras.ops.wrapper import Tensor
from jkeras.state.scope import is_traced

_SEGMENTS = """How many segments there are was computed from the data, such as tf.reduce_max(ids) + 1, so compiled code cannot
know the shape of the result. Write a size that is known: tf.math.unsorted_segment_sum(data, ids, tf.shape(nodes)[0]). Or compute
with the values at hand: model.compile(..., run_eagerly=True)."""


def slice(input_: Tree, begin: Tree, size: Tree, name: object = None) -> Tensor:
    """A part of an array; `name`, here and in all functions below, is for graphs.

    What lies in NumPy, as images in `dataset.map` do, is cut by NumPy: JAX compiles a program for each size.

    Args:
        input_: the array.
        begin: where the part begins, for each axis.
        size: of the part; -1 means up to the end.

    Raises:
        ValueError: an array in NumPy ends before the part does.

    Example:
        >>> slice([[1, 2, 3], [4, 5, 6]], (0, 1), (2, -1)).tolist()
        [[2, 3], [5, 6]]
    """
    if not isinstance(input_, np.ndarray) or is_traced(begin) or is_traced(size):
        return ops.slice(input_, begin, size)
    starts, sizes = np.asarray(begin).tolist(), np.asarray(size).tolist()
    ends = [length if n == -1 else start + n for start, n, length in zip(starts, sizes, input_.shape, strict=True)]
    if min(starts, default=0) < 0 or any(
        start > end or end > n for start, end, n in zip(starts, ends, input_.shape, strict=True)
    ):
        raise ValueError(f"The part from {starts} of the size {sizes} is not within an array of the shape {tuple(input_.shape)}.")
    return host_tensor(input_[tuple(map(_range, starts, ends))])


_range = type(np.s_[:])  # Python's own `slice`


def gather_nd(params: Tree, indices: Tree, batch_dims: int = 0, name: object = None) -> Tensor:
    """The entries, or blocks, at positions `(..., rank)`.

    Example:
        >>> gather_nd([[1, 2], [3, 4]], [[0, 1], [1, 0]]).tolist(), gather_nd([[1, 2], [3, 4]], [[1]]).tolist()
        ([2, 3], [[3, 4]])
    """
    params, indices = ops.convert_to_tensor(params), ops.convert_to_tensor(indices)
    pick: Any = lambda values, places: values[tuple(jnp.moveaxis(places, -1, 0))]  # noqa: E731
    for _ in range(batch_dims):
        pick = jax.vmap(pick)
    found: Array = pick(params, indices)
    return found


def scatter_nd(indices: Tree, updates: Tree, shape: Sequence[int], name: object = None) -> Tensor:
    """Zeros of a shape, with updates added at positions `(..., rank)`."""
    return ops.scatter(indices, updates, tuple(int(n) for n in shape))


def tensor_scatter_nd_update(tensor: Tree, indices: Tree, updates: Tree, name: object = None) -> Tensor:
    """The array with updates at positions `(..., rank)`.

    Example:
        >>> tensor_scatter_nd_update([1, 2, 3], [[0], [2]], [7, 8]).tolist()
        [7, 2, 8]
    """
    return ops.scatter_update(tensor, indices, updates)


def tensor_scatter_nd_add(tensor: Tree, indices: Tree, updates: Tree, name: object = None) -> Tensor:
    """The array with updates added at positions."""
    return ops.scatter_update(tensor, indices, updates, "add")


def tensor_scatter_nd_sub(tensor: Tree, indices: Tree, updates: Tree, name: object = None) -> Tensor:
    """The array with updates subtracted at positions."""
    return ops.scatter_update(tensor, indices, ops.negative(updates), "add")


def tensor_scatter_nd_max(tensor: Tree, indices: Tree, updates: Tree, name: object = None) -> Tensor:
    """The array with the greater of entry and update at positions."""
    return ops.scatter_update(tensor, indices, updates, "max")


def tensor_scatter_nd_min(tensor: Tree, indices: Tree, updates: Tree, name: object = None) -> Tensor:
    """The array with the lesser of entry and update at positions."""
    return ops.scatter_update(tensor, indices, updates, "min")


def sequence_mask(lengths: Tree, maxlen: int | None = None, dtype: DTypeLike = "bool", name: object = None) -> Tensor:
    """True at the first places of each row, as many as its length.

    Example:
        >>> sequence_mask([1, 2], 3, "int32").tolist()
        [[1, 0, 0], [1, 1, 0]]
    """
    lengths = ops.convert_to_tensor(lengths)
    count = int(lengths.max()) if maxlen is None else int(maxlen)
    return ops.cast(jnp.arange(count) < lengths[..., None], dtype)


def invert_permutation(x: Tree, name: object = None) -> Tensor:
    """The permutation that undoes one."""
    return ops.argsort(x)


def dynamic_partition(data: Tree, partitions: Tree, num_partitions: int, name: object = None) -> list[Tensor]:
    """The rows of each part. Their numbers must be known, so it works on values, not in compiled functions."""
    data, partitions = ops.convert_to_tensor(data), ops.convert_to_tensor(partitions)
    return [data[partitions == part] for part in range(num_partitions)]


def unsorted_segment_sum(data: Tree, segment_ids: Tree, num_segments: Tree, name: object = None) -> Tensor:
    """The sum of the rows of each segment.

    Example:
        >>> unsorted_segment_sum([1.0, 2.0, 3.0], [0, 1, 0], 3).tolist()
        [4.0, 2.0, 0.0]
    """
    return ops.segment_sum(data, segment_ids, _known(num_segments))


def unsorted_segment_max(data: Tree, segment_ids: Tree, num_segments: Tree, name: object = None) -> Tensor:
    """The greatest row entries of each segment; the least number where it is empty."""
    return ops.segment_max(data, segment_ids, _known(num_segments))


def unsorted_segment_min(data: Tree, segment_ids: Tree, num_segments: Tree, name: object = None) -> Tensor:
    """The least row entries of each segment; the greatest number where it is empty."""
    return ops.segment_min(data, segment_ids, _known(num_segments))


def unsorted_segment_prod(data: Tree, segment_ids: Tree, num_segments: Tree, name: object = None) -> Tensor:
    """The product of the rows of each segment."""
    return ops.segment_prod(data, segment_ids, _known(num_segments))


def unsorted_segment_mean(data: Tree, segment_ids: Tree, num_segments: Tree, name: object = None) -> Tensor:
    """The mean of the rows of each segment; 0 where it is empty."""
    data, number = ops.convert_to_tensor(data), _known(num_segments)
    count = ops.segment_sum(jnp.ones(np.shape(segment_ids), data.dtype), segment_ids, number)
    total = ops.segment_sum(data, segment_ids, number)
    return total / jnp.maximum(count, 1).reshape(-1, *(1,) * (data.ndim - 1))


def _known(num_segments: Tree) -> int:
    try:
        return int(num_segments)
    except jax.errors.ConcretizationTypeError as error:
        error.add_note(_SEGMENTS)
        raise


def segment_sum(data: Tree, segment_ids: Tree, name: object = None) -> Tensor:
    """`unsorted_segment_sum` for as many segments as there are."""
    return unsorted_segment_sum(data, segment_ids, jnp.max(jnp.asarray(segment_ids)) + 1)


def segment_mean(data: Tree, segment_ids: Tree, name: object = None) -> Tensor:
    """`unsorted_segment_mean` for as many segments as there are."""
    return unsorted_segment_mean(data, segment_ids, jnp.max(jnp.asarray(segment_ids)) + 1)


def segment_max(data: Tree, segment_ids: Tree, name: object = None) -> Tensor:
    """`unsorted_segment_max` for as many segments as there are."""
    return unsorted_segment_max(data, segment_ids, jnp.max(jnp.asarray(segment_ids)) + 1)


def bincount(
    arr: Tree, weights: Tree = None, minlength: int | None = None, maxlength: int | None = None, dtype: DTypeLike = "int32",
    name: object = None, axis: int | None = None, binary_output: bool = False,
) -> Tensor:  # fmt: skip
    """How often each integer occurs, or the sum of the weights where it does.

    Example:
        >>> bincount([0, 2, 2]).tolist()
        [1, 0, 2]
    """
    arr = ops.convert_to_tensor(arr)
    length = int(arr.max()) + 1 if maxlength is None or minlength != maxlength else int(maxlength)
    length = max(length, minlength or 0) if maxlength is None else min(max(length, minlength or 0), maxlength)

    def count(row: Array, weight: Array | None) -> Array:
        return jnp.bincount(row, weight, length=length)

    flat = arr.reshape(-1) if axis is None or arr.ndim == 1 else arr
    weight = None if weights is None else jnp.reshape(jnp.asarray(weights), flat.shape)
    if flat.ndim == 1:
        found = count(flat, weight)
    else:
        found = jax.vmap(lambda row: count(row, None))(flat) if weight is None else jax.vmap(count)(flat, weight)
    return ops.cast(found > 0, dtype) if binary_output else (ops.cast(found, dtype) if weights is None else found)
