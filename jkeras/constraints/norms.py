"""Constraints on the sign of entries, and on lengths: each vector along some axes of a weight is scaled to a length that is
allowed.

For a Dense kernel `(inputs, units)`, `axis=0` bounds the incoming weights of each unit; for a convolution kernel
`(height, width, inputs, filters)`, `axis=(0, 1, 2)` those of each filter. `epsilon()` keeps the length of a zero vector finite.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp

from jkeras._base.config import epsilon
from jkeras._base.registry import export
from jkeras._base.types import Array
from jkeras.constraints.base import Constraint
from jkeras.nn.lengths import root

Axes = int | Sequence[int] | None


@export("keras.constraints.NonNeg", "keras.constraints.non_neg")
class NonNeg(Constraint):
    """Entries of at least 0: `max(w, 0)`.

    Example:
        >>> NonNeg()(jnp.array([-1.0, 2.0])).tolist()
        [0.0, 2.0]
    """

    def __call__(self, w: Array) -> Array:
        """The weight with its negative entries at 0."""
        return jnp.maximum(jnp.asarray(w), 0)


class _Lengths(Constraint):
    """What the three share: the axes of one vector, and the scaling."""

    def __init__(self, axis: Axes):
        self.axis = axis
        self._epsilon = epsilon()

    def _lengths(self, w: Array) -> Array:
        axes = tuple(self.axis) if isinstance(self.axis, Sequence) else self.axis
        return root(jnp.sum(jnp.square(w), axis=axes, keepdims=True))

    def _scaled(self, w: Array, lengths: Array, allowed: Array | float) -> Array:
        # A vector of zeros stays one, and has derivative 0 rather than 1 / epsilon.
        return jnp.where(lengths == 0, 0, w * (allowed / (self._epsilon + lengths)))


@export("keras.constraints.MaxNorm", "keras.constraints.max_norm")
class MaxNorm(_Lengths):
    """Vectors no longer than a bound: `w min(|w|, max_value) / |w|`.

    Args:
        max_value: the bound, 2 by default.
        axis: the axis or axes of one vector, 0 by default.

    Source: Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, "Dropout", 2014.

    Example:
        >>> print(MaxNorm(1.0)(jnp.array([[3.0, 0.3], [4.0, 0.4]])).round(3))
        [[0.6 0.3]
         [0.8 0.4]]
    """

    def __init__(self, max_value: float = 2, axis: Axes = 0):
        super().__init__(axis)
        self.max_value = max_value

    def __call__(self, w: Array) -> Array:
        """The weight with its long vectors shortened."""
        w = jnp.asarray(w)
        lengths = self._lengths(w)
        return self._scaled(w, lengths, jnp.clip(lengths, 0, self.max_value))


@export("keras.constraints.UnitNorm", "keras.constraints.unit_norm")
class UnitNorm(_Lengths):
    """Vectors of length 1: `w / |w|`.

    Args:
        axis: the axis or axes of one vector, 0 by default.

    Example:
        >>> print(UnitNorm()(jnp.array([3.0, 4.0])).round(3))
        [0.6 0.8]
    """

    def __init__(self, axis: Axes = 0):
        super().__init__(axis)

    def __call__(self, w: Array) -> Array:
        """The weight with all vectors at length 1."""
        w = jnp.asarray(w)
        return self._scaled(w, self._lengths(w), 1.0)


@export("keras.constraints.MinMaxNorm", "keras.constraints.min_max_norm")
class MinMaxNorm(_Lengths):
    """Vectors of a length between two bounds: `w (rate clip(|w|, min_value, max_value) + (1 - rate) |w|) / |w|`.

    Args:
        min_value: the lower bound, 0 by default.
        max_value: the upper bound, 1 by default.
        rate: how far each step goes, from 0 (not at all) to 1 (default: into the bounds at once).
        axis: the axis or axes of one vector, 0 by default.

    Example:
        >>> print(MinMaxNorm(min_value=0.5)(jnp.array([[3.0, 0.03], [4.0, 0.04]])).round(3))
        [[0.6 0.3]
         [0.8 0.4]]
    """

    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Axes = 0):
        super().__init__(axis)
        self.min_value, self.max_value, self.rate = min_value, max_value, rate

    def __call__(self, w: Array) -> Array:
        """The weight with its vectors scaled towards the bounds."""
        w = jnp.asarray(w)
        lengths = self._lengths(w)
        allowed = self.rate * jnp.clip(lengths, self.min_value, self.max_value) + (1 - self.rate) * lengths
        return self._scaled(w, lengths, allowed)
