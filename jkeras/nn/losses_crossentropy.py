"""Losses on probabilities: crossentropies, their divergence, and the Poisson likelihood.

A crossentropy is the mean number of nats a prediction needs to name the target. Predictions are probabilities, kept away from
0 and 1 by epsilon so that logarithms stay finite, or, with `from_logits=True`, the numbers before the softmax or sigmoid, which
need no such care and have better gradients. Logarithms of probabilities in half precision are taken in float32, because
`1 - epsilon` is 1 there.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jkeras._base import config
from jkeras._base.types import Array, Bool, Float
from jkeras.nn.losses_align import as_pair
from jkeras.nn.norm import at_least_float32


def _clip(p: Array) -> Array:
    return jnp.clip(at_least_float32(p), config.epsilon(), 1.0 - config.epsilon())


def same_shape(name: str, y_true: Array, y_pred: Array) -> None:
    """Raise ValueError unless targets and predictions of the loss `name` have one shape."""
    if y_true.shape != y_pred.shape:
        raise ValueError(
            f"{name} expects targets and predictions of one shape. Received: y_true {y_true.shape}, y_pred {y_pred.shape}."
        )


def log_probabilities(y_pred: Array, from_logits: bool, axis: int) -> Array:
    """Log-probabilities of logits, or of probabilities after they are made to sum to 1 and clipped."""
    if from_logits:
        return jax.nn.log_softmax(y_pred, axis=axis)
    return jnp.log(_clip(y_pred / jnp.sum(y_pred, axis=axis, keepdims=True))).astype(y_pred.dtype)


def elementwise_crossentropy(y_true: Array, y_pred: Array, from_logits: bool = False) -> Array:
    """`-y log p - (1 - y) log(1 - p)` for every entry; with logits z, p is `sigmoid(z)`."""
    if from_logits:
        return -y_true * jax.nn.log_sigmoid(y_pred) - (1.0 - y_true) * jax.nn.log_sigmoid(-y_pred)
    p = _clip(y_pred)
    return -(y_true * jnp.log(p) + (1.0 - y_true) * jnp.log(1.0 - p)).astype(y_pred.dtype)


def smooth_binary(y_true: Array, label_smoothing: float) -> Array:
    """Targets moved towards 1/2: `(1 - s) y + s / 2`."""
    return y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing if label_smoothing else y_true


def smooth_classes(y_true: Array, label_smoothing: float, axis: int) -> Array:
    """One-hot targets moved towards the uniform distribution over the classes of an axis: `(1 - s) y + s / classes`."""
    return y_true * (1.0 - label_smoothing) + label_smoothing / y_true.shape[axis] if label_smoothing else y_true


def binary_crossentropy(
    y_true: Array, y_pred: Array, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Float[Array, " *samples"]:
    """Mean over an axis of `-y log p - (1 - y) log(1 - p)`.

    Args:
        y_true: targets y in [0, 1], `(..., d)`.
        y_pred: probabilities p, or logits, `(..., d)`.
        from_logits: whether y_pred holds logits.
        label_smoothing: s in [0, 1]; targets become `(1 - s) y + s / 2`.
        axis: to take the mean over.

    Returns:
        `(...)`.

    Raises:
        ValueError: shapes that do not match.

    Example:
        >>> round(float(binary_crossentropy([1.0], [0.5])), 4)
        0.6931
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    same_shape("binary_crossentropy", y_true, y_pred)
    return jnp.mean(elementwise_crossentropy(smooth_binary(y_true, label_smoothing), y_pred, from_logits), axis=axis)


def categorical_crossentropy(
    y_true: Array, y_pred: Array, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Float[Array, " *samples"]:
    """`-sum_k y_k log p_k` over the classes k, for one-hot targets (or any distribution).

    Args:
        y_true: targets y, `(..., classes)`.
        y_pred: probabilities p, which are divided by their sum, or logits, `(..., classes)`.
        from_logits: whether y_pred holds logits.
        label_smoothing: s in [0, 1]; targets become `(1 - s) y + s / classes`.
        axis: of the classes.

    Returns:
        `(...)`.

    Raises:
        ValueError: shapes that do not match.

    Example:
        >>> round(float(categorical_crossentropy([0.0, 1.0], [0.5, 0.5])), 4)
        0.6931
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    same_shape("categorical_crossentropy", y_true, y_pred)
    y_true = smooth_classes(y_true, label_smoothing, axis)
    return -jnp.sum(y_true * log_probabilities(y_pred, from_logits, axis), axis=axis)


def drop_class_axis(y_true: Array, y_pred: Array, axis: int = -1) -> Array:
    """Integer labels without a class axis of size 1, where they have one."""
    return jnp.squeeze(y_true, axis) if y_true.ndim == y_pred.ndim and y_true.shape[axis] == 1 else y_true


def labels_that_count(y_true: Array, y_pred: Array, ignore_class: int, axis: int = -1) -> Bool[Array, " *samples"]:
    """True where a label is not the ignored class."""
    return drop_class_axis(jnp.asarray(y_true), jnp.asarray(y_pred), axis) != ignore_class


def sparse_categorical_crossentropy(
    y_true: Array, y_pred: Array, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
) -> Float[Array, " *samples"]:
    """`-log p_y` for integer labels y.

    Args:
        y_true: labels 0 .. classes - 1, `(...)` or with a class axis of size 1. A label outside gives 0.
        y_pred: probabilities p, which are divided by their sum, or logits, `(..., classes)`.
        from_logits: whether y_pred holds logits.
        ignore_class: a label whose samples give 0, such as 255 for "void" pixels.
        axis: of the classes.

    Returns:
        `(...)`.

    Raises:
        ValueError: shapes that do not match.

    Example:
        >>> sparse_categorical_crossentropy([1, 0], [[0.5, 0.5], [1.0, 0.0]]).round(4).tolist()
        [0.6930999755859375, 0.0]
    """
    y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
    y_true = drop_class_axis(y_true, y_pred, axis)
    axis = axis % y_pred.ndim
    if y_true.shape != y_pred.shape[:axis] + y_pred.shape[axis + 1 :]:
        raise ValueError(
            f"sparse_categorical_crossentropy expects integer labels of the predictions' shape without the class axis. Received: "
            f"y_true {y_true.shape}, y_pred {y_pred.shape}. For one-hot targets write categorical_crossentropy."
        )
    log_p = log_probabilities(y_pred, from_logits, axis)
    classes = jnp.arange(y_pred.shape[axis]).reshape([-1 if i == axis else 1 for i in range(y_pred.ndim)])
    loss = -jnp.sum(jnp.where(jnp.expand_dims(y_true.astype(jnp.int32), axis) == classes, log_p, 0), axis=axis)
    return loss if ignore_class is None else jnp.where(y_true == ignore_class, 0, loss)


def categorical_generalized_cross_entropy(y_true: Array, y_pred: Array, q: float) -> Float[Array, " *samples"]:
    """`(1 - p_y^q) / q` for integer labels y: from the crossentropy (q near 0) to the absolute error (q near 1).

    Labels that are wrong count less than in a crossentropy.

    Args:
        y_true: labels 0 .. classes - 1, `(...)` or with a class axis of size 1.
        y_pred: probabilities p, `(..., classes)`.
        q: in (0, 1).

    Returns:
        `(...)`. The derivative where p_y is 0 is 0, since it has no finite one.

    Raises:
        ValueError: shapes that do not match.

    Example:
        >>> categorical_generalized_cross_entropy([1], [[0.75, 0.25]], 0.5).tolist()
        [1.0]

    Source: Zhang and Sabuncu, "Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy Labels", 2018.
    """
    y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
    y_true = drop_class_axis(y_true, y_pred)
    if y_true.shape != y_pred.shape[:-1]:
        raise ValueError(
            "categorical_generalized_cross_entropy expects integer labels of the predictions' shape without the class axis. "
            f"Received: y_true {y_true.shape}, y_pred {y_pred.shape}. Make labels of one-hot targets: y.argmax(-1)."
        )
    p = jnp.take_along_axis(y_pred, y_true.astype(jnp.int32)[..., None], -1)[..., 0]
    none = p <= 0
    return (1 - jnp.where(none, 0, jnp.where(none, 1, p) ** q)) / q


def kl_divergence(y_true: Array, y_pred: Array) -> Float[Array, " *samples"]:
    """`sum_k y_k log(y_k / p_k)`, with both clipped to [epsilon, 1].

    Args:
        y_true: a distribution y, `(..., classes)`.
        y_pred: a distribution p, `(..., classes)`.

    Returns:
        `(...)`.

    Example:
        >>> round(float(kl_divergence([0.0, 1.0], [0.5, 0.5])), 4)
        0.6931

    Source:
        S. Kullback and R. A. Leibler, On Information and Sufficiency, 1951.
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    y, p = (jnp.clip(at_least_float32(d), config.epsilon(), 1) for d in (y_true, y_pred))
    return jnp.sum(y * jnp.log(y / p), axis=-1).astype(y_pred.dtype)


def poisson(y_true: Array, y_pred: Array) -> Float[Array, " *samples"]:
    """Negative log-likelihood of counts, without the constant: `mean_i (p_i - y_i log(p_i + epsilon))`.

    Args:
        y_true: counts y, `(..., d)`.
        y_pred: rates p > 0, `(..., d)`.

    Returns:
        `(...)`.

    Example:
        >>> poisson([[2.0, 0.0]], [[1.0, 1.0]]).round(4).tolist()
        [1.0]
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    log_p = jnp.log(at_least_float32(y_pred) + config.epsilon()).astype(y_pred.dtype)
    return jnp.mean(y_pred - y_true * log_p, axis=-1)
