"""Class labels from targets and predictions: numbers, one-hot rows, probabilities, or names."""

from __future__ import annotations

import numpy as np

from jkeras._base.errors import describe
from jkeras._base.types import Tree

Labels = np.ndarray


def class_labels(values: Tree, what: str) -> Labels:
    """One label for each row.

    Args:
        values: `(n,)` numbers or names; `(n, 1)` or `(n,)` probabilities of class 1, or numbers; `(n, k)` one-hot rows or
            probabilities.
        what: the argument's name, for the error.

    Returns:
        `(n,)`: integers, or names as they were.

    Raises:
        ValueError: `values` has another shape.

    Example:
        >>> class_labels([[0.1, 0.9], [0.8, 0.2]], "y_pred"), class_labels([[0.7], [0.2]], "y_pred")
        (array([1, 0]), array([1, 0]))
    """
    array = np.asarray(values)
    if array.ndim == 2 and array.shape[1] > 1 and array.dtype.kind in "fiub":
        return array.argmax(axis=1)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ValueError(f"{what} has one label, or one row of probabilities, for each example. Received: {describe(array)}.")
    if array.dtype.kind == "f":
        whole = bool(np.all(array == np.round(array)))
        return array.astype(np.int64) if whole else (array > 0.5).astype(np.int64)
    return array.astype(np.int64) if array.dtype.kind in "iub" else array.astype(str)


def confidence(values: Tree) -> np.ndarray | None:
    """The probability of the class that a model chose; None if it gave no probabilities.

    Args:
        values: as for `class_labels`.
    """
    array = np.asarray(values)
    if array.dtype.kind != "f" or array.size == 0 or array.min() < 0 or array.max() > 1:
        return None
    if array.ndim == 2 and array.shape[1] > 1:
        return array.max(axis=1)
    flat = array.reshape(len(array), -1)[:, 0]
    return None if np.all(flat == np.round(flat)) else np.maximum(flat, 1 - flat)
