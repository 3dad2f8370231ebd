"""Order: sorting, the largest entries, positions in an order, distinct values."""

from __future__ import annotations

import inspect

import jax.numpy as jnp
from jax import lax

from jkeras._base.errors import describe
from jkeras._base.types import Array, Tree
from jkeras.ops.wrapper import Tensor, as_array, operand, operation


@operation("numpy")
def argmax(x: Tensor, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The index of the largest entry along an axis, in the flattened array by default: the first of equal ones."""
    return jnp.argmax(_in_order(as_array(x), nan=1), axis=axis, keepdims=keepdims)


@operation("numpy")
def argmin(x: Tensor, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The index of the smallest entry along an axis, in the flattened array by default: the first of equal ones."""
    return jnp.argmin(_in_order(as_array(x), nan=-1), axis=axis, keepdims=keepdims)


def _in_order(x: Array, nan: int) -> Array:
    """Integers in the order of x: processors that take the smallest floats for 0 would compare those wrongly.

    Args:
        x: numbers.
        nan: 1 to put NaN above all numbers, -1 to put it below.
    """
    if not jnp.issubdtype(x.dtype, jnp.floating):
        return x
    integer = jnp.dtype(f"int{8 * x.dtype.itemsize}")
    limits, bits = jnp.iinfo(integer), lax.bitcast_convert_type(x, integer)
    ordered = jnp.where(bits < 0, limits.min - bits, bits)  # -0.0 is 0
    return jnp.where(jnp.isnan(x), limits.max if nan > 0 else limits.min, ordered)


@operation("numpy")
def sort(x: Tensor, axis: int | None = -1) -> Tensor:
    """The entries in rising order along an axis, of the flattened array if it is None."""
    return jnp.sort(operand(x), axis=axis)


@operation("numpy")
def argsort(x: Tensor, axis: int | None = -1) -> Tensor:
    """The indices that sort along an axis, equal entries in their order.

    Example:
        >>> argsort([3, 1, 2]).tolist()
        [1, 2, 0]
    """
    x = as_array(x)
    return jnp.argsort(x, axis=axis if x.ndim else None)


@operation("numpy")
def argpartition(x: Tensor, kth: int, axis: int | None = -1) -> Tensor:
    """Indices that bring the kth smallest entry to its place, smaller ones before it and larger ones after it.

    Args:
        x: numbers.
        kth: the position.
        axis: along which; None for the flattened array.
    """
    x = as_array(x)
    return jnp.argpartition(jnp.ravel(x), kth) if axis is None else jnp.argpartition(x, kth, axis=axis)


@operation()
def top_k(x: Tensor, k: int, sorted: bool = True) -> tuple[Tensor, Tensor]:
    """The k largest entries along the last axis.

    Args:
        x: numbers.
        k: how many.
        sorted: Keras' argument; they are in descending order in any case.

    Returns:
        Values and indices.

    Example:
        >>> [a.tolist() for a in top_k([1, 5, 3], k=2)]
        [[5, 3], [1, 2]]
    """
    return tuple(lax.top_k(as_array(x), k))  # type: ignore[return-value]


@operation("numpy")
def searchsorted(sorted_sequence: Tensor, values: Tensor, side: str = "left") -> Tensor:
    """Where values go in a rising sequence so that it stays in order.

    Args:
        sorted_sequence: `(n,)`, in rising order.
        values: any shape.
        side: `"left"` puts a value before its equals, `"right"` after them.

    Example:
        >>> searchsorted([1, 3, 5], [3, 4]).tolist()
        [1, 2]
    """
    sorted_sequence = as_array(sorted_sequence)
    if sorted_sequence.ndim != 1:
        raise ValueError(
            f"searchsorted takes a sequence with one axis, received {describe(sorted_sequence)}. For a batch of sequences write "
            f"ops.vectorized_map(lambda pair: ops.searchsorted(*pair), (sequences, values))."
        )
    return jnp.searchsorted(sorted_sequence, operand(values), side=side)


@operation("numpy")
def digitize(x: Tensor, bins: Tensor) -> Tensor:
    """The index of the bin each entry falls into: how many edges are not above it."""
    return jnp.digitize(operand(x), operand(bins))


def _unique_of_length(n: int, *args: Tree, **kwargs: Tree) -> Tree:
    given = inspect.signature(unique).bind(*args, **kwargs).arguments
    return unique(**given if given.get("size") is not None else {**given, "size": n})


@operation("numpy", of_length=_unique_of_length)
def unique(
    x: Tensor,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Tensor | None = None,
) -> Tree:
    """The distinct entries, or slices along an axis.

    Args:
        x: any shape.
        sorted: whether they must come in rising order.
        return_index: whether to return where each first occurs.
        return_inverse: whether to return, for each entry of x, which distinct entry it is.
        return_counts: whether to return how often each occurs.
        axis: of the slices; None for entries.
        size: the length of the result; without it there is no result inside `jit`.
        fill_value: what fills a result up to `size`, by default the smallest entry.

    Example:
        >>> unique([3, 1, 3]).tolist()
        [1, 3]
    """
    return jnp.unique(
        operand(x),
        return_index=return_index,
        return_inverse=return_inverse,
        return_counts=return_counts,
        axis=axis,
        equal_nan=False,
        size=size,
        fill_value=fill_value,
        sorted=sorted,
    )
