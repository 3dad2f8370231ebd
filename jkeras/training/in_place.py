"""Weights that a compiled loop updates in place, without copying them first.

XLA:CPU copies a weight at the start of every step unless all that reads it is known to come before its update. The product that
carries the gradient through a layer reads the weight, and the update waits for another product: so XLA, which does not know the
order in which it will run them when it decides on copies, takes the copy. Here each update of a large weight is made to wait for
the gradients of all large weights, by a zero that is computed from them.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jkeras._base.types import Tree

# Entries from which on a copy costs more than the zero.
_LARGE = 1 << 16


def after_all(gradients: Tree) -> Any:
    """The same gradients; in a program for a CPU, the large ones are there once all large ones are.

    Args:
        gradients: pytree of arrays.

    Example:
        >>> after_all({"kernel": jnp.ones(3)})["kernel"].tolist()
        [1.0, 1.0, 1.0]
    """
    leaves = [leaf for leaf in jax.tree.leaves(gradients) if _is_large(leaf)]
    if len(leaves) < 2 or jax.default_backend() != "cpu":
        return gradients
    bits = sum(lax.bitcast_convert_type(leaf[(0,) * leaf.ndim].astype(jnp.float32), jnp.int32) for leaf in leaves)
    zero = jnp.maximum(jnp.minimum(bits, 0), 0)  # whatever the numbers are; XLA does not see through it
    return jax.tree.map(lambda leaf: leaf + zero.astype(leaf.dtype) if _is_large(leaf) else leaf, gradients)


def _is_large(leaf: Tree) -> bool:
    return isinstance(leaf, jax.core.Tracer) and leaf.size >= _LARGE and jnp.issubdtype(leaf.dtype, jnp.floating)
