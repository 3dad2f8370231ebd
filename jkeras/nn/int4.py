"""4-bit integers in pairs: a byte holds two neighbours along an axis, the first of them in its low half."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp

from jkeras._base.types import Array, Int


@partial(jax.jit, static_argnames="axis")
def pack_int4(x: Int[Array, "*shape"], axis: int = 0) -> Int[Array, "*packed"]:
    """Pairs along an axis as bytes.

    Args:
        x: int8 in `[-8, 7]`, or uint8 in `[0, 15]`; the higher bits are dropped.
        axis: the axis of the pairs. An odd one ends with a 0 in addition.

    Returns:
        The dtype of `x`, half as long along the axis.

    Example:
        >>> pack_int4(jnp.array([1, -2, 3], jnp.int8)).tolist()
        [-31, 3]
    """
    axis %= x.ndim
    x = jnp.pad(x, [(0, size % 2 if i == axis else 0) for i, size in enumerate(x.shape)])
    pairs = x.reshape((*x.shape[:axis], -1, 2, *x.shape[axis + 1 :])).astype(jnp.uint8) & 0x0F
    low, high = (jax.lax.index_in_dim(pairs, i, axis + 1, keepdims=False) for i in (0, 1))
    return (low | high << 4).astype(x.dtype)


@partial(jax.jit, static_argnames=("length", "axis"))
def unpack_int4(packed: Int[Array, "*packed"], length: int, axis: int = 0) -> Int[Array, "*shape"]:
    """What `pack_int4` packed.

    Args:
        packed: int8 for numbers in `[-8, 7]`, uint8 for those in `[0, 15]`.
        length: of the axis before it was packed.
        axis: the axis of the pairs.

    Example:
        >>> unpack_int4(pack_int4(jnp.array([1, -2, 3], jnp.int8)), 3).tolist()
        [1, -2, 3]
    """
    axis %= packed.ndim
    pairs = jnp.stack([packed << 4 >> 4, packed >> 4], axis + 1)  # the shift to the right repeats the sign of an int8
    whole = pairs.reshape((*packed.shape[:axis], -1, *packed.shape[axis + 1 :]))
    return jax.lax.slice_in_dim(whole, 0, length, axis=axis)
