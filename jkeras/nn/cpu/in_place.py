"""Weights that a compiled loop updates in place, without copying them first.

XLA:CPU copies a weight at the start of every step unless all its readers are known to come before its update. The product that
carries the gradient through a layer reads the weight, and the update waits for another product. XLA decides on copies before it
knows in which order it will run the two, so it makes the copy. Here each update of a large weight waits for the gradients of all
large weights, through a zero that is computed from them.
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax

from jkeras._base.types import Array


def wait(*gradients: Array) -> tuple[Array, ...]:
    """Each gradient plus a zero that is computed from all of them."""
    bits = sum(lax.bitcast_convert_type(g[(0,) * g.ndim].astype(jnp.float32), jnp.int32) for g in gradients)
    zero = jnp.maximum(jnp.minimum(bits, 0), 0)  # whatever the numbers are; XLA does not see through it
    return tuple(g + zero.astype(g.dtype) for g in gradients)
