"""Between the gradients and the update of the weights: here a platform may order what its compiler would not."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jkeras._base.types import Tree
from jkeras.nn.operation import Choice

# Entries from which on a weight is large enough for the order to matter.
LARGE = 1 << 16

# `(*gradients) -> gradients`.
together = Choice(lambda *gradients: gradients)


def after_all(gradients: Tree) -> Tree:
    """The same gradients; on platforms that gain by it, each large one of a program waits for all large ones.

    Args:
        gradients: pytree of arrays.

    Example:
        >>> after_all({"kernel": jnp.ones(3)})["kernel"].tolist()
        [1.0, 1.0, 1.0]
    """
    large = [leaf for leaf in jax.tree.leaves(gradients) if _is_large(leaf)]
    if len(large) < 2:
        return gradients
    waited = iter(together(*large))
    return jax.tree.map(lambda leaf: next(waited) if _is_large(leaf) else leaf, gradients)


def _is_large(leaf: Tree) -> bool:
    return isinstance(leaf, jax.core.Tracer) and leaf.size >= LARGE and jnp.issubdtype(leaf.dtype, jnp.floating)
