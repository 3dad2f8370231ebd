"""Images in a grid under Keras' name: `plot_image_gallery`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from jkeras._base.figures import FilePath, axes_for, finish, open_window
from jkeras._base.registry import export
from jkeras._base.types import Tree
from jkeras.visualization.overlays import as_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@export("keras.visualization.plot_image_gallery")
def plot_image_gallery(
    images: Tree,
    y_true: Tree = None,
    y_pred: Tree = None,
    label_map: Mapping[int, str] | None = None,
    rows: int | None = None,
    cols: int | None = None,
    value_range: Sequence[float] = (0, 255),
    scale: float = 2,
    path: FilePath | None = None,
    show: bool | None = None,
    transparent: bool = True,
    dpi: float = 60,
    legend_handles: Sequence[Any] | None = None,
    data_format: str | None = None,
) -> Figure:
    """Draw images in a grid, with their labels and what a model predicts for them. See also `image_grid`, which marks errors.

    Args:
        images: `(batch, height, width, channels)` with 1, 3 or 4 channels.
        y_true, y_pred: class numbers `(batch,)`.
        label_map: the classes' names by their numbers.
        rows, cols: of the grid, which by default is about square. Images that do not fit are left out.
        value_range: of the images' values.
        scale: width and height of an image, in inches.
        path: a file to write the figure to; the suffix tells the format.
        show: whether to open a window. A notebook shows the figure as the value of a cell without one.
        transparent: whether the file has no background.
        dpi: pixels per inch of the file.
        legend_handles: what matplotlib's `figure.legend` takes.
        data_format: `"channels_last"`, `"channels_first"`, or None for `config.image_data_format()`.

    Returns:
        The figure.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: the images have another shape; labels without names; both a file and a window.

    Example:
        >>> figure = plot_image_gallery(np.zeros((2, 8, 8, 3)), [0, 1], [0, 0], {0: "cat", 1: "dog"})
        >>> [axes.get_title() for axes in figure.axes]
        ['Label: cat  Pred: cat', 'Label: dog  Pred: cat']
    """
    if path is not None and show:
        raise ValueError("plot_image_gallery takes path, for a file, or show=True, for a window, not both.")
    titles = {"Label": y_true, "Pred": y_pred}
    titles = {what: np.asarray(given) for what, given in titles.items() if given is not None}
    if titles and label_map is None:
        raise ValueError("plot_image_gallery takes y_true and y_pred with label_map, the names of the classes: {0: 'cat', ...}.")
    shown = as_bytes(images, data_format, "plot_image_gallery", value_range)
    down, across = _grid(len(shown), rows, cols)
    shown = shown[: down * across]
    figure, panels = axes_for("plot_image_gallery", len(shown), None, (scale, scale), across)
    for i, (axes, image) in enumerate(zip(panels, shown)):
        axes.imshow(image[..., 0] if image.shape[-1] == 1 else image, cmap="gray", vmin=0, vmax=255)
        axes.axis("off")
        texts = [f"{what}: {(label_map or {}).get(given[i], 'Unknown')}" for what, given in titles.items() if i < len(given)]
        axes.set_title("  ".join(texts), fontsize=8, parse_math=False)
    if legend_handles is not None:
        figure.legend(handles=legend_handles, loc="outside lower center")
    finish(figure, path, dpi, transparent)
    if show:
        open_window(figure)
    return figure


def _grid(count: int, rows: int | None, cols: int | None) -> tuple[int, int]:
    """Rows and columns for a number of images."""
    if rows is None:
        rows = math.ceil(count / cols) if cols else math.ceil(math.sqrt(count))
    return rows, cols or math.ceil(count / rows)
