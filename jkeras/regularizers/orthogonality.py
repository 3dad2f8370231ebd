"""A penalty on vectors that point in like directions."""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax

from jkeras._base.errors import describe, unknown_name
from jkeras._base.registry import export
from jkeras._base.types import Array
from jkeras.regularizers.base import Regularizer, checked_factor

# Squared lengths below this count as this, so that a vector of zeros has a direction of zeros.
_SMALLEST_SQUARE = 1e-12


@export("keras.regularizers.OrthogonalRegularizer", "keras.regularizers.orthogonal_regularizer")
class OrthogonalRegularizer(Regularizer):
    """The mean of `|cos(angle)|` over all pairs of rows (or columns) of a matrix, times a factor.

    A single row has no pairs, and penalty 0.

    Args:
        factor: 0.01 by default.
        mode: `"rows"` (default) or `"columns"`.

    Raises:
        ValueError: a factor that is negative or not finite, an unknown mode; at the call, an array that is no matrix.

    Example:
        >>> float(OrthogonalRegularizer(1.0)(jnp.array([[1.0, 0.0], [2.0, 0.0]])))
        1.0
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows"):
        self.factor = checked_factor("OrthogonalRegularizer", "factor", factor)
        if mode not in ("rows", "columns"):
            raise unknown_name("mode", mode, ("rows", "columns"))
        self.mode = mode

    def __call__(self, inputs: Array) -> Array:
        """The penalty for a matrix."""
        if inputs.ndim != 2:
            raise ValueError(f"OrthogonalRegularizer takes matrices, received {describe(inputs)}.")
        vectors = inputs if self.mode == "rows" else inputs.T
        squares = jnp.sum(jnp.square(vectors), axis=1, keepdims=True)
        units = vectors * lax.rsqrt(jnp.maximum(squares, _SMALLEST_SQUARE))
        n = len(vectors)
        cosines = (units @ units.T) * (1 - jnp.eye(n, dtype=units.dtype))
        return self.factor * 0.5 * jnp.sum(jnp.abs(cosines)) / max(1, n * (n - 1) / 2)
