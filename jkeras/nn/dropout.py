"""Dropout: zero a random part of the activations and scale up the rest, so that the expectation stays."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jkeras._base.errors import describe
from jkeras._base.types import Array, Float, PRNGKeyArray


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
