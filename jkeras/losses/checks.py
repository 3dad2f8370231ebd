"""Do these targets fit these predictions? Checked once, before training, with NumPy, before anything is traced.

Most mistakes do not fail on their own: shapes broadcast, labels out of range belong to no class, and training continues with
a loss that means nothing.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from jkeras._base.config import settings
from jkeras._base.types import Tree

if TYPE_CHECKING:
    from jkeras.losses.base import Loss
    from jkeras.losses.wrapper import LossFunctionWrapper

Shape = tuple[int | None, ...]  # of predictions, at least one axis

_NOT_NUMBERS = "Targets must be numbers. Received an array of dtype {dtype}: {first!r}, ... {hint}"
_SPARSE_FOR_ONE_HOT = """{name} expects one-hot targets of shape {expected}.
Received integer labels: y_true of shape {shape}. Either write

    loss="sparse_{name}"

or make the targets one-hot:

    y = jkeras.utils.to_categorical(y, {classes})
"""
_CLASSES = """{name} received targets with {given} classes, y_true of shape {shape},
and an output with {classes}, y_pred of shape {pred}.
Both must have one entry per class: give the last layer {given} units, or make targets with {classes} classes."""
_ONE_HOT_FOR_SPARSE = """{name} expects integer labels of shape {expected}.
Received one-hot targets: y_true of shape {shape}. Either write

    loss="{dense}"

or go back to labels:

    y = y.argmax(-1)
"""
_LABELS_ALONE = """{name} expects integer labels of shape {expected}.
Received one-hot targets: y_true of shape {shape}. Write

    y = y.argmax(-1)
"""
_RANGE = """{name} expects labels from 0 to {last}, because the output has {classes} class{es}, y_pred of shape {pred}.
Received labels from {low} to {high}. {hint}"""


def numbers(y_true: Tree) -> np.ndarray | None:
    """The targets as an array; None where they are a structure of arrays that no single rule fits."""
    if isinstance(y_true, dict) or (isinstance(y_true, (list, tuple)) and any(np.ndim(y) for y in y_true)):
        return None
    y = np.asarray(y_true)
    if y.dtype.kind in "OSU":
        hint = "Write np.unique(y, return_inverse=True)[1] to number the classes." if y.dtype.kind in "SU" else ""
        raise ValueError(_NOT_NUMBERS.format(dtype=y.dtype, first=y.ravel()[0] if y.size else None, hint=hint))
    return y


def check_same_shape(loss: Loss, y: np.ndarray, pred: Shape, axis: int = -1) -> None:
    """Targets and predictions must have one shape, but for a last axis of size 1 that one of them may lack."""
    _check_entries(loss, y, pred, broadcasts=False)


def check_elementwise(loss: Loss, y: np.ndarray, pred: Shape, axis: int = -1) -> None:
    """As `check_same_shape`, but axes of size 1 may stand for any size. That is rarely meant, so there is a warning."""
    _check_entries(loss, y, pred, broadcasts=True)


def _check_entries(loss: Loss, y: np.ndarray, pred: Shape, broadcasts: bool) -> None:
    shape = y.shape
    if len(shape) == len(pred) + 1 and shape[-1] == 1:
        shape = shape[:-1]
    elif len(pred) == len(shape) + 1 and pred[-1] == 1:
        shape = (*shape, 1)
    differing = [(a, b) for a, b in zip(shape[1:], pred[1:]) if None not in (a, b) and a != b]
    if len(shape) == len(pred) and not differing:
        return
    received = f"Received y_true of shape {y.shape} and an output of shape {pred}"
    if broadcasts and len(shape) == len(pred) and all(1 in sizes for sizes in differing):
        warnings.warn(
            f"{loss.name} compares each entry along the axes of size 1 with all entries of the other side. {received}. If that "
            f"is not meant, give targets of shape {pred}, or change the last layer.",
            stacklevel=2,
        )
        return
    raise ValueError(
        f"{loss.name} compares targets and predictions entry by entry. {received}, which do not match. Give targets of shape "
        f"{pred}, or change the last layer."
    )


def check_categorical(loss: LossFunctionWrapper, y: np.ndarray, pred: Shape, axis: int = -1) -> None:
    """Targets must have one entry per class of the output."""
    name, classes = loss.fn.__name__, pred[axis]
    if classes is None:
        return
    if classes == 1:
        warnings.warn(
            f"{name} over an output with one class, y_pred of shape {pred}, is always 0. For two classes write "
            f"loss='{name.replace('categorical', 'binary')}', or give the last layer one unit per class.",
            SyntaxWarning,
            stacklevel=3,
        )
    if y.ndim == len(pred) - 1 or (y.ndim == len(pred) and y.shape[axis] == 1 and classes > 1):
        expected = (len(y), *pred[1:])
        raise ValueError(_SPARSE_FOR_ONE_HOT.format(name=name, expected=expected, shape=y.shape, classes=classes))
    if y.ndim == len(pred) and y.shape[axis] != classes:
        raise ValueError(_CLASSES.format(name=name, given=y.shape[axis], shape=y.shape, classes=classes, pred=pred))
    check_same_shape(loss, y, pred)


def check_sparse(loss: LossFunctionWrapper, y: np.ndarray, pred: Shape, axis: int = -1, ignore_class: int | None = None) -> None:
    """Targets must be whole numbers from 0 to classes - 1, one per prediction."""
    name, classes, axis = loss.fn.__name__, pred[axis], axis % len(pred)
    expected = (len(y) if y.ndim else 1, *(n for i, n in enumerate(pred) if i not in (0, axis)))
    if y.ndim == len(pred) and y.shape[axis] == classes and y.shape[axis] > 1:
        dense = name.removeprefix("sparse_")
        raise ValueError(_ONE_HOT_FOR_SPARSE.format(name=name, expected=expected, shape=y.shape, dense=dense))
    given = tuple(n for i, n in enumerate(y.shape) if i != axis) if y.ndim == len(pred) and y.shape[axis] == 1 else y.shape
    if len(given) != len(expected) or any(None not in (a, b) and a != b for a, b in zip(given[1:], expected[1:])):
        raise ValueError(
            f"{name} expects one integer label per prediction, y_true of shape {expected} for an output of shape "
            f"{pred}. Received y_true of shape {y.shape}."
        )
    _check_labels(name, y if ignore_class is None else y[y != ignore_class], classes, pred)


def check_labels(loss: LossFunctionWrapper, y: np.ndarray, pred: Shape, ignore_class: int | None = None) -> None:
    """As `check_sparse`, for a loss that has no other form for one-hot targets."""
    if y.ndim == len(pred) and y.shape[-1] == pred[-1] and y.shape[-1] > 1:
        raise ValueError(_LABELS_ALONE.format(name=loss.fn.__name__, expected=(len(y), *pred[1:-1]), shape=y.shape))
    check_sparse(loss, y, pred, ignore_class=ignore_class)


def check_row_labels(loss: LossFunctionWrapper, y: np.ndarray, pred: Shape, ignore_class: int | None = None) -> None:
    """Targets must be one whole number per row of an output `(batch, size)`."""
    if len(pred) != 2 or y.shape not in ((len(y),), (len(y), 1)):
        raise ValueError(
            f"{loss.name} expects integer labels (batch,) and an output (batch, size). "
            f"Received y_true of shape {y.shape} and an output of shape {pred}."
        )
    _check_labels(loss.fn.__name__, y, None, pred)


def check_sequences(loss: LossFunctionWrapper, y: np.ndarray, pred: Shape, ignore_class: int | None = None) -> None:
    """Targets must be whole numbers `(batch, labels)`, which are classes of an output `(batch, frames, classes)`."""
    if y.ndim != 2 or len(pred) != 3:
        raise ValueError(
            f"{loss.name} expects labels (batch, labels) and an output (batch, frames, classes). "
            f"Received y_true of shape {y.shape} and an output of shape {pred}."
        )
    if pred[1] is not None and y.size and np.count_nonzero(y, 1).max() > pred[1]:
        longest = np.count_nonzero(y, 1).max()
        raise ValueError(f"{loss.name}: a sequence of {longest} labels does not fit into {pred[1]} frames. Give more frames.")
    _check_labels(loss.fn.__name__, y, pred[-1], pred)


def _check_labels(name: str, y: np.ndarray, classes: int | None, pred: Shape) -> None:
    if not y.size:
        return
    low, high = y.min(), y.max()
    if y.dtype.kind == "f" and not np.isfinite([low, high]).all():
        bad = int((~np.isfinite(y)).sum())
        raise ValueError(f"{name} expects integer labels. {bad} of {y.size} labels are NaN or infinite; drop or fill them first.")
    if y.dtype.kind == "f" and np.any(y != np.floor(y)):
        text = (
            f"{name} expects integer labels. Received values with fractions, from {low} to {high}, such as "
            f"{y[y != np.floor(y)][0]}. For numbers rather than classes write loss='mse'."
        )
        if not settings.lenient:
            raise ValueError(text)
        warnings.warn(f"{text}\nThe fractions are cut off. Resize label images with method='nearest'.", stacklevel=5)
        low, high = np.trunc([low, high])
    if classes is None or (low >= 0 and high < classes):
        return
    if classes == 1:
        hint = "For two classes and one output write loss='binary_crossentropy'."
    elif low >= 0:
        hint = f"Give the last layer {int(high) + 1} units, or renumber the labels from 0."
    else:
        hint = "Renumber the labels from 0: y = np.unique(y, return_inverse=True)[1]."
    low, high = (int(v) for v in (low, high))
    raise ValueError(
        _RANGE.format(
            name=name,
            last=classes - 1,
            classes=classes,
            es="es" * (classes != 1),
            pred=pred,
            low=low,
            high=high,
            hint=hint,
        )
    )
