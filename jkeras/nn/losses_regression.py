"""Losses on numbers: one value per sample, the mean over the last axis of how far predictions are from targets.

Targets are cast to the predictions' dtype; `(n,)` and `(n, 1)` are brought together by `match_ranks`.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from jkeras._base import config
from jkeras._base.types import Array, Float
from jkeras.nn.lengths import unit_vectors
from jkeras.nn.losses_align import as_pair


def mean_squared_error(y_true: Array, y_pred: Array) -> Float[Array, " *samples"]:
    """Mean of squared differences: `mean_i (y_i - p_i)^2` over the last axis.

    Args:
        y_true: targets y, `(..., d)`.
        y_pred: predictions p, `(..., d)`.

    Returns:
        `(...)`.

    Example:
        >>> mean_squared_error([[0.0, 2.0]], [[1.0, 0.0]]).tolist()
        [2.5]
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    return jnp.mean(jnp.square(y_true - y_pred), axis=-1)


def mean_absolute_error(y_true: Array, y_pred: Array) -> Float[Array, " *samples"]:
    """Mean of absolute differences: `mean_i |y_i - p_i|` over the last axis.

    Args:
        y_true: targets y, `(..., d)`.
        y_pred: predictions p, `(..., d)`.

    Returns:
        `(...)`.

    Example:
        >>> mean_absolute_error([[0.0, 2.0]], [[1.0, 0.0]]).tolist()
        [1.5]
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    return jnp.mean(jnp.abs(y_true - y_pred), axis=-1)


def mean_absolute_percentage_error(y_true: Array, y_pred: Array) -> Float[Array, " *samples"]:
    """Mean of relative differences in percent: `100 mean_i |y_i - p_i| / max(|y_i|, epsilon)` over the last axis.

    Args:
        y_true: targets y, `(..., d)`.
        y_pred: predictions p, `(..., d)`.

    Returns:
        `(...)`.

    Example:
        >>> mean_absolute_percentage_error([[2.0, 4.0]], [[1.0, 4.0]]).tolist()
        [25.0]
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    size = jnp.maximum(jnp.abs(y_true), jnp.asarray(config.epsilon(), y_pred.dtype))
    return 100.0 * jnp.mean(jnp.abs((y_true - y_pred) / size), axis=-1)


def mean_squared_logarithmic_error(y_true: Array, y_pred: Array) -> Float[Array, " *samples"]:
    """Mean of squared differences of logarithms: `mean_i (log(1 + y_i) - log(1 + p_i))^2` over the last axis.

    Values below epsilon, negative ones among them, count as epsilon.

    Args:
        y_true: targets y >= 0, `(..., d)`.
        y_pred: predictions p >= 0, `(..., d)`.

    Returns:
        `(...)`.

    Example:
        >>> round(float(mean_squared_logarithmic_error([1.718281828], [0.0])), 4)
        1.0
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    tiny = config.epsilon()
    difference = jnp.log(jnp.maximum(y_pred, tiny) + 1.0) - jnp.log(jnp.maximum(y_true, tiny) + 1.0)
    return jnp.mean(jnp.square(difference), axis=-1)


def huber(y_true: Array, y_pred: Array, delta: float = 1.0) -> Float[Array, " *samples"]:
    """Squared for small errors, linear for large ones.

        mean_i  e_i^2 / 2                     where |e_i| <= delta,  e = p - y
                delta |e_i| - delta^2 / 2     elsewhere

    Args:
        y_true: targets y, `(..., d)`.
        y_pred: predictions p, `(..., d)`.
        delta: where the parabola ends, > 0.

    Returns:
        `(...)`.

    Example:
        >>> huber([[0.0, 0.0]], [[1.0, 3.0]]).tolist()
        [1.5]

    Source:
        P. J. Huber, Robust Estimation of a Location Parameter, 1964.
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    error = jnp.abs(y_pred - y_true)
    return jnp.mean(jnp.where(error <= delta, 0.5 * jnp.square(error), delta * error - 0.5 * delta**2), axis=-1)


def log_cosh(y_true: Array, y_pred: Array) -> Float[Array, " *samples"]:
    """Mean of `log(cosh(p_i - y_i))` over the last axis: about `e^2 / 2` for small errors e, `|e| - log 2` for large ones.

    Args:
        y_true: targets y, `(..., d)`.
        y_pred: predictions p, `(..., d)`.

    Returns:
        `(...)`.

    Example:
        >>> round(float(log_cosh([0.0], [1.0])), 4)
        0.4338
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    error = jnp.abs(y_pred - y_true)  # of the two signs the one under which nothing overflows
    return jnp.mean(error + jax.nn.softplus(-2.0 * error) - math.log(2.0), axis=-1)


def cosine_similarity(y_true: Array, y_pred: Array, axis: int | tuple[int, ...] | None = -1) -> Float[Array, " *samples"]:
    """The negative cosine of the angle between targets and predictions: -1 for equal directions, 0 for orthogonal ones.

        -sum_i y_i p_i / (|y| |p|)

    Args:
        y_true: targets y, `(..., d)`.
        y_pred: predictions p, `(..., d)`.
        axis: of the vectors.

    Returns:
        The shape without that axis. 0 where a vector is zero, which has no gradient.

    Example:
        >>> cosine_similarity([[0.0, 2.0]], [[0.0, 3.0]]).tolist()
        [-1.0]
    """
    y_true, y_pred = (unit_vectors(y, axis, config.epsilon()) for y in as_pair(y_true, y_pred))
    return -jnp.sum(y_true * y_pred, axis=axis)
