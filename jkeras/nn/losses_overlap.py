"""Losses on regions: one minus how much of two soft sets, such as segmentation masks, is shared."""

from __future__ import annotations

import jax.numpy as jnp

from jkeras._base import config
from jkeras._base.types import Array, Float, Ints
from jkeras.nn.losses_align import as_pair


def _axes(axis: Ints | None) -> int | tuple[int, ...] | None:
    return axis if axis is None or isinstance(axis, int) else tuple(axis)


def dice(y_true: Array, y_pred: Array, axis: Ints | None = None) -> Float[Array, " *rest"]:
    """`1 - 2 sum y p / (sum y + sum p + epsilon)`.

    Args:
        y_true: targets y in [0, 1].
        y_pred: predictions p in [0, 1], of the same shape.
        axis: axes to sum over; None for all, which gives one number for the batch.

    Returns:
        The shape without these axes.

    Example:
        >>> round(float(dice([1.0, 0.0], [0.5, 0.5])), 4)
        0.5

    Source:
        L. R. Dice, Measures of the Amount of Ecologic Association Between Species, 1945.
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    axis = _axes(axis)
    both = jnp.sum(y_true * y_pred, axis=axis)
    return 1 - 2.0 * both / (jnp.sum(y_true, axis=axis) + jnp.sum(y_pred, axis=axis) + config.epsilon())


def tversky(
    y_true: Array, y_pred: Array, alpha: float = 0.5, beta: float = 0.5, axis: Ints | None = None
) -> Float[Array, " *rest"]:
    """`1 - sum y p / (sum y p + alpha sum (1 - y) p + beta sum y (1 - p) + epsilon)`.

    Keras 3.15 and before have alpha and beta the other way round, against the source and their own documentation.

    Args:
        y_true: targets y in [0, 1].
        y_pred: predictions p in [0, 1], of the same shape.
        alpha: weight of what is wrongly claimed, the false positives.
        beta: weight of what is missed, the false negatives; 0.5 and 0.5 give `dice`.
        axis: axes to sum over; None for all, which gives one number for the batch.

    Returns:
        The shape without these axes.

    Example:
        >>> round(float(tversky([1.0, 0.0], [0.5, 0.5])), 4)
        0.5

    Source:
        S. S. M. Salehi, D. Erdogmus, A. Gholipour, Tversky Loss Function for Image Segmentation, 2017.
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    axis = _axes(axis)
    both = jnp.sum(y_true * y_pred, axis=axis)
    claimed, missed = jnp.sum((1 - y_true) * y_pred, axis=axis), jnp.sum(y_true * (1 - y_pred), axis=axis)
    return 1 - both / (both + alpha * claimed + beta * missed + config.epsilon())
