"""How often a prediction is right: one value, 0 or 1, per sample; and the weighted means that metrics accumulate.

Class numbers are compared as integers, never in the predictions' dtype, which may be too short to tell them apart.
"""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp

from jkeras._base.config import floatx
from jkeras._base.types import Array, Float
from jkeras.nn.losses_align import as_pair, match_ranks
from jkeras.nn.losses_crossentropy import drop_class_axis
from jkeras.nn.losses_regression import cosine_similarity


def accuracy(y_true: Array, y_pred: Array) -> Float[Array, " *shape"]:
    """1 where `y = p`, entry by entry.

    Args:
        y_true: `(..., d)`.
        y_pred: `(..., d)`, classes rather than probabilities.

    Returns:
        `(..., d)`.

    Example:
        >>> accuracy([1, 2], [1, 3]).tolist()
        [1.0, 0.0]
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    return (y_true == y_pred).astype(floatx())


def binary_accuracy(y_true: Array, y_pred: Array, threshold: float = 0.5) -> Float[Array, " *shape"]:
    """1 where `y = (p > threshold)`, entry by entry.

    Args:
        y_true: targets y of 0 and 1, `(..., d)`.
        y_pred: probabilities p, `(..., d)`.
        threshold: where class 1 begins.

    Returns:
        `(..., d)`.

    Example:
        >>> binary_accuracy([1, 1], [0.9, 0.2]).tolist()
        [1.0, 0.0]
    """
    y_true, y_pred = match_ranks(jnp.asarray(y_true), jnp.asarray(y_pred))
    return (y_true == (y_pred > threshold).astype(y_true.dtype)).astype(floatx())


def categorical_accuracy(y_true: Array, y_pred: Array) -> Float[Array, " *samples"]:
    """1 where the largest entries of y and p are at one place.

    Args:
        y_true: one-hot targets y, `(..., classes)`.
        y_pred: probabilities or logits p, `(..., classes)`.

    Returns:
        `(...)`.

    Example:
        >>> categorical_accuracy([[0, 1], [1, 0]], [[0.1, 0.9], [0.4, 0.6]]).tolist()
        [1.0, 0.0]
    """
    return (jnp.argmax(jnp.asarray(y_true), axis=-1) == jnp.argmax(jnp.asarray(y_pred), axis=-1)).astype(floatx())


def sparse_categorical_accuracy(y_true: Array, y_pred: Array) -> Float[Array, " *samples"]:
    """1 where the largest entry of p is at place y.

    Args:
        y_true: labels y, `(...)` or `(..., 1)`.
        y_pred: probabilities or logits p, `(..., classes)`.

    Returns:
        `(...)`.

    Example:
        >>> sparse_categorical_accuracy([1, 0], [[0.1, 0.9], [0.4, 0.6]]).tolist()
        [1.0, 0.0]
    """
    y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
    matches = (drop_class_axis(y_true, y_pred) == jnp.argmax(y_pred, axis=-1)).astype(floatx())
    return matches[..., 0] if matches.ndim > 1 and matches.shape[-1] == 1 else matches


def in_top_k(labels: Array, y_pred: Array, k: int) -> Array:
    """Whether fewer than k classes have a larger prediction than the labelled one; NaN counts as smallest.

    Args:
        labels: integers, `(...)`.
        y_pred: `(..., classes)`.
        k: how many places count.
    """
    chosen = jnp.take_along_axis(y_pred, labels[..., None], axis=-1)
    chosen = jnp.where(jnp.isnan(chosen), -jnp.inf, chosen)
    return jnp.sum(y_pred > chosen, axis=-1) < k


def top_k_categorical_accuracy(y_true: Array, y_pred: Array, k: int = 5) -> Float[Array, " *samples"]:
    """1 where the class of y is among the k largest entries of p.

    Args:
        y_true: one-hot targets y, `(..., classes)`.
        y_pred: probabilities or logits p, `(..., classes)`.
        k: how many guesses count.

    Returns:
        `(...)`.

    Example:
        >>> top_k_categorical_accuracy([[0, 0, 1]], [[0.5, 0.1, 0.4]], k=2).tolist()
        [1.0]
    """
    return in_top_k(jnp.argmax(jnp.asarray(y_true), axis=-1), jnp.asarray(y_pred), k).astype(floatx())


def sparse_top_k_categorical_accuracy(
    y_true: Array, y_pred: Array, k: int = 5, from_sorted_ids: bool = False
) -> Float[Array, " *samples"]:
    """1 where label y is among the k largest entries of p.

    Args:
        y_true: labels y, `(...)`.
        y_pred: probabilities or logits p, `(..., classes)`; or class ids, the best first.
        k: how many guesses count.
        from_sorted_ids: whether y_pred holds class ids.

    Returns:
        `(...)`.

    Example:
        >>> sparse_top_k_categorical_accuracy([2], [[0.5, 0.1, 0.4]], k=2).tolist()
        [1.0]
    """
    y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
    shape, y_true = y_true.shape, drop_class_axis(y_true, y_pred)
    if from_sorted_ids:
        matches = jnp.any(y_true[..., None] == y_pred[..., :k], axis=-1)
    else:
        matches = in_top_k(y_true.astype(jnp.int32), y_pred, k)
    return matches.reshape(shape).astype(floatx())


def cosine_of_angle(y_true: Array, y_pred: Array, axis: int = -1) -> Float[Array, " *samples"]:
    """The cosine of the angle between targets and predictions: 1 for equal directions."""
    return -cosine_similarity(y_true, y_pred, axis)


def per_sample(values: Array, sample_weight: Array | None, reduce: Callable[..., Array]) -> tuple[Array, Array | None]:
    """Values and weights with one entry per sample, which is what a mean counts.

    Args:
        values: `(n, ...)` or a scalar.
        sample_weight: of the same rank or lower, aligned from the left; None for no weights.
        reduce: `jnp.mean` or `jnp.sum`, over all axes but the first.

    Returns:
        Weighted values `(n,)`, and weights `(n,)` or None. A scalar weight reduces the values to one.

    Example:
        >>> values, weights = per_sample(jnp.ones((2, 3)), jnp.array([1.0, 2.0]), jnp.mean)
        >>> values.tolist(), weights.tolist()
        ([1.0, 2.0], [1.0, 2.0])
    """
    if sample_weight is not None:
        values, sample_weight = match_ranks(values, sample_weight)
        if values.ndim > sample_weight.ndim:
            values = reduce(values, axis=tuple(range(sample_weight.ndim, values.ndim)))
        sample_weight = jnp.broadcast_to(sample_weight, values.shape)
        values = values * sample_weight
        if sample_weight.ndim > 1:
            sample_weight = reduce(sample_weight, axis=tuple(range(1, sample_weight.ndim)))
    return reduce(values, axis=tuple(range(1, values.ndim))) if values.ndim > 1 else values, sample_weight
