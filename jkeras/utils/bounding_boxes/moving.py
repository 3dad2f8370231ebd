"""Bounding boxes in images that are cropped, padded, turned and sheared."""

from __future__ import annotations

import jax.numpy as jnp

from jkeras._base.types import Array, Tensor
from jkeras.nn import bounding_boxes as nn
from jkeras.ops.wrapper import as_array
from jkeras.utils.bounding_boxes.formats import Size, corners_of, public, written_as


@public
def crop(boxes: Tensor, top: Tensor, left: Tensor, height: Tensor, width: Tensor, bounding_box_format: str = "xyxy") -> Tensor:
    """Boxes in a window of the image, and the parts of them in it.

    Args:
        boxes: `(..., boxes, 4)` in pixels.
        top, left: where the window begins.
        height, width: its size.
        bounding_box_format: of the boxes.

    Raises:
        NotImplementedError: a format of shares; convert to pixels first.

    Example:
        >>> crop([[10, 20, 50, 60]], top=10, left=20, height=40, width=25).tolist()
        [[0, 10, 25, 40]]
    """
    return written_as(nn.clip(_moved(boxes, -1, top, left, bounding_box_format), height, width), bounding_box_format)


@public
def pad(
    boxes: Tensor, top: Tensor, left: Tensor, height: Size = None, width: Size = None, bounding_box_format: str = "xyxy"
) -> Tensor:
    """Boxes in an image with a margin.

    Args:
        boxes: `(..., boxes, 4)` in pixels.
        top, left: size of the margin.
        height, width: of the image; they change nothing.
        bounding_box_format: of the boxes.

    Raises:
        NotImplementedError: a format of shares; convert to pixels first.

    Example:
        >>> pad([[10, 20, 50, 60]], top=1, left=2).tolist()
        [[12, 21, 52, 61]]
    """
    return written_as(_moved(boxes, 1, top, left, bounding_box_format), bounding_box_format)


@public
def affine_transform(
    boxes: Tensor,
    angle: Tensor,
    translate_x: Tensor,
    translate_y: Tensor,
    scale: Tensor,
    shear_x: Tensor,
    shear_y: Tensor,
    height: Tensor,
    width: Tensor,
    center_x: Tensor = None,
    center_y: Tensor = None,
    bounding_box_format: str = "xyxy",
) -> Tensor:
    """The smallest boxes around boxes that were turned, sheared, scaled and moved.

    Args:
        boxes: `(batch, boxes, 4)` in pixels with `(batch,)` numbers as all that follow, or `(boxes, 4)` with one number each.
        angle: in degrees.
        translate_x, translate_y: shares of the width and the height.
        scale: about the centre.
        shear_x, shear_y: in degrees.
        height, width: of the image.
        center_x, center_y: shares of the width and the height, by default the middle.
        bounding_box_format: of the boxes.

    Raises:
        NotImplementedError: a format of shares; convert to pixels first.

    Example:
        >>> affine_transform([[1.0, 2.0, 3.0, 3.0]], 0.0, 0, 0, 2.0, 0, 0, height=5, width=5).tolist()
        [[0.0, 2.0, 4.0, 4.0]]
    """
    corners = _corners(boxes, bounding_box_format)
    across, down = as_array(width) - 1, as_array(height) - 1
    center = (0.5 if center_x is None else as_array(center_x)), (0.5 if center_y is None else as_array(center_y))
    numbers = nn.affine_maps(
        as_array(angle, "float32"),
        (as_array(translate_x) * across, as_array(translate_y) * down),
        as_array(scale, "float32"),
        (as_array(shear_x), as_array(shear_y)),
        (center[0] * across, center[1] * down),
    )
    a0, a1, a2, b0, b1, b2 = (number[..., None] for number in numbers)  # over the boxes of an image
    moved = nn.around_corners(corners, lambda x, y: (a0 * x + a1 * y + a2, b0 * x + b1 * y + b2))
    return written_as(moved, bounding_box_format)


def _moved(boxes: Tensor, sign: int, top: Tensor, left: Tensor, bounding_box_format: str) -> Array:
    """Corners after a shift by whole margins."""
    shift = jnp.stack([as_array(left), as_array(top)] * 2, -1)
    return _corners(boxes, bounding_box_format) + sign * shift


def _corners(boxes: Tensor, bounding_box_format: str) -> Array:
    if bounding_box_format.startswith("rel_"):
        raise NotImplementedError(
            f"Boxes in shares have no place among pixels. Received: {bounding_box_format=}. "
            f"Write convert_format(boxes, {bounding_box_format!r}, 'xyxy', height, width) first."
        )
    return corners_of(boxes, bounding_box_format)
