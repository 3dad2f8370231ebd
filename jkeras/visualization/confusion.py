"""Confusion matrices: which class was mistaken for which, and how often."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from jkeras._base.figures import FilePath, axes_for, finish, name_list
from jkeras._base.types import Tree
from jkeras.visualization.class_labels import class_labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_NUMBERS = 30  # classes, up to which each cell shows its number
_NORMALIZE = (None, False, True, "true", "pred", "all")


def confusion_matrix(
    y_true: Tree,
    y_pred: Tree,
    labels: Sequence[object] | None = None,
    normalize: str | bool | None = None,
    *,
    title: str | None = "Confusion matrix",
    cmap: str = "Blues",
    ax: Axes | None = None,
    path: FilePath | None = None,
) -> Figure:
    """Draw how often each class (a row) was predicted as each class (a column).

    Args:
        y_true: what is right: `(n,)` class numbers or names, or `(n, k)` one-hot rows.
        y_pred: what was predicted: the same, or the probabilities that `model.predict` gives, `(n, k)`, or `(n, 1)` for two
            classes.
        labels: names of the classes, in order; or, if the classes are names already, which of them to show.
        normalize: None counts; `"true"` (or True) gives the share of each row, `"pred"` of each column, `"all"` of the whole.
        title: above the matrix; None for none.
        cmap: the name of a matplotlib colour map.
        ax: axes to draw on; None makes a figure.
        path: a file to write the figure to; the suffix tells the format.

    Returns:
        The figure.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: the two differ in length or are empty; there are fewer names than classes; `normalize` is none of the
            above.

    Example:
        >>> figure = confusion_matrix([0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], labels=["cat", "dog"])
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['1', '0', '1', '1']
    """
    if normalize not in _NORMALIZE:
        raise ValueError(f"normalize is None, 'true', 'pred' or 'all'. Received: normalize={normalize!r}.")
    counts, names = count_pairs(y_true, y_pred, labels)
    shares = _normalized(counts, normalize)
    side = float(np.clip(1.9 + 0.48 * len(names), 3.2, 12.0))
    figure, (axis,) = axes_for("confusion_matrix", 1, ax, (side + 0.9, side))
    image = axis.imshow(shares, cmap=cmap, vmin=0, vmax=1 if normalize else max(1, counts.max()))
    bar: Any = figure.colorbar(image, ax=axis, fraction=0.046, pad=0.03)
    if not normalize:
        bar.ax.yaxis.get_major_locator().set_params(integer=True)
    places = range(len(names))
    size = 9 if len(names) <= 12 else 7 if len(names) <= _MOST_NUMBERS else 5
    slanted = max(map(len, names)) > 3
    axis.set_xticks(places, names, rotation=45 if slanted else 0, ha="right" if slanted else "center", fontsize=size)
    axis.set_yticks(places, names, fontsize=size)
    if slanted:
        for tick in axis.get_xticklabels():
            tick.set_rotation_mode("anchor")
    axis.set(xlabel="Predicted label", ylabel="True label", title=title or "")
    if len(names) <= _MOST_NUMBERS:
        for i in places:
            for j in places:
                text = f"{shares[i, j]:.2f}" if normalize else str(counts[i, j])
                light = sum(image.cmap(image.norm(shares[i, j]))[:3]) < 1.5
                axis.text(j, i, text, ha="center", va="center", fontsize=size, color="white" if light else "#222222")
    return finish(figure, path)


def count_pairs(y_true: Tree, y_pred: Tree, labels: Sequence[object] | None = None) -> tuple[np.ndarray, list[str]]:
    """The numbers behind a confusion matrix.

    Args:
        y_true, y_pred, labels: as for `confusion_matrix`.

    Returns:
        `(k, k)` counts, with the true class as row and the predicted one as column; and the k names.

    Example:
        >>> count_pairs(["cat", "dog"], ["dog", "dog"])
        (array([[0, 1],
               [0, 1]]), ['cat', 'dog'])
    """
    true, predicted = class_labels(y_true, "y_true"), class_labels(y_pred, "y_pred")
    if len(true) != len(predicted) or not len(true):
        raise ValueError(
            f"There is one prediction for each label. Received: {len(true)} labels and {len(predicted)} predictions."
        )
    if "U" in (true.dtype.kind, predicted.dtype.kind):
        found = sorted({*true.astype(str).tolist(), *predicted.astype(str).tolist()})
        known = names = found if labels is None else [str(label) for label in labels]
    elif min(true.min(), predicted.min()) < 0:
        known = sorted({*true.tolist(), *predicted.tolist()})
        names = name_list(labels, len(known), "labels") if labels is not None else [str(k) for k in known]
    else:
        widths = [np.shape(y)[1] for y in (y_true, y_pred) if np.ndim(y) == 2]
        known = list(range(max([len(labels or ()), *widths, int(true.max()) + 1, int(predicted.max()) + 1])))
        names = name_list(labels, len(known), "labels")
    place = {label: i for i, label in enumerate(known)}
    counts = np.zeros((len(known), len(known)), np.int64)
    kept = str if isinstance(known[0], str) else int
    for row, column in zip(true.tolist(), predicted.tolist()):
        i, j = place.get(kept(row)), place.get(kept(column))
        if i is not None and j is not None:
            counts[i, j] += 1
    return counts, names


def _normalized(counts: np.ndarray, normalize: str | bool | None) -> np.ndarray:
    if not normalize:
        return counts
    total = {True: counts.sum(1, keepdims=True), "true": counts.sum(1, keepdims=True), "pred": counts.sum(0, keepdims=True)}
    return counts / np.maximum(total.get(normalize, counts.sum()), 1)
