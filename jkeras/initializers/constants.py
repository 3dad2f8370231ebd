"""Initializers that draw nothing: zeros, ones, a given value, the identity matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import jax.numpy as jnp
import numpy as np

from jkeras._base.dtypes import standardize_dtype
from jkeras._base.errors import describe
from jkeras._base.registry import export
from jkeras._base.types import Array, ArrayLike, Config, CustomObjects, DTypeLike
from jkeras.initializers.base import Initializer


@export("keras.initializers.Zeros", "keras.initializers.zeros", aliases=("zero",))
class Zeros(Initializer):
    """All zeros.

    Example:
        >>> Zeros()((3,)).tolist()
        [0.0, 0.0, 0.0]
    """

    def __call__(self, shape: Sequence[int], dtype: DTypeLike | None = None, *, key: Array | None = None) -> Array:
        """Zeros of a shape and dtype."""
        return jnp.zeros(tuple(shape), standardize_dtype(dtype))


@export("keras.initializers.Ones", "keras.initializers.ones", aliases=("one",))
class Ones(Initializer):
    """All ones.

    Example:
        >>> Ones()((3,)).tolist()
        [1.0, 1.0, 1.0]
    """

    def __call__(self, shape: Sequence[int], dtype: DTypeLike | None = None, *, key: Array | None = None) -> Array:
        """Ones of a shape and dtype."""
        return jnp.ones(tuple(shape), standardize_dtype(dtype))


@export("keras.initializers.Constant", "keras.initializers.constant")
class Constant(Initializer):
    """A given number, or an array that broadcasts to the weight's shape.

    Args:
        value: a number or array, 0 by default.

    Example:
        >>> Constant(0.5)((2,)).tolist()
        [0.5, 0.5]
    """

    def __init__(self, value: object = 0.0):
        self.value = value
        self._only_shape: tuple[int, ...] | None = None

    @classmethod
    def from_config(cls, config: Config, custom_objects: CustomObjects = None) -> Constant:
        """Make it from a config, where Keras wraps an array in a dict of its own."""
        value = config["value"]
        if isinstance(value, Mapping):
            value = np.asarray(value["config"]["value"], jnp.dtype(value["config"]["dtype"]))
        return cls(value)

    @classmethod
    def exactly(cls, array: ArrayLike) -> Constant:
        """The initializer that an array stands for: its value, for a weight of just its shape."""
        made = cls(array)
        made._only_shape = tuple(np.shape(array))
        return made

    def __call__(self, shape: Sequence[int], dtype: DTypeLike | None = None, *, key: Array | None = None) -> Array:
        """The value in a shape and dtype.

        Raises:
            ValueError: the value does not fit the shape.
        """
        shape, value = tuple(shape), jnp.asarray(self.value, standardize_dtype(dtype))
        if self._only_shape not in (None, shape):
            raise ValueError(f"An array of shape {self._only_shape} was given as the initial value of a weight of shape {shape}.")
        try:
            return jnp.broadcast_to(value, shape)
        except ValueError:
            raise ValueError(
                f"Constant({describe(value)}) does not fit a weight of shape {shape}. Give a number or an array that broadcasts."
            ) from None


@export("keras.initializers.Identity", "keras.initializers.IdentityInitializer", "keras.initializers.identity")
class Identity(Initializer):
    """The identity matrix, times a gain; ones on the main diagonal where the matrix is not square.

    Args:
        gain: the factor, 1 by default.

    Example:
        >>> Identity(gain=2.0)((2, 3)).tolist()
        [[2.0, 0.0, 0.0], [0.0, 2.0, 0.0]]
    """

    def __init__(self, gain: float = 1.0):
        self.gain = gain

    def __call__(self, shape: Sequence[int], dtype: DTypeLike | None = None, *, key: Array | None = None) -> Array:
        """The matrix in a shape and dtype.

        Raises:
            ValueError: the shape is not that of a matrix.
        """
        if len(shape) != 2:
            raise ValueError(f"Identity makes matrices: expected a shape (rows, columns), received {tuple(shape)}.")
        return self.gain * jnp.eye(shape[0], shape[1], dtype=standardize_dtype(dtype))
