"""How two sets of numbers go together, as one number in [-1, 1] for each row."""

from __future__ import annotations

import jax.numpy as jnp

from jkeras._base import config
from jkeras._base.types import Array, Float, Ints
from jkeras.nn.lengths import unit_vectors
from jkeras.nn.losses_align import as_pair


def pearson_correlation(y_true: Array, y_pred: Array, axis: Ints = -1) -> Float[Array, " *samples"]:
    """`cov(y, p) / (std(y) std(p))`: 1 where p is a rising linear function of y; 0 where one of them is constant.

    Args:
        y_true: targets y.
        y_pred: predictions p, of the same shape.
        axis: over which they vary; several count as one.

    Returns:
        The shape without these axes.

    Example:
        >>> pearson_correlation([[0.0, 1.0, 2.0], [1.0, 1.0, 1.0]], [[5.0, 4.0, 3.0], [0.0, 1.0, 2.0]]).round(4).tolist()
        [-1.0, 0.0]

    Source: K. Pearson, "Note on Regression and Inheritance in the Case of Two Parents", 1895.
    """
    y_true, y_pred, axis = *as_pair(y_true, y_pred), _axes(axis)
    directions = [unit_vectors(y - jnp.mean(y, axis, keepdims=True), axis) for y in (y_true, y_pred)]
    return jnp.sum(directions[0] * directions[1], axis)


def concordance_correlation(y_true: Array, y_pred: Array, axis: Ints = -1) -> Float[Array, " *samples"]:
    """`2 cov(y, p) / (var(y) + var(p) + (mean(y) - mean(p))^2)`: 1 where p equals y, less where it only goes with y.

    Args:
        y_true: targets y.
        y_pred: predictions p, of the same shape.
        axis: over which they vary; several count as one.

    Returns:
        The shape without these axes.

    Example:
        >>> concordance_correlation([[0.0, 1.0, 2.0]], [[1.0, 2.0, 3.0]]).round(4).tolist()
        [0.571399986743927]

    Source: L. Lin, "A Concordance Correlation Coefficient to Evaluate Reproducibility", 1989.
    """
    y_true, y_pred, axis = *as_pair(y_true, y_pred), _axes(axis)
    means = [jnp.mean(y, axis, keepdims=True) for y in (y_true, y_pred)]
    together = jnp.mean((y_true - means[0]) * (y_pred - means[1]), axis)
    apart = jnp.squeeze(jnp.square(means[0] - means[1]), axis)
    return 2 * together / (jnp.var(y_true, axis) + jnp.var(y_pred, axis) + apart + config.epsilon())


def _axes(axis: Ints) -> int | tuple[int, ...]:
    return axis if isinstance(axis, int) else tuple(axis)
