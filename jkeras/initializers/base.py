"""What an initializer is: a pure function from a shape, a dtype and a key to the first value of a weight.

Keras' protocol, `initializer(shape, dtype)`, works everywhere. The library's own initializers also take a PRNG key by the name
`key`; that is what lets one instance give different values to different weights, and what lets the first values of a whole model
be drawn in one compiled program, or those of an ensemble by `vmap` over keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from jkeras._base.configurable import Configurable
from jkeras._base.registry import export
from jkeras._base.types import Array, DTypeLike


@export("keras.initializers.Initializer", "keras.Initializer")
class Initializer(Configurable):
    """The base of all initializers; a subclass says in `__call__` how a value is made.

    Example:
        >>> import jax.numpy as jnp
        >>> class Halves(Initializer):
        ...     def __call__(self, shape, dtype=None):
        ...         return jnp.full(shape, 0.5, dtype)
        >>> Halves()((2,), "float32").tolist()
        [0.5, 0.5]
    """

    def __init__(self) -> None:
        super().__init__()

    def __call__(self, shape: Sequence[int], dtype: DTypeLike | None = None, *, key: Array | None = None) -> Array:
        """A value for a weight.

        Args:
            shape: of the weight.
            dtype: of the weight; None means `floatx()`.
            key: a JAX PRNG key. A subclass that draws nothing, or has its own source, may leave it out of its signature.

        Raises:
            NotImplementedError: the subclass has no `__call__`.
        """
        raise NotImplementedError(
            f"{type(self).__name__} does not say how to make a value. Write `def __call__(self, shape, dtype=None): ...` in it."
        )

    def clone(self) -> Self:
        """A new initializer with the same config."""
        return type(self).from_config(self.get_config())
