"""A constraint on the sign of single entries."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jkeras._base.registry import export
from jkeras.constraints.base import Constraint


@export("keras.constraints.NonNeg", "keras.constraints.non_neg")
class NonNeg(Constraint):
    """Entries of at least 0: `max(w, 0)`.

    Example:
        >>> NonNeg()(jnp.array([-1.0, 2.0])).tolist()
        [0.0, 2.0]
    """

    def __call__(self, w: jax.Array) -> jax.Array:
        """The weight with its negative entries at 0."""
        return jnp.maximum(jnp.asarray(w), 0)
