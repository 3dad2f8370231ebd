"""Class weights as sample weights: `w_i = class_weight[class of sample i]`, 1 for classes without an entry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from jkeras._base.config import floatx
from jkeras._base.errors import describe
from jkeras._base.types import Tree


def class_weights(y: Tree, class_weight: Mapping[int, float]) -> np.ndarray:
    """One weight per sample from a weight per class.

    Args:
        y: targets: class numbers `(n, ...)` or `(n, ..., 1)`, or one-hot / probabilities `(n, ..., classes)`, of which the
            largest counts.
        class_weight: class number -> weight; classes without an entry weigh 1. Classes may be strings such as `"1"`.

    Returns:
        Weights in `floatx()`, `(n,)` or one for each step.

    Raises:
        ValueError: no targets, several outputs, or keys that are not class numbers.

    Example:
        >>> class_weights(np.array([0, 1, 1, 2]), {0: 2.0, 1: 0.5})
        array([2. , 0.5, 0.5, 1. ], dtype=float32)
    """
    if y is None or isinstance(y, (list, tuple, Mapping)):
        received = "no y" if y is None else f"y={describe(y)}"
        raise ValueError(
            f"`class_weight` needs one array of class targets; received {received}. For several outputs pass one table "
            "per output, by its name."
        )
    table = _table(class_weight)
    labels = np.asarray(y)
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    elif labels.ndim > 1 and labels.max() <= 1:  # else they are class numbers, one for each step, not probabilities
        labels = labels.argmax(-1)
    present, position = np.unique(np.round(labels).astype(np.int64), return_inverse=True)
    weights = np.array([table.get(int(c), 1.0) for c in present], dtype=floatx())
    return weights[position].reshape(labels.shape)


def _table(class_weight: Tree) -> dict[int, float]:
    try:
        return {_class_number(key): np.asarray(weight, "float64").item() for key, weight in class_weight.items()}
    except (AttributeError, TypeError, ValueError) as error:
        is_list = isinstance(class_weight, (np.ndarray, list, tuple))  # what scikit-learn's compute_class_weight gives
        hint = " Write dict(enumerate(weights))." if is_list else ""
        raise ValueError(
            "`class_weight` must be a dict of class number -> weight, such as {0: 1.0, 1: 5.0}. "
            f"Received {describe(class_weight)}.{hint}"
        ) from error


def _class_number(key: Any) -> int:
    """A key as a class: 1, 1.0, np.int64(1), or "1", as JSON has it."""
    number = int(key)
    if not isinstance(key, str) and number != key:
        raise ValueError(f"{key!r} is no whole number.")
    return number
