"""Penalties on the size of a weight: the sum of its absolute values (L1), of its squares (L2), or both.

L1 drives single entries to exactly 0, L2 shrinks all of them in proportion. The penalty has the weight's dtype.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from jkeras._base.registry import export
from jkeras._base.types import Array
from jkeras.regularizers.base import Regularizer, checked_factor


def _l1(factor: float, x: Array) -> Array:
    return jnp.asarray(factor, x.dtype) * jnp.sum(jnp.abs(x))


def _l2(factor: float, x: Array) -> Array:
    return jnp.asarray(factor, x.dtype) * jnp.sum(jnp.square(x))


@export("keras.regularizers.L1", "keras.regularizers.l1")
class L1(Regularizer):
    """The penalty `l1 sum |x|`.

    Args:
        l1: the factor, 0.01 by default.
        l: the factor's name in Keras 2; `l1` does not count where it is given.

    Raises:
        ValueError: a factor that is negative or not finite.

    Example:
        >>> print(L1(0.5)(jnp.array([1.0, -2.0])))
        1.5
    """

    def __init__(self, l1: float | None = 0.01, *, l: float | None = None):  # noqa: E741 - Keras 2's own name
        factor = l1 if l is None else l
        self.l1 = checked_factor("L1", "l1", 0.01 if factor is None else factor)

    def __call__(self, x: Array) -> Array:
        """The penalty for an array of any shape."""
        return _l1(self.l1, x)

    def get_config(self) -> dict[str, Any]:
        """The factor by its present name."""
        return {"l1": self.l1}


@export("keras.regularizers.L2", "keras.regularizers.l2")
class L2(Regularizer):
    """The penalty `l2 sum x^2`.

    Args:
        l2: the factor, 0.01 by default.
        l: the factor's name in Keras 2; `l2` does not count where it is given.

    Raises:
        ValueError: a factor that is negative or not finite.

    Example:
        >>> print(L2(0.5)(jnp.array([1.0, -2.0])))
        2.5
    """

    def __init__(self, l2: float | None = 0.01, *, l: float | None = None):  # noqa: E741 - Keras 2's own name
        factor = l2 if l is None else l
        self.l2 = checked_factor("L2", "l2", 0.01 if factor is None else factor)

    def __call__(self, x: Array) -> Array:
        """The penalty for an array of any shape."""
        return _l2(self.l2, x)

    def get_config(self) -> dict[str, Any]:
        """The factor by its present name."""
        return {"l2": self.l2}


@export("keras.regularizers.L1L2", "keras.regularizers.l1_l2")
class L1L2(Regularizer):
    """The penalty `l1 sum |x| + l2 sum x^2`.

    Args:
        l1: the factor of the absolute values, 0 by default.
        l2: the factor of the squares, 0 by default.

    Raises:
        ValueError: a factor that is negative or not finite.

    Example:
        >>> print(L1L2(l1=0.5, l2=1.0)(jnp.array([1.0, -2.0])))
        6.5
    """

    def __init__(self, l1: float | None = 0.0, l2: float | None = 0.0):
        self.l1 = checked_factor("L1L2", "l1", 0.0 if l1 is None else l1)
        self.l2 = checked_factor("L1L2", "l2", 0.0 if l2 is None else l2)

    def __call__(self, x: Array) -> Array:
        """The penalty for an array of any shape."""
        return _l1(self.l1, x) + _l2(self.l2, x)
