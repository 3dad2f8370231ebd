"""Bounding boxes `(left, top, right, bottom)` under the maps that move the pixels of images.

A map of the plane takes a box to a quadrangle. The new box is the smallest one around it: we move the four corners and take their
extremes. Windows and mirrors keep boxes boxes, and need two corners.
"""

from __future__ import annotations

import jax.numpy as jnp

from jkeras._base.types import Array, Bool, Float
from jkeras.nn.affine import inverses
from jkeras.nn.bounding_boxes import around_corners
from jkeras.nn.perspective import homographies, mapped

Boxes = Float[Array, " batch boxes 4"]


def move_affine(boxes: Boxes, matrices: Float[Array, " batch 6"]) -> Boxes:
    """Boxes in images after `affine_transform` with the same matrices."""
    a0, a1, a2, b0, b1, b2 = jnp.moveaxis(inverses(matrices), 1, 0)[:, :, None]
    return around_corners(boxes, lambda x, y: (a0 * x + a1 * y + a2, b0 * x + b1 * y + b2))


def move_perspective(boxes: Boxes, start: Float[Array, " batch 4 2"], end: Float[Array, " batch 4 2"]) -> Boxes:
    """Boxes in images after `perspective_transform` with the same points."""
    numbers = homographies(end, start)[:, None]
    return around_corners(boxes, lambda x, y: mapped(numbers, x, y))


def mirror(boxes: Boxes, chosen: Bool[Array, " batch"], size: int, horizontal: bool) -> Boxes:
    """Boxes in images that are mirrored where chosen.

    Args:
        boxes: `(batch, boxes, 4)`.
        chosen: which images are mirrored.
        size: of the images along the mirrored axis.
        horizontal: whether left and right are swapped, else top and bottom.

    Example:
        >>> mirror(jnp.array([[[1.0, 0.0, 2.0, 5.0]]]), jnp.array([True]), 10, horizontal=True).tolist()
        [[[8.0, 0.0, 9.0, 5.0]]]
    """
    left, top, right, bottom = jnp.moveaxis(boxes, -1, 0)
    sides = (size - right, top, size - left, bottom) if horizontal else (left, size - bottom, right, size - top)
    return jnp.where(chosen[:, None, None], jnp.stack(sides, -1), boxes)


def show_window(
    boxes: Boxes, top: Array | int, left: Array | int, tall: Array | int, wide: Array | int, height: int, width: int
) -> Boxes:
    """Boxes in a window of the images that is shown at a size.

    Args:
        boxes: `(batch, boxes, 4)`.
        top, left, tall, wide: the window in pixels; it may reach beyond the image.
        height, width: the size at which it is shown.

    Example:
        >>> show_window(jnp.array([[[2.0, 1.0, 4.0, 3.0]]]), 1, 0, 8, 8, 20, 20).tolist()
        [[[5.0, 0.0, 10.0, 5.0]]]
    """
    begin, scale = jnp.stack([left, top, left, top]), jnp.array([width, height, width, height])
    return (boxes - begin) * scale / jnp.stack([wide, tall, wide, tall])
