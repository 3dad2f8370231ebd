"""Initializers that draw: where their key comes from, the plain distributions, and random orthogonal matrices.

The source of a draw is decided in this order: the seed the initializer was made with, the key of the call, and for a call with
neither a seed that the instance draws once from Python's `random` and keeps, so that it gives the same values at every call.
With a seed the values are those of Keras on JAX.
"""

from __future__ import annotations

import math
import random as python_random
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras._base.dtypes import is_float, standardize_dtype
from jkeras._base.errors import describe
from jkeras._base.registry import export
from jkeras._base.types import DTypeLike
from jkeras.initializers.base import Initializer
from jkeras.state.seed_generator import SeedGenerator


class RandomInitializer(Initializer):
    """An initializer with a seed; a subclass says in `sample` what to do with a key.

    Args:
        seed: an integer that fixes the values; a `SeedGenerator` to take each call's key from; None (default) for the call's key.

    Raises:
        ValueError: another kind of seed.
    """

    def __init__(self, seed: object = None):
        if seed is not None and not isinstance(seed, (int, np.integer, SeedGenerator)):
            raise ValueError(f"Expected an integer, a SeedGenerator or None as seed, received {describe(seed)}.")
        self.seed = seed
        self._own_seed: int | None = None

    def __call__(self, shape: Sequence[int], dtype: DTypeLike | None = None, *, key: jax.Array | None = None) -> jax.Array:
        """A draw.

        Args:
            shape: of the weight.
            dtype: a float dtype, None for `floatx()`. Half-precision values are rounded float32 draws.
            key: a JAX PRNG key, which counts where the initializer has no seed.

        Raises:
            ValueError: a dtype that is not a float dtype.
        """
        dtype = standardize_dtype(dtype)
        if not is_float(dtype):
            raise ValueError(f"{type(self).__name__} draws floats, received dtype {dtype!r}. Use Zeros, Ones or Constant for it.")
        return self.sample(self._key(key), tuple(shape), jnp.promote_types(dtype, jnp.float32)).astype(dtype)

    def sample(self, key: jax.Array, shape: tuple[int, ...], dtype: DTypeLike | None) -> jax.Array:
        """The draw for a key, in float32 or wider."""
        raise NotImplementedError(f"{type(self).__name__} needs a method `def sample(self, key, shape, dtype): ...`.")

    def _key(self, key: jax.Array | None) -> jax.Array:
        if isinstance(self.seed, SeedGenerator):
            return self.seed.next()
        if self.seed is not None:
            return key_of_seed(int(self.seed))
        if key is not None:
            return key
        if self._own_seed is None:
            self._own_seed = python_random.randint(1, 10**9)
        return key_of_seed(self._own_seed)


def key_of_seed(seed: int) -> jax.Array:
    """The key that Keras makes of a seed: its low 32 bits before its high ones, where `jax.random.key` puts them after.

    Example:
        >>> jax.random.key_data(key_of_seed(7)).tolist()
        [7, 0]
    """
    words: Any = np.array([seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF], np.uint32)
    return jax.random.wrap_key_data(words, impl="threefry2x32")


def truncated_normal(key: jax.Array, shape: tuple[int, ...], dtype: DTypeLike | None, mean: float, stddev: float) -> jax.Array:
    """Normal draws cut at two standard deviations: what falls outside is drawn again."""
    return jax.random.truncated_normal(key, -2.0, 2.0, shape, dtype) * stddev + mean


@export("keras.initializers.RandomNormal", "keras.initializers.random_normal", aliases=("normal",))
class RandomNormal(RandomInitializer):
    """Draws from the normal distribution N(mean, stddev^2).

    Args:
        mean: 0 by default.
        stddev: 0.05 by default.
        seed: see `RandomInitializer`.

    Example:
        >>> RandomNormal(seed=1)((2, 3)).shape
        (2, 3)
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: object = None):
        self.mean, self.stddev = mean, stddev
        super().__init__(seed)

    def sample(self, key: jax.Array, shape: tuple[int, ...], dtype: DTypeLike | None) -> jax.Array:
        """`mean + stddev z` for standard normal z."""
        return jax.random.normal(key, shape, dtype) * self.stddev + self.mean


@export("keras.initializers.TruncatedNormal", "keras.initializers.truncated_normal")
class TruncatedNormal(RandomInitializer):
    """Draws from N(mean, stddev^2), drawn again while further than two standard deviations from the mean.

    The draws' own standard deviation is therefore 0.8796 stddev.

    Args:
        mean: 0 by default.
        stddev: of the distribution before the cut, 0.05 by default.
        seed: see `RandomInitializer`.

    Example:
        >>> bool(abs(TruncatedNormal(stddev=1.0, seed=1)((1000,))).max() <= 2)
        True
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: object = None):
        self.mean, self.stddev = mean, stddev
        super().__init__(seed)

    def sample(self, key: jax.Array, shape: tuple[int, ...], dtype: DTypeLike | None) -> jax.Array:
        """`mean + stddev z` for standard normal z with |z| <= 2."""
        return truncated_normal(key, shape, dtype, self.mean, self.stddev)


@export("keras.initializers.RandomUniform", "keras.initializers.random_uniform", aliases=("uniform",))
class RandomUniform(RandomInitializer):
    """Draws from the uniform distribution on [minval, maxval).

    Args:
        minval: the lower bound, -0.05 by default.
        maxval: the upper bound, 0.05 by default.
        seed: see `RandomInitializer`.

    Example:
        >>> bool(abs(RandomUniform(seed=1)((1000,))).max() <= 0.05)
        True
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: object = None):
        self.minval, self.maxval = minval, maxval
        super().__init__(seed)

    def sample(self, key: jax.Array, shape: tuple[int, ...], dtype: DTypeLike | None) -> jax.Array:
        """`minval + (maxval - minval) u` for uniform u."""
        return jax.random.uniform(key, shape, dtype, self.minval, self.maxval)


@export("keras.initializers.Orthogonal", "keras.initializers.OrthogonalInitializer", "keras.initializers.orthogonal")
class Orthogonal(RandomInitializer):
    """A random matrix whose rows (or columns, whichever are fewer) are orthonormal, times a gain.

    It is Q of the QR decomposition of a normal matrix, its columns signed so that R has a positive diagonal, which makes all
    orthogonal matrices equally likely. Of a kernel with more than two axes, all but the last count as rows.

    Args:
        gain: the factor, 1 by default.
        seed: see `RandomInitializer`.

    Raises:
        ValueError: at the call, for a shape with fewer than two axes.

    Source: Saxe, McClelland and Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks",
    2014.

    Example:
        >>> q = Orthogonal(seed=1)((3, 2))
        >>> bool(jnp.allclose(q.T @ q, jnp.eye(2), atol=1e-6))
        True
    """

    def __init__(self, gain: float = 1.0, seed: object = None):
        self.gain = gain
        super().__init__(seed)

    def sample(self, key: jax.Array, shape: tuple[int, ...], dtype: DTypeLike | None) -> jax.Array:
        """An orthogonal matrix in a weight's shape."""
        if len(shape) < 2:
            raise ValueError(f"Orthogonal makes matrices and kernels: expected two axes or more, received shape {shape}.")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = jnp.linalg.qr(jax.random.normal(key, (max(rows, columns), min(rows, columns)), dtype))
        q = q * jnp.where(jnp.diagonal(r) < 0, -1, 1).astype(dtype)
        return self.gain * (q.T if rows < columns else q).reshape(shape)
