"""Bounding boxes as seen from anchors: what a detector learns to predict, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jkeras._base.config import epsilon
from jkeras._base.errors import describe, unknown_name
from jkeras._base.types import Array, Tensor, Tree
from jkeras.nn import bounding_boxes as nn
from jkeras.ops.wrapper import as_array
from jkeras.utils.bounding_boxes.formats import public

_ENCODINGS = ("center_xywh", "center_yxhw")


@public
def encode_box_to_deltas(
    anchors: Tensor,
    boxes: Tensor,
    anchor_format: str,
    box_format: str,
    encoding_format: str = "center_yxhw",
    variance: Sequence[float] | None = None,
    image_shape: Sequence[int] | None = None,
) -> Tensor:
    """Boxes as seen from anchors: `(centre - anchor's centre) / anchor's size`, and `log(size / anchor's size)`.

    Args:
        anchors: `(n, 4)`.
        boxes: `(n, 4)` or `(batch, n, 4)`.
        anchor_format, box_format: their formats.
        encoding_format: the order of the result, `"center_yxhw"` or `"center_xywh"`.
        variance: four numbers by which the result is divided.
        image_shape: `(height, width, channels)`, for formats of shares.

    Returns:
        The shape of the boxes.

    Raises:
        ValueError: an unknown format, a variance of another length, or shares without the size of the image.

    Example:
        >>> encode_box_to_deltas([[3, 3, 5, 5]], [[4, 3, 6, 5]], "xyxy", "xyxy").tolist()
        [[0.0, 0.5, 0.0, 0.0]]
    """
    factors = _checked(variance, "encoding_format", encoding_format)
    height, width = _size(image_shape)
    there = nn.convert_format(as_array(anchors, "float32"), anchor_format, encoding_format, height, width)
    here = nn.convert_format(as_array(boxes, "float32"), box_format, encoding_format, height, width)
    return nn.to_deltas(there, here, epsilon()) / factors


@public
def decode_deltas_to_boxes(
    anchors: Tree,
    boxes_delta: Tree,
    anchor_format: str,
    box_format: str,
    encoded_format: str = "center_yxhw",
    variance: Sequence[float] | None = None,
    image_shape: Sequence[int] | None = None,
) -> Tree:
    """The inverse of `encode_box_to_deltas`.

    Args:
        anchors: `(n, 4)`, or a dict of levels with such arrays.
        boxes_delta: `(n, 4)` or `(batch, n, 4)`, or a dict with the same keys.
        anchor_format: of the anchors.
        box_format: of the result.
        encoded_format: the order of the deltas, `"center_yxhw"` or `"center_xywh"`.
        variance: four numbers by which the deltas are multiplied.
        image_shape: `(height, width, channels)`, for formats of shares.

    Returns:
        Boxes in the shape of the deltas, or a dict of levels.

    Raises:
        ValueError: an unknown format, a variance of another length, or shares without the size of the image.

    Example:
        >>> decode_deltas_to_boxes([[3, 3, 5, 5]], [[0.0, 0.5, 0.0, 0.0]], "xyxy", "xyxy").tolist()
        [[4.0, 3.0, 6.0, 5.0]]
    """
    factors = _checked(variance, "encoded_format", encoded_format)
    height, width = _size(image_shape)

    def decoded(anchors: Tensor, deltas: Tensor) -> Array:
        there = nn.convert_format(as_array(anchors, "float32"), anchor_format, encoded_format, height, width)
        boxes = nn.from_deltas(there, as_array(deltas) * factors)
        return nn.convert_format(boxes, encoded_format, box_format, height, width)

    if isinstance(anchors, dict) and isinstance(boxes_delta, dict):
        return {level: decoded(one, boxes_delta[level]) for level, one in anchors.items()}
    return decoded(anchors, boxes_delta)


def _checked(variance: Tensor, what: str, encoding: str) -> Any:
    """The variance as an array, 1 for None."""
    if encoding not in _ENCODINGS:
        raise unknown_name(what, encoding, _ENCODINGS)
    if variance is None:
        return 1.0
    factors = as_array(variance, "float32")
    if factors.shape[-1:] != (4,):
        raise ValueError(f"variance has four numbers, one for each of a delta's. Received: {describe(factors)}.")
    return factors


def _size(image_shape: Sequence[int] | None) -> tuple[Any, Any]:
    return (None, None) if image_shape is None else (image_shape[0], image_shape[1])
