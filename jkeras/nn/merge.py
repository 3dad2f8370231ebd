"""Products of two batches, example by example.

The batch axis is kept, one axis of each side is summed over, the other axes follow each other. With unit vectors the product is
the cosine of the angle between them.
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax

from jkeras._base.errors import describe
from jkeras._base.plain_numbers import INTEGERS
from jkeras._base.types import Array, Float
from jkeras.nn.lengths import unit_vectors


def batch_dot(
    x: Float[Array, " batch *left"], y: Float[Array, " batch *right"], axes: int | tuple[int, int] = -1, normalize: bool = False
) -> Float[Array, " batch *rest"]:
    """Sum over one axis of each operand, for every example: `z[n, ...] = sum_k x[n, ..., k, ...] y[n, ..., k, ...]`.

    Args:
        x: `(batch, ...)`, rank 2 or more.
        y: `(batch, ...)`, rank 2 or more.
        axes: the summed axis of both, or a pair, one for each; not 0, the batch axis.
        normalize: whether to divide both by their norms along these axes first.

    Returns:
        The batch axis, x's other axes, y's other axes; `(batch, 1)` where nothing else is left.

    Raises:
        ValueError: the ranks, the batch sizes or the lengths of the summed axes do not fit.

    Example:
        >>> import jax.numpy as jnp
        >>> batch_dot(jnp.array([[1.0, 2.0]]), jnp.array([[3.0, 4.0]])).tolist()
        [[11.0]]
    """
    if x.ndim < 2 or y.ndim < 2:
        raise ValueError(f"a dot product by example takes inputs of rank 2 or more, received {describe(x)} and {describe(y)}.")
    a, b = (axes, axes) if isinstance(axes, INTEGERS) else axes
    a, b = (a + x.ndim if a < 0 else a), (b + y.ndim if b < 0 else b)
    if not (0 < a < x.ndim and 0 < b < y.ndim):
        raise ValueError(f"axes={axes!r} must name axes of {describe(x)} and {describe(y)} other than 0, the batch axis.")
    if x.shape[a] != y.shape[b] or x.shape[0] != y.shape[0]:
        raise ValueError(
            f"axis {a} of {describe(x)} and axis {b} of {describe(y)} must have one length, and the batch sizes must be equal."
        )
    if normalize:
        x, y = unit_vectors(x, a), unit_vectors(y, b)
    dtype = jnp.promote_types(x.dtype, y.dtype)
    z = lax.dot_general(x.astype(dtype), y.astype(dtype), dimension_numbers=(((a,), (b,)), ((0,), (0,))))
    return z[:, None] if z.ndim == 1 else z
