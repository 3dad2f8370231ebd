"""Bounding boxes on images, alone and in a grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

from jkeras._base.errors import describe
from jkeras._base.figures import matplotlib_for
from jkeras._base.registry import export
from jkeras._base.types import Tree
from jkeras.nn.bounding_boxes import convert_format
from jkeras.visualization.gallery import plot_image_gallery
from jkeras.visualization.overlays import Colour, as_bytes, draw_frame, in_layout, label_of, write_labels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Names = Mapping[int, str] | None


@export("keras.visualization.draw_bounding_boxes")
def draw_bounding_boxes(
    images: Tree,
    bounding_boxes: Mapping[str, Tree],
    bounding_box_format: str,
    class_mapping: Names = None,
    color: Colour = (128, 128, 128),
    line_thickness: int = 2,
    text_thickness: int | None = 1,
    font_scale: float = 1.0,
    data_format: str | None = None,
) -> np.ndarray:
    """Draw boxes, with the names of their classes, on images.

    Args:
        images: `(batch, height, width, channels)` with 1, 3 or 4 channels; floats are 0 to 1, or, if they exceed that, 0 to 255.
        bounding_boxes: a dict of `"boxes"` `(batch, boxes, 4)`, `"labels"` `(batch, boxes)`, -1 for none, and, to write them
            too, `"confidences"` `(batch, boxes)`.
        bounding_box_format: of the boxes; see `utils.bounding_boxes.convert_format`.
        class_mapping: names of classes; boxes of other classes get no text.
        color: of lines and letters, `(red, green, blue)` up to 255.
        line_thickness: of the lines, in pixels.
        text_thickness: 1 for regular letters, more for bold ones; None for that of the lines.
        font_scale: size of the letters, 1 for lines of 22 pixels.
        data_format: `"channels_last"`, `"channels_first"`, or None for `config.image_data_format()`.

    Returns:
        New images as bytes in the same shape.

    Raises:
        ValueError: the images have another shape, or the dict has no boxes or labels.
        TypeError: `bounding_boxes` is not a dict.
        ImportError: there are texts to write, and matplotlib is not installed.

    Example:
        >>> boxes = {"boxes": [[[1, 1, 4, 4]]], "labels": [[0]]}
        >>> drawn = draw_bounding_boxes(np.zeros((1, 6, 6, 1)), boxes, "xyxy", color=(9, 9, 9), line_thickness=1)
        >>> drawn[0, 2, :, 0].tolist()
        [0, 9, 0, 0, 9, 0]
    """
    if not isinstance(bounding_boxes, Mapping):
        raise TypeError(f'draw_bounding_boxes takes a dict of "boxes" and "labels". Received: {describe(bounding_boxes)}.')
    if "boxes" not in bounding_boxes or "labels" not in bounding_boxes:
        raise ValueError(
            f'draw_bounding_boxes takes a dict of "boxes" and "labels". It has {", ".join(map(repr, bounding_boxes))}.'
        )
    drawn = as_bytes(images, data_format, "draw_bounding_boxes")
    floats = jnp.asarray(bounding_boxes["boxes"], jnp.float32)
    boxes = np.rint(convert_format(floats, bounding_box_format, "xyxy", *drawn.shape[1:3])).astype(int)
    classes = np.asarray(bounding_boxes["labels"]).astype(int)
    sure = bounding_boxes.get("confidences")
    weight = line_thickness if text_thickness is None else text_thickness
    for i, image in enumerate(drawn):
        texts = []
        for j in np.flatnonzero(classes[i] != -1):
            draw_frame(image, boxes[i, j].tolist(), color, line_thickness)
            name = (class_mapping or {}).get(int(classes[i, j]))
            if name is not None:
                text = name if sure is None else f"{name} | {float(sure[i][j]):.2f}"
                texts.append(label_of(text, boxes[i, j].tolist(), font_scale))
        write_labels(image, texts, color, font_scale, weight)
    return in_layout(drawn, data_format)


@export("keras.visualization.plot_bounding_box_gallery")
def plot_bounding_box_gallery(
    images: Tree,
    bounding_box_format: str,
    y_true: Mapping[str, Tree] | None = None,
    y_pred: Mapping[str, Tree] | None = None,
    value_range: Sequence[float] = (0, 255),
    true_color: Colour = (0, 188, 212),
    pred_color: Colour = (255, 235, 59),
    line_thickness: int = 2,
    font_scale: float = 1.0,
    text_thickness: int | None = None,
    class_mapping: Names = None,
    ground_truth_mapping: Names = None,
    prediction_mapping: Names = None,
    legend: bool = False,
    legend_handles: Sequence[Any] | None = None,
    rows: int | None = None,
    cols: int | None = None,
    data_format: str | None = None,
    **kwargs: Any,
) -> Figure:
    """Draw images in a grid, with the right boxes and those of a model.

    Args:
        images: `(batch, height, width, channels)`.
        bounding_box_format: of the boxes.
        y_true, y_pred: boxes as for `draw_bounding_boxes`.
        value_range: of the images' values.
        true_color, pred_color: of the boxes.
        line_thickness, font_scale, text_thickness, data_format: as for `draw_bounding_boxes`.
        class_mapping: names of classes, for both; `ground_truth_mapping` and `prediction_mapping` for one of them.
        legend: whether to say which colour is which.
        legend_handles: a legend of your own.
        rows, cols, kwargs: as for `plot_image_gallery`.

    Returns:
        The figure.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: another shape, or both `legend` and `legend_handles`.
    """
    if legend and legend_handles:
        raise ValueError("plot_bounding_box_gallery takes legend=True, or legend_handles, not both.")
    drawn = as_bytes(images, data_format, "plot_bounding_box_gallery", value_range)
    for boxes, color, names in ((y_true, true_color, ground_truth_mapping), (y_pred, pred_color, prediction_mapping)):
        if boxes is not None:
            drawn = draw_bounding_boxes(
                drawn, boxes, bounding_box_format, names or class_mapping, color, line_thickness, text_thickness, font_scale,
                "channels_last",
            )  # fmt: skip
    if legend:
        patch = matplotlib_for("plot_bounding_box_gallery").patches.Patch
        kinds = (("Ground Truth", true_color), ("Prediction", pred_color))
        legend_handles = [patch(color=np.asarray(color) / 255, label=kind) for kind, color in kinds]
    return plot_image_gallery(drawn, rows=rows, cols=cols, legend_handles=legend_handles, data_format="channels_last", **kwargs)
