"""Noise on activations: dropout, which zeroes a random part and scales up the rest, so that the expectation stays; noise that is
added or multiplied; and the kind that suits self-normalising networks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jkeras._base.errors import describe
from jkeras._base.types import Array, Float, PRNGKeyArray

# The value that SELU saturates at: -scale * alpha.
_SATURATED = -1.0507009873554804934193349852946 * 1.6732632423543772848170429916717


def dropout(
    key: PRNGKeyArray, x: Float[Array, " *shape"], rate: float, noise_shape: Sequence[int | None] | None = None
) -> Float[Array, " *shape"]:
    """Zero each entry with probability `rate` and divide the others by `1 - rate`.

    Args:
        key: a JAX random key; the same key gives the same result.
        x: any shape.
        rate: probability of zero, in [0, 1].
        noise_shape: shape of the random choice, which broadcasts against x: an axis of size 1 shares one choice. None in a
            place means x's size there, and None as a whole means x's shape.

    Returns:
        x's shape and dtype.

    Raises:
        ValueError: the rate is outside [0, 1], or `noise_shape` does not broadcast to x's shape.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> y = dropout(jax.random.key(0), jnp.ones((1000, 4)), 0.5, noise_shape=(None, 1))
        >>> sorted(set(y.ravel().tolist())), bool((y == y[:, :1]).all())
        ([0.0, 2.0], True)

    Source: Nitish Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", 2014.
    """
    if not 0 <= rate <= 1:
        raise ValueError(f"rate={rate!r} is a probability: give a number from 0 to 1.")
    if rate == 0:
        return x
    if rate == 1:
        return jnp.zeros_like(x)
    shape = tuple(x.shape if noise_shape is None else noise_shape)
    if len(shape) != x.ndim or any(n not in (None, 1, size) for n, size in zip(shape, x.shape)):
        raise ValueError(f"noise_shape={noise_shape!r} must have, for each axis of {describe(x)}, its size, 1 or None.")
    sizes = tuple(size if n is None else n for n, size in zip(shape, x.shape))
    keep = 1.0 - rate
    return jnp.where(jax.random.bernoulli(key, keep, sizes), x / keep, jnp.zeros((), x.dtype))


def gaussian_noise(key: PRNGKeyArray, x: Float[Array, " *shape"], stddev: float) -> Float[Array, " *shape"]:
    """`x + e`, with e drawn from a normal distribution of mean 0 and this standard deviation."""
    return x + stddev * jax.random.normal(key, x.shape, x.dtype)


def gaussian_dropout(key: PRNGKeyArray, x: Float[Array, " *shape"], rate: float) -> Float[Array, " *shape"]:
    """`x * e`, with e normal of mean 1 and standard deviation `sqrt(rate / (1 - rate))`, as dropout's factor has.

    Source: Nitish Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", 2014, section 10.
    """
    return x * (1 + math.sqrt(rate / (1 - rate)) * jax.random.normal(key, x.shape, x.dtype))


def alpha_dropout(
    key: PRNGKeyArray, x: Float[Array, " *shape"], rate: float, noise_shape: Sequence[int | None] | None = None
) -> Float[Array, " *shape"]:
    """Set entries to SELU's saturated value with probability `rate`, then scale and shift so that mean 0 and variance 1 stay.

    Args:
        key: a JAX random key.
        x: any shape.
        rate: probability, in [0, 1).
        noise_shape: shape of the random choice, with None for x's own size; None as a whole means x's shape.

    Source: Günter Klambauer et al., "Self-Normalizing Neural Networks", 2017.
    """
    shape = x.shape if noise_shape is None else tuple(size if n is None else n for n, size in zip(noise_shape, x.shape))
    scale = ((1 - rate) * (1 + rate * _SATURATED**2)) ** -0.5
    kept = jax.random.bernoulli(key, 1 - rate, shape)
    return scale * jnp.where(kept, x, jnp.asarray(_SATURATED, x.dtype)) - scale * _SATURATED * rate
