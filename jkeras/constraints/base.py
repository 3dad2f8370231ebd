"""What a constraint is: a function that projects a weight, after each step of the optimizer, onto the values allowed."""

from __future__ import annotations

from jkeras._base.configurable import Configurable
from jkeras._base.registry import export
from jkeras._base.types import Array


@export("keras.constraints.Constraint", "keras.Constraint")
class Constraint(Configurable):
    """The base of all constraints, itself without effect; a subclass overrides `__call__`.

    Example:
        >>> import jax.numpy as jnp
        >>> class Centred(Constraint):
        ...     def __call__(self, w):
        ...         return w - jnp.mean(w)
        >>> Centred()(jnp.array([1.0, 3.0])).tolist()
        [-1.0, 1.0]
    """

    def __init__(self) -> None:
        super().__init__()

    def __call__(self, w: Array) -> Array:
        """The nearest allowed value of a weight, in its shape and dtype."""
        return w
