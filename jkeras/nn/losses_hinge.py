"""Hinge losses: nothing to pay once a prediction is on the right side by a margin of 1."""

from __future__ import annotations

import jax.numpy as jnp

from jkeras._base.types import Array, Float
from jkeras.nn.losses_align import as_pair


def _shortfall(y_true: Array, y_pred: Array) -> Array:
    """`max(0, 1 - y p)` for targets in {-1, 1}; a batch that holds only 0 and 1 is taken to mean -1 and 1."""
    y_true, y_pred = as_pair(y_true, y_pred)
    signed = jnp.where(jnp.all((y_true == 0) | (y_true == 1)), 2 * y_true - 1, y_true)
    return jnp.maximum(1.0 - signed * y_pred, 0.0)


def hinge(y_true: Array, y_pred: Array) -> Float[Array, " *samples"]:
    """`mean_i max(0, 1 - y_i p_i)` over the last axis.

    Args:
        y_true: targets y of -1 and 1, or only 0 and 1, `(..., d)`.
        y_pred: predictions p, `(..., d)`.

    Returns:
        `(...)`.

    Example:
        >>> hinge([[1.0, -1.0]], [[0.5, -2.0]]).tolist()
        [0.25]
    """
    return jnp.mean(_shortfall(y_true, y_pred), axis=-1)


def squared_hinge(y_true: Array, y_pred: Array) -> Float[Array, " *samples"]:
    """`mean_i max(0, 1 - y_i p_i)^2` over the last axis.

    Args:
        y_true: targets y of -1 and 1, or only 0 and 1, `(..., d)`.
        y_pred: predictions p, `(..., d)`.

    Returns:
        `(...)`.

    Example:
        >>> squared_hinge([[1.0, -1.0]], [[0.5, -2.0]]).tolist()
        [0.125]
    """
    return jnp.mean(jnp.square(_shortfall(y_true, y_pred)), axis=-1)


def categorical_hinge(y_true: Array, y_pred: Array) -> Float[Array, " *samples"]:
    """`max(0, 1 + max_k (1 - y_k) p_k - sum_k y_k p_k)`: the best wrong class against the right one.

    Args:
        y_true: one-hot targets y, `(..., classes)`.
        y_pred: scores p, `(..., classes)`.

    Returns:
        `(...)`.

    Example:
        >>> categorical_hinge([[0.0, 1.0]], [[0.5, 1.0]]).tolist()
        [0.5]
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    right, wrong = jnp.sum(y_true * y_pred, axis=-1), jnp.max((1.0 - y_true) * y_pred, axis=-1)
    return jnp.maximum(wrong - right + 1.0, 0)
