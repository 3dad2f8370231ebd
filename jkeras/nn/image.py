"""Images as arrays `(..., height, width, channels)`: flips, windows, sizes, and the simple changes of colour.

What depends on chance takes the outcome of the draw (which images to flip, where a window lies) as an argument, so that the maths
is plain and can be checked; the layers draw. All of it is jit-compatible and stays on the device: a flip is a select, a random
window is one dynamic slice, and a mask is made from comparisons that fuse with what follows.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from jkeras._base.errors import describe, unknown_name
from jkeras._base.types import Array, Bool, Float, Int, Shaped

METHODS = ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5")


def channels_last(images: Array, data_format: str, where: str) -> Array:
    """Images `(..., height, width, channels)`, from those in a layout.

    Args:
        images: a batch or one image.
        data_format: `"channels_last"`, or `"channels_first"` for `(..., channels, height, width)`.
        where: who takes the images, for the error.

    Raises:
        ValueError: the images do not have three or four axes.
    """
    if images.ndim not in (3, 4):
        axes = "height, width, channels" if data_format == "channels_last" else "channels, height, width"
        raise ValueError(f"{where} takes images (batch, {axes}) or one image ({axes}). Received: {describe(images)}.")
    return images if data_format == "channels_last" else jnp.moveaxis(images, -3, -1)


def in_layout(function: Callable[[Array], Array], images: Array, data_format: str, where: str) -> Array:
    """A function from images with the channels last to such images, on images in a layout; arguments as for `channels_last`.

    Example:
        >>> in_layout(lambda x: x[..., :1, :, :], jnp.zeros((3, 8, 8)), "channels_first", "crop").shape
        (3, 1, 8)
    """
    result = function(channels_last(images, data_format, where))
    return result if data_format == "channels_last" else jnp.moveaxis(result, -1, -3)


def in_batch(function: Callable[[Array], Array], images: Array) -> Array:
    """A function of a batch of images, on a batch or on one image."""
    return function(images) if images.ndim == 4 else function(images[None])[0]


def in_floats(function: Callable[[Array], Array], images: Array) -> Array:
    """A function of float images, also on integers: computed in float32, rounded, and kept in the range of their dtype.

    Example:
        >>> in_floats(lambda x: x * 1.5, jnp.array([3, 200], jnp.uint8)).tolist()
        [4, 255]
    """
    if jnp.issubdtype(images.dtype, jnp.inexact):
        return function(images).astype(images.dtype)
    limits = jnp.iinfo(images.dtype)
    return jnp.clip(jnp.round(function(images.astype(jnp.float32))), limits.min, limits.max).astype(images.dtype)


def flip(images: Shaped[Array, " batch *rest"], chosen: Bool[Array, " batch"], axis: int) -> Shaped[Array, " batch *rest"]:
    """Reverse an axis of the chosen images.

    Example:
        >>> flip(jnp.array([[1, 2], [3, 4]]), jnp.array([True, False]), axis=1).tolist()
        [[2, 1], [3, 4]]
    """
    return jnp.where(per_image(chosen, images), jnp.flip(images, axis), images)


def per_image(values: Shaped[Array, " batch"], images: Shaped[Array, " batch *rest"]) -> Array:
    """One value per image in a shape that broadcasts against the images."""
    return values.reshape(-1, *(1,) * (images.ndim - 1))


def window(images: Array, top: Int[Array, ""] | int, left: Int[Array, ""] | int, height: int, width: int) -> Array:
    """The same window of every image.

    Args:
        images: `(..., height, width, channels)`.
        top, left: where it begins, ints or traced ints.
        height, width: its size.

    Returns:
        `(..., height, width, channels)`, the window.
    """
    return lax.dynamic_slice_in_dim(lax.dynamic_slice_in_dim(images, top, height, -3), left, width, -2)


def center_window(images: Array, height: int, width: int) -> Array:
    """The window of this size in the middle; where a margin is odd, the smaller part of it is above or left."""
    top, left = (images.shape[-3] - height) // 2, (images.shape[-2] - width) // 2
    return images[..., top : top + height, left : left + width, :]


def window_of_proportions(have_height: int, have_width: int, height: int, width: int) -> tuple[int, int, int, int]:
    """`(top, left, tall, wide)` of the largest window in the middle of an image with the proportions `height : width`."""
    tall = max(1, min(have_height, int(have_width * height / width)))
    wide = max(1, min(have_width, int(have_height * width / height)))
    return (have_height - tall) // 2, (have_width - wide) // 2, tall, wide


def frame_of_proportions(have_height: int, have_width: int, height: int, width: int) -> tuple[int, int, int, int]:
    """`(top, left, tall, wide)`, the first two not above 0, of the smallest frame with the proportions `height : width`, up to a
    pixel, that has an image in its middle.
    """
    above = (max(have_height, int(have_width * height / width)) - have_height) // 2
    beside = (max(have_width, int(have_height * width / height)) - have_width) // 2
    return -above, -beside, have_height + 2 * above, have_width + 2 * beside


def crop_to_aspect_ratio(images: Array, height: int, width: int) -> Array:
    """The largest window in the middle that has the proportions `height : width`."""
    _, _, tall, wide = window_of_proportions(images.shape[-3], images.shape[-2], height, width)
    return center_window(images, tall, wide)


def pad_to_aspect_ratio(images: Array, height: int, width: int, fill_value: float = 0.0) -> Array:
    """The image in the middle of the smallest frame that has the proportions `height : width`, up to a pixel."""
    top, left, _, _ = frame_of_proportions(images.shape[-3], images.shape[-2], height, width)
    margins = [(0, 0)] * (images.ndim - 3) + [(-top, -top), (-left, -left), (0, 0)]
    return jnp.pad(images, margins, constant_values=fill_value)


def resize(images: Array, height: int, width: int, interpolation: str = "bilinear", antialias: bool = False) -> Array:
    """Images at another size.

    Args:
        images: `(..., height, width, channels)`; integers are interpolated in float32, rounded and kept in their range.
        height, width: the new size.
        interpolation: `"bilinear"`, `"nearest"`, `"bicubic"`, `"lanczos3"` or `"lanczos5"`.
        antialias: whether to smooth first where the size goes down.

    Returns:
        `(..., height, width, channels)`, dtype as given.

    Example:
        >>> resize(jnp.array([0, 10], jnp.uint8).reshape(1, 2, 1), 1, 4).ravel().tolist()
        [0, 2, 8, 10]
    """
    if interpolation not in METHODS:
        raise unknown_name("interpolation", interpolation, METHODS)
    if images.ndim not in (3, 4):
        raise ValueError(f"resize takes (batch, height, width, channels) or one image, received {describe(images)}.")
    shape = (*images.shape[:-3], height, width, images.shape[-1])
    if interpolation == "nearest":
        return jax.image.resize(images, shape, interpolation)
    return in_floats(lambda floats: jax.image.resize(floats, shape, interpolation, antialias=antialias), images)


def fit_window(images: Array, height: int, width: int, interpolation: str = "bilinear") -> Array:
    """The largest window in the middle with the proportions of the size, brought to that size."""
    return resize(crop_to_aspect_ratio(images, height, width), height, width, interpolation)


def adjust_contrast(images: Float[Array, " batch height width channels"], factor: Float[Array, " batch"]) -> Array:
    """`(x - mean) * factor + mean`, with the mean of each image and channel.

    Example:
        >>> adjust_contrast(jnp.array([1.0, 3.0]).reshape(1, 1, 2, 1), jnp.array([2.0])).ravel().tolist()
        [0.0, 4.0]
    """
    mean = jnp.mean(images, (1, 2), keepdims=True)
    return (images - mean) * per_image(factor, images).astype(images.dtype) + mean


def boxes(
    top: Float[Array, " batch"],
    left: Float[Array, " batch"],
    tall: Float[Array, " batch"],
    wide: Float[Array, " batch"],
    height: int,
    width: int,
) -> Bool[Array, " batch height width 1"]:
    """True in one rectangle per image: the pixels with `top <= y < top + tall` and `left <= x < left + wide`.

    Example:
        >>> one = jnp.ones(1)
        >>> boxes(0 * one, one, one, 2 * one, 2, 4)[0, :, :, 0].astype(int).tolist()
        [[0, 1, 1, 0], [0, 0, 0, 0]]
    """
    y, x = jnp.arange(height)[:, None, None], jnp.arange(width)[:, None]
    top, left, tall, wide = (v[:, None, None, None] for v in (top, left, tall, wide))
    return (y >= top) & (y < top + tall) & (x >= left) & (x < left + wide)
