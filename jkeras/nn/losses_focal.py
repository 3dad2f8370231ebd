"""Focal crossentropies: examples that are already right count less, so that rare and hard ones count more.

Each term of the crossentropy is multiplied by `(1 - p_t)^gamma`, where p_t is the probability given to the truth.
Source: T.-Y. Lin, P. Goyal, R. Girshick, K. He, P. Dollár, Focal Loss for Dense Object Detection, 2017.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jkeras._base.types import Array, ArrayLike, Float
from jkeras.nn import losses_crossentropy as crossentropy
from jkeras.nn.losses_align import as_pair


def _focus(missing: Array, gamma: float) -> Array:
    """`missing^gamma`, with derivative 0 where nothing is missing: that of a power below 1 is not finite there."""
    none = missing == 0
    return jnp.where(none, jnp.power(jnp.zeros_like(missing), gamma), jnp.power(jnp.where(none, 1, missing), gamma))


def binary_focal_crossentropy(
    y_true: Array,
    y_pred: Array,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Float[Array, " *samples"]:
    """Mean over an axis of `(1 - p_t)^gamma (-log p_t)`, with `p_t = p` for y = 1 and `1 - p` for y = 0.

    Args:
        y_true: targets y in [0, 1], `(..., d)`.
        y_pred: probabilities p, or logits, `(..., d)`.
        apply_class_balancing: whether terms are weighted by alpha for y = 1 and `1 - alpha` for y = 0.
        alpha: weight of class 1.
        gamma: how strongly easy examples are played down, >= 0.
        from_logits: whether y_pred holds logits.
        label_smoothing: s in [0, 1]; targets become `(1 - s) y + s / 2`.
        axis: to take the mean over.

    Returns:
        `(...)`.

    Raises:
        ValueError: shapes that do not match.

    Example:
        >>> round(float(binary_focal_crossentropy([1.0], [0.5])), 4)
        0.1733
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    crossentropy.same_shape("binary_focal_crossentropy", y_true, y_pred)
    y_true = crossentropy.smooth_binary(y_true, label_smoothing)
    p, not_p = (jax.nn.sigmoid(y_pred), jax.nn.sigmoid(-y_pred)) if from_logits else (y_pred, 1 - y_pred)
    missing = y_true * not_p + (1 - y_true) * p
    loss = _focus(missing, gamma) * crossentropy.elementwise_crossentropy(y_true, y_pred, from_logits)
    if apply_class_balancing:
        loss = (y_true * alpha + (1 - y_true) * (1 - alpha)) * loss
    return jnp.mean(loss, axis=axis)


def categorical_focal_crossentropy(
    y_true: Array,
    y_pred: Array,
    alpha: ArrayLike | Sequence[float] = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Float[Array, " *samples"]:
    """`sum_k alpha_k (1 - p_k)^gamma (-y_k log p_k)` over the classes k.

    Args:
        y_true: one-hot targets y, `(..., classes)`.
        y_pred: probabilities p, which are divided by their sum, or logits, `(..., classes)`.
        alpha: a number, or one weight per class along `axis`.
        gamma: how strongly easy examples are played down, >= 0.
        from_logits: whether y_pred holds logits.
        label_smoothing: s in [0, 1]; targets become `(1 - s) y + s / classes`.
        axis: of the classes.

    Returns:
        `(...)`.

    Raises:
        ValueError: shapes that do not match.

    Example:
        >>> round(float(categorical_focal_crossentropy([0.0, 1.0], [0.5, 0.5])), 4)
        0.0433
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    crossentropy.same_shape("categorical_focal_crossentropy", y_true, y_pred)
    log_p = crossentropy.log_probabilities(y_pred, from_logits, axis)
    alpha = jnp.asarray(alpha, log_p.dtype)
    if alpha.ndim == 1:
        alpha = alpha.reshape([-1 if i == axis % log_p.ndim else 1 for i in range(log_p.ndim)])
    weight = alpha * _focus(1.0 - jnp.exp(log_p), gamma)
    return -jnp.sum(weight * crossentropy.smooth_classes(y_true, label_smoothing, axis) * log_p, axis=axis)
