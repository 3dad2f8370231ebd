"""Categories as arrays of zeros and ones, or of counts."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jkeras._base.types import Array, DTypeLike, Float, Int


def one_hot(x: Int[Array, "*batch"], depth: int, dtype: DTypeLike) -> Float[Array, "*batch depth"]:
    """`y[..., i] = (x == i)`; an index outside the range has a row of zeros. A last axis of size 1 gives way to the new one."""
    if x.ndim > 1 and x.shape[-1] == 1:
        x = x[..., 0]
    return jax.nn.one_hot(x, depth, dtype=dtype)


def multi_hot(x: Int[Array, "*batch n"], depth: int, dtype: DTypeLike) -> Float[Array, "*batch depth"]:
    """1 for each index that occurs along the last axis; a scalar is one index."""
    return jnp.max(jax.nn.one_hot(jnp.atleast_1d(x), depth, dtype=dtype), axis=-2, initial=0)


def counts(
    x: Int[Array, "*batch n"], depth: int, dtype: DTypeLike, weights: Float[Array, "*batch n"] | None = None
) -> Float[Array, "*batch depth"]:
    """How often each index occurs along the last axis, or the sum of the weights where it does."""
    marks = jax.nn.one_hot(jnp.atleast_1d(x), depth, dtype=dtype)
    return jnp.sum(marks if weights is None else marks * jnp.atleast_1d(weights)[..., None].astype(dtype), axis=-2)
