"""Random arrays, Variables with random values, and shapes that are known only when a model runs.

In a model every draw derives from the step's key. In eager code a seed starts its own sequence, as in TensorFlow: two calls with
one seed differ, and a new process repeats both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from jkeras._base import config
from jkeras._base.dtypes import standardize_dtype
from jkeras._base.types import Array, Tree
from jkeras.backend.shapes import at_shape
from jkeras.ops.wrapper import Tensor, as_array
from jkeras.state.random import draw_key, drawing_owner
from jkeras.state.variable import Variable


def _draw(
    sample: Callable[[Array, tuple[int, ...], str], Array], shape: Sequence[Tree], dtype: DTypeLike | None, seed: int | None
) -> Tensor:
    dtype = standardize_dtype(dtype or config.floatx())
    return at_shape(lambda sizes: sample(draw_key(drawing_owner(seed), seed), sizes, dtype), "random", shape)


def random_normal(
    shape: Sequence[Tree], mean: float = 0.0, stddev: float = 1.0, dtype: DTypeLike | None = None, seed: int | None = None
) -> Tensor:
    """Draw from the normal distribution.

    Args:
        shape: of the result; may contain entries of a symbolic tensor's `K.shape(x)`.
        mean, stddev: of the distribution.
        dtype: by default `floatx()`.
        seed: see the module's docstring.

    Example:
        >>> random_normal((2, 3)).shape
        (2, 3)
    """
    return _draw(lambda key, s, t: jax.random.normal(key, s, t) * as_array(stddev, t) + as_array(mean, t), shape, dtype, seed)


def random_uniform(
    shape: Sequence[Tree], minval: float = 0.0, maxval: float = 1.0, dtype: DTypeLike | None = None, seed: int | None = None
) -> Tensor:
    """Draw uniformly from `[minval, maxval)`; integers for an integer dtype."""

    def sample(key: Array, sizes: tuple[int, ...], dtype: str) -> Array:
        if jnp.issubdtype(dtype, jnp.integer):
            return jax.random.randint(key, sizes, minval, maxval, dtype)
        return jax.random.uniform(key, sizes, dtype, minval, maxval)

    return _draw(sample, shape, dtype, seed)


def truncated_normal(
    shape: Sequence[Tree], mean: float = 0.0, stddev: float = 1.0, dtype: DTypeLike | None = None, seed: int | None = None
) -> Tensor:
    """Draw from the normal distribution within two standard deviations of its mean."""

    def sample(key: Array, sizes: tuple[int, ...], dtype: str) -> Array:
        return jax.random.truncated_normal(key, -2.0, 2.0, sizes, dtype) * as_array(stddev, dtype) + as_array(mean, dtype)

    return _draw(sample, shape, dtype, seed)


def random_bernoulli(shape: Sequence[Tree], p: float = 0.0, dtype: DTypeLike | None = None, seed: int | None = None) -> Tensor:
    """Draw ones with probability p, otherwise zeros, in `dtype`."""
    return _draw(lambda key, sizes, dtype: jax.random.bernoulli(key, p, sizes).astype(dtype), shape, dtype, seed)


random_binomial = random_bernoulli


def random_normal_variable(
    shape: Sequence[Tree],
    mean: float,
    scale: float,
    dtype: DTypeLike | None = None,
    name: str | None = None,
    seed: int | None = None,
) -> Variable:
    """A Variable with draws from the normal distribution with this mean and standard deviation."""
    return Variable(random_normal(shape, mean, scale, dtype, seed), dtype=dtype, name=name)


def random_uniform_variable(
    shape: Sequence[Tree],
    low: float,
    high: float,
    dtype: DTypeLike | None = None,
    name: str | None = None,
    seed: int | None = None,
) -> Variable:
    """A Variable with uniform draws from `[low, high)`."""
    return Variable(random_uniform(shape, low, high, dtype, seed), dtype=dtype, name=name)
