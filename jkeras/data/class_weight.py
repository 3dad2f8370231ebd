"""Class weights as sample weights: `w_i = class_weight[class of sample i]`, 1 for classes without an entry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from jkeras._base.config import floatx
from jkeras._base.errors import describe


def class_weights(y: Any, class_weight: Mapping[int, float]) -> np.ndarray:
    """One weight per sample from a weight per class.

    Args:
        y: targets: class numbers `(n,)` or `(n, 1)`, or one-hot / probabilities `(n, classes)`, of which the largest counts.
        class_weight: class number -> weight; classes without an entry weigh 1.

    Returns:
        `(n,)` weights in `floatx()`.

    Raises:
        ValueError: no targets, several outputs, or keys that are not class numbers.

    Example:
        >>> class_weights(np.array([0, 1, 1, 2]), {0: 2.0, 1: 0.5})
        array([2. , 0.5, 0.5, 1. ], dtype=float32)
    """
    if y is None or isinstance(y, (list, tuple, Mapping)):
        received = "no y" if y is None else f"y={describe(y)}"
        raise ValueError(
            f"`class_weight` needs one array of class targets; received {received}. For several outputs compute sample weights "
            "yourself and pass `sample_weight`, one array per output."
        )
    table = _table(class_weight)
    labels = np.asarray(y)
    if labels.ndim > 1:
        labels = labels[..., 0] if labels.shape[-1] == 1 else labels.argmax(-1)
    present, position = np.unique(np.round(labels).astype(np.int64), return_inverse=True)
    weights = np.array([table.get(int(c), 1.0) for c in present], dtype=floatx())
    return weights[position].reshape(labels.shape)


def _table(class_weight: Any) -> dict[int, float]:
    if not isinstance(class_weight, Mapping) or not all(
        isinstance(k, (int, float, np.number)) and k == int(k) for k in class_weight
    ):
        raise ValueError(
            f"`class_weight` must be a dict of class number -> weight, such as {{0: 1.0, 1: 5.0}}. Received {class_weight!r}."
        )
    return {int(k): float(v) for k, v in class_weight.items()}


def weigh(y: Any, sample_weight: Any, class_weight: Mapping[int, float] | None) -> Any:
    """The product of sample weights and class weights; each may be None."""
    if class_weight is None:
        return sample_weight
    weights = class_weights(y, class_weight)
    if sample_weight is None:
        return weights
    return sample_weight * weights.reshape(weights.shape + (1,) * (sample_weight.ndim - weights.ndim))
