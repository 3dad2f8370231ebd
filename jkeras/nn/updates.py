"""What comes between gradients and the update of the weights, where a platform needs something there."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from jkeras.nn.operation import Choice

# Entries from which on a weight is so large that the order matters.
LARGE = 1 << 16

# `(*gradients) -> gradients`, all from one program and large.
together = Choice(lambda *gradients: gradients)


def after_all(gradients: Any) -> Any:
    """The same gradients; in a program where its platform needs it, the large ones are there once all large ones are.

    Args:
        gradients: pytree of arrays.

    Example:
        >>> after_all({"kernel": jnp.ones(3)})["kernel"].tolist()
        [1.0, 1.0, 1.0]
    """
    leaves, structure = jax.tree.flatten(gradients)
    large = [i for i, leaf in enumerate(leaves) if _is_large(leaf)]
    if len(large) < 2:
        return gradients
    waited = dict(zip(large, together(*(leaves[i] for i in large))))
    return jax.tree.unflatten(structure, [waited.get(i, leaf) for i, leaf in enumerate(leaves)])


def _is_large(leaf: Any) -> bool:
    return isinstance(leaf, jax.core.Tracer) and leaf.size >= LARGE and jnp.issubdtype(leaf.dtype, jnp.floating)
