"""Images in a grid, with their labels and what a model predicts for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from jkeras._base.errors import describe
from jkeras._base.figures import FilePath, axes_for, finish
from jkeras._base.types import Tree
from jkeras.visualization.class_labels import class_labels, confidence

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from jkeras._base.figures import AxesLike

RIGHT, WRONG = "#1d6b3a", "#b3261e"


def image_grid(
    images: Tree,
    labels: Tree = None,
    predictions: Tree = None,
    class_names: Sequence[object] | None = None,
    *,
    limit: int = 25,
    columns: int | None = None,
    only_wrong: bool = False,
    cmap: str | None = None,
    ax: AxesLike | None = None,
    path: FilePath | None = None,
) -> Figure:
    """Draw images with their labels; wrong predictions are red, framed, and followed by the right label.

    Args:
        images: `(n, height, width)` grey, or `(n, height, width, channels)` with 1, 3 or 4 channels. Bytes are 0 to 255; other
            numbers are 0 to 1, or, if they exceed that range, stretched from the least to the greatest.
        labels: what is right: `(n,)` class numbers or names, or `(n, k)` one-hot rows.
        predictions: the same, or probabilities, as `model.predict` gives them; then the chosen class' probability is shown too.
        class_names: names of the classes, in order.
        limit: the most images to draw.
        columns: images in a row; by default the grid is about square.
        only_wrong: whether to leave out images whose prediction is right.
        cmap: the name of a matplotlib colour map for grey images; by default grey.
        ax: axes to draw on, one for each image; None makes a figure.
        path: a file to write the figure to; the suffix tells the format.

    Returns:
        The figure.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: the images have another shape, or there are none; there are fewer labels or predictions.

    Example:
        >>> images = np.zeros((2, 8, 8))
        >>> figure = image_grid(images, [0, 1], [[0.9, 0.1], [0.8, 0.2]], ["cat", "dog"])
        >>> [axes.get_title() for axes in figure.axes]
        ['cat 90%', 'cat 80% (dog)']
    """
    pictures = displayable(images)
    true = None if labels is None else class_labels(labels, "labels")
    guessed = None if predictions is None else class_labels(predictions, "predictions")
    for what, given in (("labels", true), ("predictions", guessed)):
        if given is not None and len(given) < len(pictures):
            raise ValueError(f"There are {len(pictures)} images, but {len(given)} {what}. Give one for each.")
    chosen = list(range(len(pictures)))
    if only_wrong:
        if true is None or guessed is None:
            raise ValueError("only_wrong=True needs labels and predictions.")
        chosen = [i for i in chosen if not _same(true[i], guessed[i], class_names)]
        if not chosen:
            raise ValueError("There is nothing to draw: every prediction is right.")
    chosen = chosen[:limit]
    sure = None if predictions is None else confidence(predictions)
    across = columns or int(np.ceil(np.sqrt(len(chosen))))
    figure, axes = axes_for("image_grid", len(chosen), ax, (1.5, 1.7 if true is not None or guessed is not None else 1.5), across)
    for axis, i in zip(axes, chosen):
        grey = pictures[i].ndim == 2
        axis.imshow(pictures[i], cmap=(cmap or "gray") if grey else None, vmin=0 if grey else None, vmax=1 if grey else None)
        axis.set_xticks([])
        axis.set_yticks([])
        text, right = _title(i, true, guessed, sure, class_names)
        axis.set_title(text, fontsize=8, color="#222222" if right is None else RIGHT if right else WRONG, parse_math=False)
        for spine in axis.spines.values():
            spine.set(visible=right is False, color=WRONG, linewidth=2.5)
    return finish(figure, path)


def displayable(images: Tree) -> np.ndarray:
    """Images as numbers from 0 to 1, `(n, height, width)` or `(n, height, width, 3 or 4)`.

    Raises:
        ValueError: they have another shape, or there are none.
    """
    array = np.asarray(images)
    if array.ndim == 4 and array.shape[-1] == 1:
        array = array[..., 0]
    if not (array.ndim == 3 or (array.ndim == 4 and array.shape[-1] in (3, 4))) or not array.size:
        raise ValueError(
            "Images are (n, height, width) or (n, height, width, channels) with 1, 3 or 4 channels. "
            f"Received: {describe(array)}. Write x[None] for a single image."
        )
    if array.dtype == np.uint8:
        return array / np.float32(255)
    array = array.astype(np.float32)
    low, high = np.nanmin(array), np.nanmax(array)
    if low >= 0 and high <= 1:
        return array
    return (array - low) / (high - low if high > low else 1)


def _name(label: Any, class_names: Sequence[object] | None) -> str:
    whole = isinstance(label, (int, np.integer))
    return str(class_names[label]) if class_names is not None and whole and 0 <= label < len(class_names) else str(label)


def _same(a: Tree, b: Tree, class_names: Sequence[object] | None) -> bool:
    return _name(a, class_names) == _name(b, class_names)


def _title(
    i: int, true: np.ndarray | None, guessed: np.ndarray | None, sure: np.ndarray | None, class_names: Sequence[object] | None
) -> tuple[str, bool | None]:
    """The text above an image, and whether its prediction is right; None if that is not known."""
    if guessed is None:
        return ("" if true is None else _name(true[i], class_names)), None
    said = _name(guessed[i], class_names) + (f" {sure[i]:.0%}" if sure is not None else "")
    if true is None:
        return said, None
    right = _same(true[i], guessed[i], class_names)
    return (said if right else f"{said} ({_name(true[i], class_names)})"), right
