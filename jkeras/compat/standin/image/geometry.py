"""Sizes, windows and orientations of images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras._base.errors import unknown_name
from jkeras._base.types import Tree
from jkeras.compat.standin.image.arrays import as_images, as_int, finished, library, reshaped
from jkeras.nn.image import METHODS, window
from jkeras.nn.image import resize as resize_with_jax
from jkeras.preprocessing.image.files import resize_array

__all__ = [
    "ResizeMethod",
    "central_crop",
    "crop_to_bounding_box",
    "flip_left_right",
    "flip_up_down",
    "pad_to_bounding_box",
    "resize",
    "resize_image_with_crop_or_pad",
    "resize_images",
    "resize_with_crop_or_pad",
    "resize_with_pad",
    "rot90",
    "transpose",
]


class ResizeMethod(StrEnum):
    """How `resize` computes a pixel."""

    BILINEAR = "bilinear"
    LANCZOS3 = "lanczos3"
    LANCZOS5 = "lanczos5"
    BICUBIC = "bicubic"
    NEAREST_NEIGHBOR = "nearest"


def resize(
    images: Tree,
    size: Sequence[int],
    method: str = "bilinear",
    preserve_aspect_ratio: bool = False,
    antialias: bool = False,
    name: object = None,
) -> Any:
    """Images at another size.

    Args:
        images: one image or a batch.
        size: `(height, width)`.
        method: `"bilinear"`, `"nearest"`, `"bicubic"`, `"lanczos3"`, `"lanczos5"`, or `"area"`, the mean of what a pixel covers.
        preserve_aspect_ratio: whether to keep the proportions, within the size.
        antialias: whether to smooth first where the size goes down.
        name: here and below for graphs.

    Returns:
        float32 images, except that `"nearest"` keeps the dtype.

    Example:
        >>> resize(np.array([0, 10], "uint8").reshape(1, 2, 1), (1, 4)).ravel().tolist()
        [0.0, 2.5, 7.5, 10.0]
    """
    array = as_images(images)
    kind = str(method)
    if kind not in (*METHODS, "area"):
        raise unknown_name("method", kind, (*METHODS, "area"))
    height, width = (int(n) for n in np.asarray(size))
    if preserve_aspect_ratio:
        before = array.shape[-3:-1]
        scale = min(height / before[0], width / before[1])
        height, width = (round(scale * n) for n in before)
    if isinstance(array, np.ndarray) and kind in ("bilinear", "nearest") and not antialias:
        result = resize_array(array, (height, width), kind)
        return finished(result.astype(array.dtype) if kind == "nearest" else result)
    if kind != "nearest":
        array = jnp.asarray(array, jnp.float32)
    if kind == "area":
        rows, columns = _shares(array.shape[-3], height), _shares(array.shape[-2], width)
        return jnp.einsum("ih,...hwc,jw->...ijc", rows, array, columns)
    return resize_with_jax(jnp.asarray(array), height, width, kind, antialias)


def _shares(before: int, after: int) -> np.ndarray:
    """How much of each pixel lies in each of the larger or smaller ones, `(after, before)`; rows add up to 1."""
    ends = np.arange(after + 1) * before / after
    pixels = np.arange(before)
    common = np.minimum(ends[1:, None], pixels + 1) - np.maximum(ends[:-1, None], pixels)
    return (np.maximum(common, 0) * after / before).astype(np.float32)


resize_images = resize


def resize_with_pad(
    image: Tree, target_height: int, target_width: int, method: str = "bilinear", antialias: bool = False, name: object = None
) -> Any:
    """Images at a size that fits into the target, with zeros around them to fill it."""
    array = as_images(image)
    height, width = array.shape[-3:-1]
    ratio = max(width / target_width, height / target_height)
    tall, wide = height / ratio, width / ratio
    top, left = max(0, math.floor((target_height - tall) / 2)), max(0, math.floor((target_width - wide) / 2))
    resized = resize(array, (math.floor(tall), math.floor(wide)), method, antialias=antialias)
    return pad_to_bounding_box(resized, top, left, target_height, target_width)


def resize_with_crop_or_pad(image: Tree, target_height: int, target_width: int, name: object = None) -> Any:
    """Images cropped around their middle, or with zeros around them, to a size."""
    array = as_images(image)
    height, width = array.shape[-3:-1]
    tall, wide = target_height - height, target_width - width
    cropped = crop_to_bounding_box(
        array, max(-tall // 2, 0), max(-wide // 2, 0), min(target_height, height), min(target_width, width)
    )
    return pad_to_bounding_box(cropped, max(tall // 2, 0), max(wide // 2, 0), target_height, target_width)


resize_image_with_crop_or_pad = resize_with_crop_or_pad


def crop_to_bounding_box(
    image: Tree, offset_height: Any, offset_width: Any, target_height: int, target_width: int, name: object = None
) -> Any:
    """The window of a size that begins at a pixel.

    Raises:
        ValueError: it reaches beyond the image.
    """
    array = as_images(image)
    top, left, tall, wide = as_int(offset_height), as_int(offset_width), int(target_height), int(target_width)
    if isinstance(top, jax.core.Tracer) or isinstance(left, jax.core.Tracer):
        return window(jnp.asarray(array), top, left, tall, wide)
    height, width = array.shape[-3:-1]
    if top < 0 or left < 0 or tall < 1 or wide < 1 or top + tall > height or left + wide > width:
        raise ValueError(
            f"A window of {tall} x {wide} pixels at ({top}, {left}) is not within an image of {height} x {width} pixels."
        )
    return reshaped(lambda pixels: pixels[..., top : top + tall, left : left + wide, :], array)


def pad_to_bounding_box(
    image: Tree, offset_height: int, offset_width: int, target_height: int, target_width: int, name: object = None
) -> Any:
    """The image in a frame of zeros of a size.

    Raises:
        ValueError: it does not fit into the frame.
    """
    array = as_images(image)
    top, left = as_int(offset_height), as_int(offset_width)
    below, right = target_height - array.shape[-3] - top, target_width - array.shape[-2] - left
    if min(top, left, below, right) < 0:
        raise ValueError(
            f"An image of {array.shape[-3]} x {array.shape[-2]} pixels at ({top}, {left}) does not fit into {target_height} x "
            f"{target_width} pixels."
        )
    margins = [(0, 0)] * (array.ndim - 3) + [(top, below), (left, right), (0, 0)]
    return reshaped(lambda pixels: library(pixels).pad(pixels, margins), array)


def central_crop(image: Tree, central_fraction: float) -> Any:
    """The middle of images, with a fraction of their height and width."""
    array = as_images(image)
    if not 0 < central_fraction <= 1:
        raise ValueError(f"central_fraction is more than 0, and 1 at most. Received: {central_fraction!r}.")
    height, width = array.shape[-3:-1]
    top, left = int((height - height * central_fraction) / 2), int((width - width * central_fraction) / 2)
    return finished(array[..., top : height - top, left : width - left, :])


def flip_left_right(image: Tree) -> Any:
    """Images, mirrored.

    Example:
        >>> flip_left_right(np.arange(3).reshape(1, 3, 1)).ravel().tolist()
        [2, 1, 0]
    """
    return finished(as_images(image)[..., ::-1, :])


def flip_up_down(image: Tree) -> Any:
    """Images, upside down."""
    return finished(as_images(image)[..., ::-1, :, :])


def rot90(image: Tree, k: int = 1, name: object = None) -> Any:
    """Images, turned `k` times by 90 degrees against the clock."""
    array = as_images(image)
    if isinstance(k, jax.core.Tracer):
        turns = [lambda x, n=n: jnp.rot90(x, n, (-3, -2)) for n in range(4)]
        return jax.lax.switch(k % 4, turns, jnp.asarray(array))
    return finished(library(array).rot90(array, int(k), (-3, -2)))


def transpose(image: Tree, name: object = None) -> Any:
    """Images with rows and columns exchanged."""
    return finished(as_images(image).swapaxes(-3, -2))
