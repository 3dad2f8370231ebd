"""From integers to vectors: rows of a table, and one-hot codes.

`embedding(table, i)` equals `one_hot(i) @ table`; the lookup never builds the one-hot matrix, and its gradient adds up the rows
that were looked up.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jkeras._base.types import Array, DTypeLike, Int
from jkeras.nn.kernel import Table


def embedding(table: Array | Table, indices: Int[Array, " *shape"]) -> Array:
    """Look up rows: `y[..., :] = table[indices[...], :]`.

    Args:
        table: `(rows, width)`, or what stands for it.
        indices: integers in `[0, rows)`; negative ones count from the end. Other dtypes are cast to int32.

    Returns:
        `(*indices.shape, width)`; NaN where an index is beyond the table.

    Example:
        >>> import jax.numpy as jnp
        >>> embedding(jnp.array([[0.0, 1.0], [2.0, 3.0]]), jnp.array([1, 0])).tolist()
        [[2.0, 3.0], [0.0, 1.0]]
    """
    if not jnp.issubdtype(indices.dtype, jnp.integer):
        indices = indices.astype(jnp.int32)
    return table.rows(indices) if isinstance(table, Table) else jnp.take(table, indices, axis=0)


def one_hot(indices: Int[Array, " *shape"], num_classes: int, axis: int = -1, dtype: DTypeLike | None = jnp.float32) -> Array:
    """Vectors of zeros with a one at the index; all zeros for an index outside `[0, num_classes)`.

    Args:
        indices: integers of any shape.
        num_classes: length of the new axis.
        axis: where the new axis goes in the result.
        dtype: of the result.

    Returns:
        The shape of `indices` with a new axis of length `num_classes`.

    Example:
        >>> import jax.numpy as jnp
        >>> one_hot(jnp.array([1, 3]), 3).tolist()
        [[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    """
    return jax.nn.one_hot(indices, num_classes, axis=axis, dtype=dtype)
