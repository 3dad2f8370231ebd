"""Formats of bounding boxes, and boxes cut to the size of an image. The maths is in `nn/bounding_boxes.py`.

    xyxy         left, top, right, bottom
    yxyx         top, left, bottom, right
    xywh         left, top, width, height
    center_xywh  x of the centre, y of the centre, width, height
    center_yxhw  y of the centre, x of the centre, height, width

With the prefix `rel_` the numbers are shares of the image, without it pixels. The functions take arrays, variables and symbolic
tensors, `(boxes, 4)` or `(batch, boxes, 4)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import jax.numpy as jnp
from jax.typing import DTypeLike

from jkeras._base.errors import describe
from jkeras._base.registry import export
from jkeras._base.types import Array, Scalar, Tensor, Tree
from jkeras.nn import bounding_boxes as nn
from jkeras.ops.wrapper import Function, as_array, symbolic

F = TypeVar("F", bound=Function)
Size = Scalar | float | None


def public(fn: F) -> F:
    """Decorator: a function of arrays under Keras' name, also for variables and symbolic tensors."""
    return export(f"keras.utils.bounding_boxes.{fn.__name__}")(symbolic(fn, fn.__name__, "jkeras.utils.bounding_boxes"))


@public
def convert_format(
    boxes: Tree, source: str, target: str, height: Size = None, width: Size = None, dtype: DTypeLike = "float32"
) -> Tree:
    """The same boxes in another format.

    Args:
        boxes: `(..., 4)`, or a dict that has them under `"boxes"`.
        source, target: formats, as this file's docstring lists them, in upper or lower case.
        height, width: of the image in pixels, to convert between pixels and shares.
        dtype: to convert in.

    Returns:
        Boxes in the format `target`, or a new dict with them; what else the dict holds is unchanged.

    Raises:
        ValueError: an unknown format, no four numbers per box, or no size of the image where it is needed.

    Example:
        >>> convert_format([[10, 20, 30, 60]], "xyxy", "xywh").tolist()
        [[10.0, 20.0, 20.0, 40.0]]
        >>> convert_format([[10, 20, 30, 60]], "xyxy", "rel_yxyx", height=80, width=40).tolist()
        [[0.25, 0.25, 0.75, 0.75]]
    """
    if isinstance(boxes, Mapping):
        return {**boxes, "boxes": convert_format(boxes["boxes"], source, target, height, width, dtype)}
    return nn.convert_format(as_array(boxes, jnp.dtype(dtype)), source, target, height, width)


@public
def clip_to_image_size(
    bounding_boxes: Mapping[str, Tensor], height: Size = None, width: Size = None, bounding_box_format: str = "xyxy"
) -> dict[str, Tensor]:
    """The parts of boxes within an image. Boxes of which nothing is left get the label -1.

    Args:
        bounding_boxes: a dict with `"boxes"` `(..., boxes, 4)` and, if there are any, `"labels"` `(..., boxes)`.
        height, width: of the image in pixels; not needed for shares.
        bounding_box_format: of the boxes.

    Returns:
        A new dict with the boxes in their format, and the labels.

    Raises:
        ValueError: an unknown format, or boxes in pixels without the size of the image.

    Example:
        >>> boxes = {"boxes": [[-1.0, 2.0, 5.0, 9.0], [9.0, 0.0, 12.0, 1.0]], "labels": [3, 4]}
        >>> clipped = clip_to_image_size(boxes, height=4, width=8)
        >>> clipped["boxes"].tolist(), clipped["labels"].tolist()
        ([[0.0, 2.0, 5.0, 4.0], [8.0, 0.0, 8.0, 1.0]], [3, -1])
    """
    if not isinstance(bounding_boxes, Mapping) or "boxes" not in bounding_boxes:
        raise ValueError(f'clip_to_image_size takes a dict with "boxes". Received: {describe(bounding_boxes)}.')
    if bounding_box_format.startswith("rel_"):
        height = width = 1
    if height is None or width is None:
        raise ValueError(f"Boxes in pixels need the size of the image: give height and width. Received: {height=}, {width=}.")
    corners = corners_of(bounding_boxes["boxes"], bounding_box_format)
    clipped = nn.clip(corners, height, width)
    result = {**bounding_boxes, "boxes": written_as(clipped, bounding_box_format)}
    if bounding_boxes.get("labels") is not None:
        labels = as_array(bounding_boxes["labels"])
        result["labels"] = jnp.where(nn.areas(clipped) > 0, labels, -1).astype(labels.dtype)
    return result


def corners_of(boxes: Tensor, bounding_box_format: str) -> Array:
    """Boxes as corners, in pixels or shares as they are."""
    boxes, target = as_array(boxes), "rel_xyxy" if bounding_box_format.startswith("rel_") else "xyxy"
    if bounding_box_format == target:
        return boxes
    floats = boxes if jnp.issubdtype(boxes.dtype, jnp.floating) else boxes.astype(jnp.float32)
    return nn.convert_format(floats, bounding_box_format, target)


def written_as(corners: Array, bounding_box_format: str) -> Array:
    """The inverse of `corners_of`."""
    return nn.convert_format(corners, "rel_xyxy" if bounding_box_format.startswith("rel_") else "xyxy", bounding_box_format)
