"""Bounding boxes: how four numbers name a rectangle, and how boxes move, overlap and differ.

All geometry is done with the corners `(left, top, right, bottom)`, "xyxy". A format is a way to write them: two corners, a corner
and a size, or a centre and a size; x before y or after it; in pixels or, with the prefix `rel_`, as shares of the image.
"""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp

from jkeras._base.errors import describe, unknown_name
from jkeras._base.types import Array, Float, Scalar
from jkeras.nn.norm import at_least_float32

Boxes = Float[Array, "*batch boxes 4"]
Move = Callable[[Array, Array], tuple[Array, Array]]

_ABSOLUTE = ("xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw")
_ROWS_FIRST = ("yxyx", "center_yxhw")
FORMATS = (*_ABSOLUTE, *(f"rel_{name}" for name in _ABSOLUTE))


def convert_format(
    boxes: Boxes, source: str, target: str, height: Scalar | float | None = None, width: Scalar | float | None = None
) -> Boxes:
    """The same boxes in another format.

    Args:
        boxes: floats `(..., 4)` in the format `source`.
        source, target: of `FORMATS`, in upper or lower case.
        height, width: of the image in pixels, to convert between pixels and shares.

    Raises:
        ValueError: an unknown format, no four numbers per box, or no size of the image where it is needed.

    Example:
        >>> convert_format(jnp.array([10.0, 20.0, 30.0, 60.0]), "xyxy", "rel_center_xywh", height=80, width=40).tolist()
        [0.5, 0.5, 0.5, 0.5]
    """
    source, target = (_known(name) for name in (source, target))
    if boxes.shape[-1] != 4:
        raise ValueError(f"A bounding box has four numbers. Received: {describe(boxes)}.")
    if source == target:
        return boxes
    first, last = _corners(boxes, source.removeprefix("rel_"))
    if source.startswith("rel_") != target.startswith("rel_"):
        if height is None or width is None:
            raise ValueError(
                f"Boxes from {source!r} to {target!r} need the size of the image: give height and width. "
                f"Received: {height=}, {width=}."
            )
        size = jnp.stack([jnp.asarray(width), jnp.asarray(height)], -1).astype(boxes.dtype)
        first, last = (first * size, last * size) if source.startswith("rel_") else (first / size, last / size)
    return _written(first, last, target.removeprefix("rel_"))


def _known(name: str) -> str:
    if not isinstance(name, str) or name.lower() not in FORMATS:
        raise unknown_name("format of bounding boxes", name, FORMATS)
    return name.lower()


def _corners(boxes: Array, name: str) -> tuple[Array, Array]:
    """The points (left, top) and (right, bottom)."""
    first, last = boxes[..., :2], boxes[..., 2:]
    if name in _ROWS_FIRST:
        first, last = first[..., ::-1], last[..., ::-1]
    if "center" in name:
        return first - last / 2, first + last / 2
    return (first, first + last) if name == "xywh" else (first, last)


def _written(first: Array, last: Array, name: str) -> Array:
    """The inverse of `_corners`."""
    size = last - first
    if "center" in name:
        first, last = first + size / 2, size
    elif name == "xywh":
        last = size
    if name in _ROWS_FIRST:
        first, last = first[..., ::-1], last[..., ::-1]
    return jnp.concatenate([first, last], -1)


def clip(boxes: Boxes, height: Scalar | float, width: Scalar | float) -> Boxes:
    """The parts of boxes within an image, from corners to corners.

    Example:
        >>> clip(jnp.array([-1.0, 2.0, 5.0, 9.0]), height=4, width=8).tolist()
        [0.0, 2.0, 5.0, 4.0]
    """
    limit = jnp.stack([jnp.asarray(width), jnp.asarray(height)] * 2, -1).astype(boxes.dtype)
    return jnp.clip(boxes, jnp.zeros((), boxes.dtype), limit)


def areas(boxes: Boxes) -> Float[Array, "*batch boxes"]:
    """The areas of boxes, from their corners."""
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])


def around_corners(boxes: Boxes, move: Move) -> Boxes:
    """The smallest boxes around the moved corners of boxes; `move(x, y)` takes and gives arrays `(..., boxes)`.

    Example:
        >>> around_corners(jnp.array([[0.0, 1.0, 2.0, 4.0]]), lambda x, y: (9 - y, x)).tolist()
        [[5.0, 0.0, 8.0, 2.0]]
    """
    left, top, right, bottom = jnp.moveaxis(boxes, -1, 0)
    corners = jnp.stack([jnp.stack(move(x, y), -1) for x in (left, right) for y in (top, bottom)])
    return jnp.concatenate([corners.min(0), corners.max(0)], -1)


def affine_maps(
    angle: Float[Array, " *batch"],
    translate: tuple[Array | float, Array | float],
    scale: Float[Array, " *batch"],
    shear: tuple[Array | float, Array | float],
    center: tuple[Array | float, Array | float],
) -> tuple[Array, ...]:
    """The numbers `(a0, a1, a2, b0, b1, b2)` of a map that turns, shears, scales and moves the plane.

    Args:
        angle: in degrees.
        translate: along x and along y, in pixels, before turning and scaling.
        scale: about the centre.
        shear: angles along x and along y, in degrees.
        center: of all that, in pixels.

    Example:
        >>> a0, a1, a2, b0, b1, b2 = affine_maps(jnp.array(0.0), (3, 4), jnp.array(2.0), (0, 0), (1, 1))
        >>> [float(x) for x in (a0, a2, b1, b2)]  # (1, 1) moves to (1 + 2 * 3, 1 + 2 * 4)
        [2.0, 5.0, 2.0, 7.0]
    """
    turn, across, down = (-jnp.deg2rad(jnp.asarray(degrees, jnp.float32)) for degrees in (angle, *shear))
    # The inverse of this matrix of determinant 1, times the scale:
    a, c = jnp.cos(turn - down) / jnp.cos(down), -jnp.sin(turn - down) / jnp.cos(down)
    b, d = a * jnp.tan(across) + jnp.sin(turn), c * jnp.tan(across) + jnp.cos(turn)
    a0, a1, b0, b1 = scale * d, -scale * b, -scale * c, scale * a
    (cx, cy), (tx, ty) = center, translate
    return a0, a1, cx - a0 * (cx - tx) - a1 * (cy - ty), b0, b1, cy - b0 * (cx - tx) - b1 * (cy - ty)


def iou(one: Float[Array, "*batch n 4"], other: Float[Array, "*batch m 4"], epsilon: float) -> Float[Array, "*batch n m"]:
    """The area that two boxes share, by the area that they cover together; for each of the first with each of the others.

    Args:
        one, other: corners.
        epsilon: added to the area, for boxes without any.

    Example:
        >>> float(iou(jnp.array([[0.0, 0.0, 2.0, 2.0]]), jnp.array([[1.0, 0.0, 3.0, 2.0]]), 0.0)[0, 0]).__round__(4)
        0.3333
    """
    shared, together = _overlap(one[..., :, None, :], other[..., None, :, :])
    return shared / (together + epsilon)


def ciou(one: Boxes, other: Boxes, epsilon: float) -> Float[Array, "*batch boxes"]:
    """The complete IoU of pairs of boxes: less for distant centres and for other proportions.

        iou - d^2 / c^2 - v^2 / (1 - iou + v),    v = 4 / pi^2 (arctan(w1 / h1) - arctan(w2 / h2))^2

    with the distance d of the centres and the diagonal c of the smallest box around both.

    Args:
        one, other: corners.
        epsilon: added to what is divided by.

    Source: Zheng et al., "Distance-IoU loss: faster and better learning for bounding box regression", 2020.
    """
    shared, together = _overlap(one, other)
    likeness = shared / (together + epsilon)
    around = jnp.maximum(one[..., 2:], other[..., 2:]) - jnp.minimum(one[..., :2], other[..., :2])
    apart = (one[..., :2] + one[..., 2:] - other[..., :2] - other[..., 2:]) / 2
    diagonal, distance = (jnp.sum(jnp.square(side), -1) for side in (around, apart))
    slopes = []
    for boxes in (one, other):
        size = boxes[..., 2:] - boxes[..., :2]
        slopes.append(jnp.arctan(size[..., 0] / (size[..., 1] + epsilon)))
    v = 4 / jnp.pi**2 * jnp.square(slopes[0] - slopes[1])
    return likeness - distance / (diagonal + epsilon) - v * v / (v - likeness + 1 + epsilon)


def _overlap(one: Boxes, other: Boxes) -> tuple[Array, Array]:
    """The areas of the intersections and of the unions."""
    sides = jnp.minimum(one[..., 2:], other[..., 2:]) - jnp.maximum(one[..., :2], other[..., :2])
    shared = jnp.prod(jnp.maximum(sides, 0), -1)
    return shared, areas(one) + areas(other) - shared


def to_deltas(anchors: Float[Array, "n 4"], boxes: Boxes, epsilon: float) -> Boxes:
    """Where boxes lie as seen from anchors: `(centre - anchor's centre) / anchor's size`, and `log(size / anchor's size)`.

    Args:
        anchors, boxes: centres and sizes.
        epsilon: the least size.

    Example:
        >>> to_deltas(jnp.array([[4.0, 4.0, 2.0, 2.0]]), jnp.array([[5.0, 4.0, 2.0, 2.0]]), 1e-7).tolist()
        [[0.5, 0.0, 0.0, 0.0]]
    """
    have, size = (jnp.maximum(part[..., 2:], epsilon) for part in (anchors, boxes))
    return jnp.concatenate([(boxes[..., :2] - anchors[..., :2]) / have, jnp.log(size / have)], -1)


def from_deltas(anchors: Float[Array, "n 4"], deltas: Boxes) -> Boxes:
    """The inverse of `to_deltas`.

    Example:
        >>> from_deltas(jnp.array([[4.0, 4.0, 2.0, 2.0]]), jnp.array([[0.5, 0.0, 0.0, 0.0]])).tolist()
        [[5.0, 4.0, 2.0, 2.0]]
    """
    deltas = at_least_float32(deltas)
    size = anchors[..., 2:]
    return jnp.concatenate([deltas[..., :2] * size + anchors[..., :2], jnp.exp(deltas[..., 2:]) * size], -1)
