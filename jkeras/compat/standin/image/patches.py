"""Patches of images: a grid of windows, and windows given by boxes."""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp

from jkeras._base.errors import describe, unknown_name
from jkeras._base.types import Array, Tree
from jkeras.compat.standin.image.arrays import as_images
from jkeras.nn import patches as nn

__all__ = ["crop_and_resize", "extract_patches"]

_METHODS = ("bilinear", "nearest")
_PADDINGS = ("VALID", "SAME")


def extract_patches(
    images: Tree,
    sizes: Sequence[int],
    strides: Sequence[int],
    rates: Sequence[int] = (1, 1, 1, 1),
    padding: str = "VALID",
    name: object = None,
) -> Array:
    """The patches of images, each as one row of values.

    Args:
        images: `(batch, height, width, channels)`.
        sizes: of a patch, `(1, height, width, 1)`, as the two below.
        strides: from one patch to the next.
        rates: distance between neighbouring pixels of a patch.
        padding: `"VALID"`, or `"SAME"`: zeros around the images, as for a convolution.
        name: here and below for graphs.

    Returns:
        `(batch, rows, columns, height * width * channels)`.

    Example:
        >>> extract_patches(jnp.arange(16).reshape(1, 4, 4, 1), (1, 2, 2, 1), (1, 2, 2, 1))[0, 0].tolist()
        [[0, 1, 4, 5], [2, 3, 6, 7]]
    """
    array = jnp.asarray(as_images(images))
    if array.ndim != 4:
        raise ValueError(f"extract_patches takes images (batch, height, width, channels). Received: {describe(array)}.")
    if padding not in _PADDINGS:
        raise unknown_name("padding", padding, _PADDINGS)
    (tall, wide), (down, right), (row_rate, column_rate) = (
        _middle(what, given) for what, given in (("sizes", sizes), ("strides", strides), ("rates", rates))
    )
    return nn.extract_patches(array, (tall, wide), (down, right), (row_rate, column_rate), padding.lower())


def crop_and_resize(
    image: Tree,
    boxes: Tree,
    box_indices: Tree,
    crop_size: Sequence[int],
    method: str = "bilinear",
    extrapolation_value: float = 0.0,
    name: object = None,
) -> Array:
    """Windows of images, all brought to one size.

    Args:
        image: `(batch, height, width, channels)`.
        boxes: `(boxes, 4)`, `(top, left, bottom, right)`, where 0 is the middle of the first pixel and 1 that of the last.
        box_indices: `(boxes,)`, the image of each box.
        crop_size: `(height, width)` of the results.
        method: `"bilinear"` or `"nearest"`.
        extrapolation_value: what lies outside the image.

    Returns:
        float32 `(boxes, height, width, channels)`.

    Example:
        >>> image = jnp.arange(4.0).reshape(1, 2, 2, 1)
        >>> crop_and_resize(image, [[0, 0, 1, 1]], [0], (1, 3)).ravel().tolist()
        [1.0, 1.5, 2.0]
    """
    array = jnp.asarray(as_images(image))
    if method not in _METHODS:
        raise unknown_name("method", method, _METHODS)
    corners, index = jnp.asarray(boxes, "float32"), jnp.asarray(box_indices, "int32")
    if array.ndim != 4 or corners.ndim != 2 or corners.shape[1] != 4:
        raise ValueError(
            "crop_and_resize takes images (batch, height, width, channels) and boxes (boxes, 4). Received: "
            f"{describe(array)} and {describe(corners)}."
        )
    height, width = (int(n) for n in crop_size)
    down = _places(corners[:, 0], corners[:, 2], array.shape[1], height)
    across = _places(corners[:, 1], corners[:, 3], array.shape[2], width)
    result = jnp.zeros((), "float32")
    for row, row_weight in _neighbours(down, array.shape[1], method):
        for column, column_weight in _neighbours(across, array.shape[2], method):
            found = array[index[:, None, None], row[:, :, None], column[:, None, :]].astype("float32")
            result = result + found * (row_weight[:, :, None] * column_weight[:, None, :])[..., None]
    inside = _inside(down, array.shape[1])[:, :, None] & _inside(across, array.shape[2])[:, None, :]
    return jnp.where(inside[..., None], result, jnp.float32(extrapolation_value))


def _middle(what: str, given: Sequence[int]) -> tuple[int, int]:
    four = [int(n) for n in given]
    if len(four) != 4 or four[0] != 1 or four[3] != 1:
        raise ValueError(f"{what} is [1, height, width, 1]. Received: {given!r}.")
    return four[1], four[2]


def _places(first: Array, last: Array, size: int, count: int) -> Array:
    """Where the pixels of a window lie on an axis of the image, `(boxes, count)`."""
    if count == 1:
        return (0.5 * (first + last) * (size - 1))[:, None]
    step = (last - first) * (size - 1) / (count - 1)
    return (first * (size - 1))[:, None] + jnp.arange(count, dtype=first.dtype) * step[:, None]


def _neighbours(place: Array, size: int, method: str) -> list[tuple[Array, Array]]:
    """The pixels beside a place, with their weights."""
    place = jnp.clip(place, 0, size - 1)
    if method == "nearest":
        return [(jnp.floor(place + 0.5).astype("int32"), jnp.ones_like(place))]
    lower = jnp.floor(place)
    share, index = place - lower, lower.astype("int32")
    return [(index, 1 - share), (jnp.minimum(index + 1, size - 1), share)]


def _inside(place: Array, size: int) -> Array:
    return (place >= 0) & (place <= size - 1)
