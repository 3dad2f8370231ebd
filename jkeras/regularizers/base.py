"""What a regularizer is: a function from a weight (or an activation) to the number that is added to the loss for it."""

from __future__ import annotations

import math
import numbers

from jkeras._base.configurable import Configurable
from jkeras._base.errors import describe
from jkeras._base.registry import export
from jkeras._base.types import Array


@export("keras.regularizers.Regularizer", "keras.Regularizer")
class Regularizer(Configurable):
    """The base of all regularizers, itself without a penalty; a subclass overrides `__call__`.

    Example:
        >>> import jax.numpy as jnp
        >>> class Largest(Regularizer):
        ...     def __call__(self, x):
        ...         return jnp.max(jnp.abs(x))
        >>> float(Largest()(jnp.array([1.0, -2.0])))
        2.0
    """

    def __init__(self) -> None:
        super().__init__()

    def __call__(self, x: Array) -> Array | float:
        """The penalty for a weight of any shape: a scalar."""
        return 0.0


def checked_factor(owner: str, name: str, value: object) -> float:
    """A penalty's factor as a float.

    Raises:
        ValueError: it is negative, infinite or no number.
    """
    if not isinstance(value, numbers.Real) or not 0 <= float(value) < math.inf:
        raise ValueError(f"{owner} needs a finite number of at least 0 as {name}, such as 0.01; received {describe(value)}.")
    return float(value)
