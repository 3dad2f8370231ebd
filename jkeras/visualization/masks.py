"""Segmentation masks on images, alone and in a grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from jkeras._base.config import standardize_data_format
from jkeras._base.errors import describe
from jkeras._base.registry import export
from jkeras._base.types import Tree
from jkeras.nn.color import hsv_to_rgb
from jkeras.visualization.gallery import plot_image_gallery
from jkeras.visualization.overlays import Colour, as_bytes, in_layout, ink

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TURN = 0.618034  # of the circle of hues, from one class to the next: so those of any number of classes are far apart


@export("keras.visualization.draw_segmentation_masks")
def draw_segmentation_masks(
    images: Tree,
    segmentation_masks: Tree,
    num_classes: int | None = None,
    color_mapping: Mapping[int, Colour] | None = None,
    alpha: float = 0.8,
    blend: bool = True,
    ignore_index: int = -1,
    data_format: str | None = None,
) -> np.ndarray:
    """Colour the pixels of images by their classes.

    Args:
        images: `(batch, height, width, channels)` with 1, 3 or 4 channels; floats are 0 to 1, or, if they exceed that, 0 to 255.
        segmentation_masks: integers `(batch, height, width)`, or with a last axis of one. Class 0 is the background.
        num_classes: the greatest class to draw; by default that of the masks.
        color_mapping: colours `(red, green, blue)` of classes, up to 255; other classes are not drawn. By default classes 1 to
            `num_classes` have colours of their own.
        alpha: how much the colours hide, 0 to 1.
        blend: whether they do not hide all.
        ignore_index: a class that is not drawn.
        data_format: `"channels_last"`, `"channels_first"`, or None for `config.image_data_format()`.

    Returns:
        New images as bytes in the same shape.

    Raises:
        ValueError: the images or the masks have another shape.
        TypeError: the masks are not integers.

    Example:
        >>> image, mask = np.zeros((1, 1, 3, 3)), np.array([[[0, 1, 2]]])
        >>> draw_segmentation_masks(image, mask, color_mapping={1: (100, 50, 0)}, alpha=0.5)[0, 0].tolist()
        [[0, 0, 0], [50, 25, 0], [0, 0, 0]]
    """
    drawn = as_bytes(images, data_format, "draw_segmentation_masks")
    masks = _checked(segmentation_masks, drawn, data_format)
    if color_mapping is None:
        greatest = int(masks.max(initial=0)) if num_classes is None else num_classes
        color_mapping = {i: _colour(i) for i in range(1, greatest + 1)}
    share = np.float32(alpha if blend else 1)
    for index, colour in color_mapping.items():
        if index != ignore_index:
            chosen = masks == index
            drawn[chosen] = drawn[chosen] * (1 - share) + ink(colour, drawn.shape[-1]) * share
    return in_layout(drawn, data_format)


def _colour(index: int) -> Colour:
    """The colour of a class."""
    hue, saturation, value = np.array([index * _TURN % 1, 0.8, 0.95])
    return np.round(255 * np.asarray(hsv_to_rgb(hue, saturation, value))).astype(int).tolist()


def _checked(masks: Tree, images: np.ndarray, data_format: str | None) -> np.ndarray:
    """Masks `(batch, height, width)`."""
    array = np.asarray(masks)
    if not np.issubdtype(array.dtype, np.integer):
        raise TypeError(f"Segmentation masks are integers. Received: {describe(array)}. Write masks.astype('int32').")
    if array.ndim == 4:
        axis = -1 if standardize_data_format(data_format) == "channels_last" else 1
        array = np.take(array, 0, axis) if array.shape[axis] == 1 else array
    if array.shape != images.shape[:3]:
        raise ValueError(
            f"Segmentation masks of images {describe(images)} are {images.shape[:3]}, or that with a last axis of one. "
            f"Received: {describe(masks)}."
        )
    return array


@export("keras.visualization.plot_segmentation_mask_gallery")
def plot_segmentation_mask_gallery(
    images: Tree,
    num_classes: int | None,
    value_range: Sequence[float] = (0, 255),
    y_true: Tree = None,
    y_pred: Tree = None,
    color_mapping: Mapping[int, Colour] | None = None,
    blend: bool = True,
    alpha: float = 0.8,
    ignore_index: int = -1,
    data_format: str | None = None,
    **kwargs: Any,
) -> Figure:
    """Draw images in rows: each image, then with the right mask, then with that of a model.

    Args:
        images: `(batch, height, width, channels)`.
        num_classes: the greatest class.
        value_range: of the images' values.
        y_true, y_pred: masks as for `draw_segmentation_masks`; floats count as integers.
        color_mapping, blend, alpha, ignore_index, data_format: as for `draw_segmentation_masks`.
        kwargs: as for `plot_image_gallery`.

    Returns:
        The figure.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: another shape.
    """
    shown = [as_bytes(images, data_format, "plot_segmentation_mask_gallery", value_range)]
    for masks in (y_true, y_pred):
        if masks is not None:
            integers = _checked(np.asarray(masks).astype(np.int32), shown[0], data_format)
            shown.append(
                draw_segmentation_masks(
                    shown[0], integers, num_classes, color_mapping, alpha, blend, ignore_index, "channels_last"
                )
            )
    columns = len(shown)
    tiles = np.stack(shown, 1).reshape(-1, *shown[0].shape[1:])
    return plot_image_gallery(tiles, rows=len(shown[0]), cols=columns, data_format="channels_last", **kwargs)
