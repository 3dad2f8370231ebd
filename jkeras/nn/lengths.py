"""Lengths of vectors and what is divided by them, with derivatives that stay finite where a length is 0.

The derivative of a root is not finite at 0, and 0 times infinity is NaN: one vector of zeros in a batch, such as a padded row,
would spoil the gradient of every weight. A vector of zeros has no direction, so it passes no gradient on.
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax

from jkeras._base.types import Array, Float


def root(x: Float[Array, " *shape"]) -> Float[Array, " *shape"]:
    """The square root, with derivative 0 at 0.

    Example:
        >>> root(jnp.array([0.0, 4.0])).tolist()
        [0.0, 2.0]
    """
    zero = x == 0
    return jnp.where(zero, 0, jnp.sqrt(jnp.where(zero, 1, x)))


def norm(x: Array, ord: float | str | None = None, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Array:
    """`jnp.linalg.norm`, with derivative 0 where all that it sums up is 0.

    Args:
        x: numbers.
        ord: which norm, as in `jnp.linalg.norm`.
        axis: one axis for vectors, two for matrices, None for all.
        keepdims: whether reduced axes stay, with size 1.

    Example:
        >>> norm(jnp.array([[3.0, 4.0], [0.0, 0.0]]), axis=-1).tolist()
        [5.0, 0.0]
    """
    zero = jnp.all(x == 0, axis=axis, keepdims=True)
    length = jnp.linalg.norm(jnp.where(zero, 1, x), ord=ord, axis=axis, keepdims=keepdims)
    return jnp.where(zero.reshape(length.shape), 0, length)


def unit_vectors(
    x: Float[Array, " *shape"], axis: int | tuple[int, ...] | None = -1, epsilon: float = 1e-7, order: float = 2
) -> Float[Array, " *shape"]:
    """Divide by a norm along axes: `x / max(|x|, epsilon)`, with derivative 0 for vectors of zeros.

    Args:
        x: floats; half precision is computed in float32, where the square of epsilon is not 0.
        axis: of the vectors; several, or None for all, make one vector of them.
        epsilon: the least norm to divide by.
        order: of the norm; with several axes and another order than 2, that of a matrix.

    Example:
        >>> [round(v, 4) for v in unit_vectors(jnp.array([3.0, 4.0])).tolist()]
        [0.6, 0.8]
    """
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    if order != 2:
        length = norm(wide, order, axis, keepdims=True)
        return jnp.where(length == 0, 0, wide / jnp.maximum(length, epsilon)).astype(x.dtype)
    square = jnp.sum(jnp.square(wide), axis=axis, keepdims=True)
    zero = square == 0
    factor = lax.rsqrt(jnp.maximum(jnp.where(zero, 1, square), epsilon**2))
    return jnp.where(zero, 0, wide * factor).astype(x.dtype)
