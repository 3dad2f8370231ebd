"""How well scores separate classes at every threshold: ROC and precision-recall curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from jkeras._base.errors import describe
from jkeras._base.figures import INKS, FilePath, axes_for, finish, name_list
from jkeras._base.types import Tree
from jkeras.visualization.class_labels import class_labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def roc_curve(
    y_true: Tree, y_score: Tree, labels: Sequence[object] | None = None, *, ax: Axes | None = None, path: FilePath | None = None
) -> Figure:
    """Draw the true positive rate against the false positive rate for every threshold.

    Args:
        y_true: `(n,)` class numbers, or `(n, k)` one-hot rows.
        y_score: `(n,)` or `(n, 1)` scores of class 1; or `(n, k)` scores, which compare each class with the rest.
        labels: names of the classes.
        ax: axes to draw on; None makes a figure.
        path: a file to write the figure to; the suffix tells the format.

    Returns:
        The figure; the legend has the area under each curve.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: lengths differ, or a class never occurs, or nothing else does.

    Example:
        >>> figure = roc_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
        >>> figure.axes[0].lines[1].get_label()
        'area 0.750'
    """
    figure, axis, curves = _prepared("roc_curve", y_true, y_score, labels, ax)
    axis.plot([0, 1], [0, 1], ":", color="#9aa3ad", linewidth=1)
    for i, (name, positive, scores) in enumerate(curves):
        found, mistaken = _shares(positive, scores)
        area = float(np.sum(np.diff(mistaken) * (found[1:] + found[:-1]) / 2))
        axis.plot(mistaken, found, color=INKS[i % len(INKS)], label=f"{name}area {area:.3f}")
    axis.set(xlabel="False positive rate", ylabel="True positive rate", title="ROC curve")
    axis.legend(frameon=False, fontsize=9, loc="lower right")
    return finish(figure, path)


def precision_recall_curve(
    y_true: Tree, y_score: Tree, labels: Sequence[object] | None = None, *, ax: Axes | None = None, path: FilePath | None = None
) -> Figure:
    """Draw the precision against the recall for every threshold.

    Args:
        y_true, y_score, labels, ax, path: as for `roc_curve`.

    Returns:
        The figure; the legend has each curve's average precision.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: lengths differ, or a class never occurs, or nothing else does.

    Example:
        >>> figure = precision_recall_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
        >>> figure.axes[0].lines[0].get_label()
        'average precision 0.833'
    """
    figure, axis, curves = _prepared("precision_recall_curve", y_true, y_score, labels, ax)
    for i, (name, positive, scores) in enumerate(curves):
        found, mistaken = _shares(positive, scores)
        all_found = int(np.argmax(found)) + 1
        found, mistaken = found[:all_found], mistaken[:all_found]
        right = found * positive.sum()
        picked = right + mistaken * (~positive).sum()
        precision = np.divide(right, picked, out=np.ones_like(right), where=picked > 0)
        average = float(np.sum(np.diff(found) * precision[1:]))
        label = f"{name}average precision {average:.3f}"
        axis.step(found, precision, where="pre", color=INKS[i % len(INKS)], label=label)
    axis.set(xlabel="Recall", ylabel="Precision", title="Precision and recall", ylim=(0, 1.03))
    axis.legend(frameon=False, fontsize=9, loc="lower left")
    return finish(figure, path)


def _prepared(
    what: str, y_true: Tree, y_score: Tree, labels: Sequence[object] | None, ax: Axes | None
) -> tuple[Figure, Axes, list[tuple[str, np.ndarray, np.ndarray]]]:
    """A figure, its axes, and for each curve its name, which rows are positive, and their scores."""
    true = class_labels(y_true, "y_true")
    scores = np.asarray(y_score, np.float64)
    if scores.ndim == 1:
        scores = scores[:, None]
    if scores.ndim != 2 or len(scores) != len(true) or true.dtype.kind == "U":
        raise ValueError(
            f"{what} takes one class number and one row of scores for each example. "
            f"Received: y_true={describe(np.asarray(y_true))}, y_score={describe(np.asarray(y_score))}."
        )
    classes = [1] if scores.shape[1] == 1 else list(range(scores.shape[1]))
    names = [""] if len(classes) == 1 else [f"{name}: " for name in name_list(labels, len(classes), "labels")]
    curves = []
    for name, k in zip(names, classes):
        positive = true == k
        if positive.all() or not positive.any():
            raise ValueError(
                f"{what} needs examples of class {k} and of others. Received: {positive.sum()} of {len(true)} are of it."
            )
        curves.append((name, positive, scores[:, 0 if len(classes) == 1 else k]))
    figure, (axis,) = axes_for(what, 1, ax, (4.6, 4.2))
    axis.grid(alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)
    return figure, axis, curves


def _shares(positive: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The shares of positives and negatives at or above each threshold, the highest first; equal scores count together."""
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    right = np.cumsum(positive[order])[last]
    wrong = np.cumsum(~positive[order])[last]
    return np.append(0.0, right / right[-1]), np.append(0.0, wrong / wrong[-1])
