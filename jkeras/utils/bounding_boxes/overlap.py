"""How much bounding boxes overlap: intersection over union, and a form of it that has a gradient for boxes far apart."""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp

from jkeras._base.config import epsilon
from jkeras._base.errors import describe
from jkeras._base.types import Array, Tensor
from jkeras.nn import bounding_boxes as nn
from jkeras.ops.wrapper import as_array
from jkeras.utils.bounding_boxes.formats import public


@public
def compute_iou(
    boxes1: Tensor,
    boxes2: Tensor,
    bounding_box_format: str,
    use_masking: bool = False,
    mask_val: float = -1,
    image_shape: Sequence[int] | None = None,
) -> Tensor:
    """Intersection over union of each box with each other: 1 for the same boxes, 0 for boxes that share nothing.

    Args:
        boxes1: `(n, 4)` or `(batch, n, 4)`.
        boxes2: `(m, 4)` or `(batch, m, 4)`.
        bounding_box_format: of both.
        use_masking: whether boxes whose corners are all negative stand for none.
        mask_val: the result where one of the boxes stands for none.
        image_shape: `(height, width, channels)`, for formats of shares.

    Returns:
        `(n, m)` or `(batch, n, m)`.

    Raises:
        ValueError: another number of axes, or shares without the size of the image.

    Example:
        >>> compute_iou([[0, 0, 2, 2]], [[0, 0, 2, 2], [0, 1, 2, 2], [5, 5, 6, 6]], "xyxy").round(4).tolist()
        [[1.0, 0.5, 0.0]]
    """
    one, other = (_pixels(boxes, bounding_box_format, image_shape) for boxes in (boxes1, boxes2))
    if one.ndim not in (2, 3) or other.ndim not in (2, 3):
        raise ValueError(
            f"compute_iou takes boxes (boxes, 4) or (batch, boxes, 4). Received: {describe(boxes1)} and {describe(boxes2)}."
        )
    result = nn.iou(one, other, epsilon())
    if not use_masking:
        return result
    none = (jnp.max(one, -1) < 0)[..., :, None] | (jnp.max(other, -1) < 0)[..., None, :]
    return jnp.where(none, jnp.asarray(mask_val, result.dtype), result)


@public
def compute_ciou(boxes1: Tensor, boxes2: Tensor, bounding_box_format: str, image_shape: Sequence[int] | None = None) -> Tensor:
    """Complete intersection over union of pairs of boxes: less for distant centres and for other proportions.

    Args:
        boxes1, boxes2: `(..., 4)`, in shapes that broadcast.
        bounding_box_format: of both.
        image_shape: `(height, width, channels)`, for formats of shares.

    Returns:
        `(...)`, from -1.5 or so to 1.

    Raises:
        ValueError: shares without the size of the image.

    Example:
        >>> [round(float(x), 2) for x in compute_ciou([[0, 0, 2, 2]], [[0, 0, 2, 2], [4, 0, 6, 2]], "xyxy")]
        [1.0, -0.4]

    Source: Zheng et al., "Distance-IoU loss: faster and better learning for bounding box regression", 2020.
    """
    one, other = (_pixels(boxes, bounding_box_format, image_shape) for boxes in (boxes1, boxes2))
    return nn.ciou(one, other, epsilon())


def _pixels(boxes: Tensor, bounding_box_format: str, image_shape: Sequence[int] | None) -> Array:
    height, width = (None, None) if image_shape is None else image_shape[:2]
    return nn.convert_format(as_array(boxes, "float32"), bounding_box_format, "xyxy", height, width)
