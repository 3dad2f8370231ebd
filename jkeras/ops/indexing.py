"""Reading and writing at indices: take, where, slices, scatter, one-hot codes."""

from __future__ import annotations

import operator
from collections.abc import Sequence

import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike, DTypeLike

from jkeras._base.dtypes import standardize_dtype
from jkeras._base.errors import unknown_name
from jkeras._base.plain_numbers import INTEGERS
from jkeras._base.types import Array, Tree
from jkeras.graph.spec import check_index
from jkeras.nn import embedding
from jkeras.ops.families import Shape, define, lookup
from jkeras.ops.wrapper import Tensor, as_array, as_integers, no_sparse, operand, operation

define(lookup, jnp, "take take_along_axis")

_REDUCTIONS = {None: "set", "add": "add", "max": "max", "min": "min", "mul": "multiply"}


@operation("numpy")
def get_item(x: Tensor, key: Tree) -> Tensor:
    """`x[key]`; a number in the key that lies outside of its axis is an error."""
    x = as_array(x)
    check_index(x.shape, key)
    return operator.getitem(x, key)


def _where_of_length(n: int, condition: Tensor, x1: Tensor | None = None, x2: Tensor | None = None) -> Tree:
    if x1 is None and x2 is None:
        return jnp.nonzero(operand(condition), size=n)
    return jnp.where(operand(condition), operand(x1), operand(x2))


@operation("numpy", of_length=_where_of_length)
def where(condition: Tensor, x1: Tensor | None = None, x2: Tensor | None = None) -> Tree:
    """x1 where the condition holds, x2 elsewhere; without both, the indices where it holds.

    Example:
        >>> where([True, False], [1, 2], [3, 4]).tolist()
        [1, 4]
    """
    if x1 is None and x2 is None:
        return jnp.where(operand(condition))
    return jnp.where(operand(condition), operand(x1), operand(x2))


@operation("numpy", of_length=lambda n, x: jnp.nonzero(operand(x), size=n))
def nonzero(x: Tensor) -> tuple[Tensor, ...]:
    """The indices of entries that are not 0, one array per axis. Not for `jit`, since their number depends on values."""
    return jnp.nonzero(operand(x))


@operation("numpy")
def select(condlist: Sequence[Tensor], choicelist: Sequence[Tensor], default: Tensor = 0) -> Tensor:
    """For each entry the choice that belongs to the first condition that holds, else the default."""
    return jnp.select([operand(c) for c in condlist], [operand(c) for c in choicelist], default)


@operation("numpy")
def unravel_index(indices: Tensor, shape: Shape) -> tuple[Tensor, ...]:
    """Indices into a flattened array as indices along each axis."""
    return jnp.unravel_index(operand(indices), (shape,) if isinstance(shape, INTEGERS) else shape)


@operation()
def slice_(inputs: Tensor, start_indices: Sequence[Tensor], shape: Sequence[int]) -> Tensor:
    """A slice of a given shape; a size of -1 means up to the end.

    Args:
        inputs: an array.
        start_indices: of the slice, one per axis; unlike the shape they may be computed.
        shape: of the slice. A slice that sticks out is moved back into the array.

    Example:
        >>> slice([[1, 2, 3], [4, 5, 6]], (0, 1), (2, -1)).tolist()
        [[2, 3], [5, 6]]
    """
    x = as_array(inputs)
    sizes = [x.shape[i] - int(start_indices[i]) if n == -1 else n for i, n in enumerate(shape)]
    return lax.dynamic_slice(x, _starts(start_indices), sizes)


@operation()
def slice_update(inputs: Tensor, start_indices: Sequence[Tensor], updates: Tensor) -> Tensor:
    """The array with a slice replaced; a slice that sticks out is moved back into the array.

    Example:
        >>> slice_update([0, 0, 0], [1], [7, 8]).tolist()
        [0, 7, 8]
    """
    x = as_array(inputs)
    return lax.dynamic_update_slice(x, as_array(updates, x.dtype), _starts(start_indices))


def _starts(start_indices: Sequence[Tensor]) -> tuple[ArrayLike, ...]:
    return tuple(as_integers(start) for start in start_indices)


@operation()
def scatter(indices: Tensor, values: Tensor, shape: Shape) -> Tensor:
    """Zeros of a shape, with values added at indices.

    Args:
        indices: `(..., rank)`, the position of each value.
        values: `(...)`, or with further axes if rank is less than the number of axes.
        shape: of the result.

    Example:
        >>> scatter([[0], [2], [2]], [1, 2, 3], (4,)).tolist()
        [1, 0, 5, 0]
    """
    values = as_array(values)
    return jnp.zeros(shape, values.dtype).at[_positions(indices)].add(values)


@operation()
def scatter_update(inputs: Tensor, indices: Tensor, updates: Tensor, reduction: str | None = None) -> Tensor:
    """The array with entries at indices replaced, or combined with updates.

    Args:
        inputs: an array.
        indices: `(n, rank)`, the position of each update.
        updates: `(n,)`, or with further axes if rank is less than the number of axes.
        reduction: None to replace, `"add"`, `"mul"`, `"max"` or `"min"` to combine.

    Example:
        >>> scatter_update([1, 1, 1], [[0], [2]], [5, 7], reduction="add").tolist()
        [6, 1, 8]
    """
    if reduction not in _REDUCTIONS:
        raise unknown_name("reduction", reduction, [r for r in _REDUCTIONS if r])
    at = as_array(inputs).at[_positions(indices)]
    return getattr(at, _REDUCTIONS[reduction])(operand(updates))


def _positions(indices: Tensor) -> tuple[Array, ...]:
    return tuple(jnp.moveaxis(jnp.asarray(as_integers(indices)), -1, 0))


@operation("nn")
def one_hot(x: Tensor, num_classes: int, axis: int = -1, dtype: DTypeLike | None = None, sparse: bool = False) -> Tensor:
    """Vectors of zeros with a one at each integer; all zeros for an integer outside `[0, num_classes)`.

    Args:
        x: integers.
        num_classes: the size of the new axis.
        axis: its position.
        dtype: of the result, `floatx()` by default.
        sparse: Keras' argument; True is an error.

    Example:
        >>> one_hot([1, 0], 3).tolist()
        [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]
    """
    no_sparse(sparse)
    return embedding.one_hot(as_array(x), num_classes, axis, standardize_dtype(dtype))


@operation("nn")
def multi_hot(
    inputs: Tensor, num_classes: int | None = None, axis: int = -1, dtype: DTypeLike | None = None, sparse: bool = False
) -> Tensor:
    """Vectors of zeros with a one at each integer of a set.

    Args:
        inputs: integers, `(n,)` for one set or `(batch, n, ...)`.
        num_classes: the size of the new axis.
        axis: its position before the sets are merged.
        dtype: of the result, `floatx()` by default.
        sparse: Keras' argument; True is an error.

    Example:
        >>> multi_hot([[0, 2], [1, 1]], 3).tolist()
        [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]
    """
    no_sparse(sparse)
    if num_classes is None:
        raise ValueError("multi_hot needs num_classes, the size of the new axis: write multi_hot(inputs, num_classes=...).")
    x = as_array(inputs, "int32")
    codes = embedding.one_hot(x, num_classes, axis, standardize_dtype(dtype))
    return jnp.max(codes, axis=1 if x.ndim > 1 else 0)
