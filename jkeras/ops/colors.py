"""Colours of images as operations: grey, and hue, saturation and value. The maths is in `nn/color.py`."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jkeras._base.config import standardize_data_format
from jkeras._base.errors import describe
from jkeras.nn import color
from jkeras.nn.image import in_floats, in_layout
from jkeras.nn.norm import at_least_float32
from jkeras.ops.wrapper import Tensor, as_array, operation


@operation("image")
def rgb_to_grayscale(images: Tensor, data_format: str | None = None) -> Tensor:
    """Images in shades of grey, `0.2989 R + 0.587 G + 0.114 B`.

    Args:
        images: `(batch, height, width, 3)` or one image; grey ones, with one channel, stay as they are.
        data_format: `"channels_last"`, `"channels_first"`, or None for `config.image_data_format()`.

    Returns:
        The images with one channel in their dtype; integers are rounded.

    Raises:
        ValueError: another number of axes or channels.

    Example:
        >>> rgb_to_grayscale(jnp.array([[[255, 255, 255]]], "uint8")).tolist()
        [[[255]]]
    """

    def gray(images: jax.Array) -> jax.Array:
        if images.shape[-1] == 1:
            return images
        _check_channels(images, "rgb_to_grayscale", "3 channels, or 1 if they are grey")
        return in_floats(lambda floats: color.rgb_to_gray(at_least_float32(floats)), images)

    return in_layout(gray, as_array(images), standardize_data_format(data_format), "rgb_to_grayscale")


@operation("image")
def rgb_to_hsv(images: Tensor, data_format: str | None = None) -> Tensor:
    """Hue, saturation and value of images, all from 0 to 1.

    Args:
        images: float `(batch, height, width, 3)` or one image, from 0 to 1.
        data_format: `"channels_last"`, `"channels_first"`, or None for `config.image_data_format()`.

    Returns:
        The same shape. The hue is a part of the circle that begins with red, 0 for grey.

    Raises:
        ValueError: another number of axes or channels, or integers.

    Example:
        >>> rgb_to_hsv([[[0.0, 0.5, 0.5]]]).tolist()
        [[[0.5, 1.0, 0.5]]]
    """

    def hsv(images: jax.Array) -> jax.Array:
        return jnp.stack(color.rgb_to_hsv(images), -1)

    return _of_floats(hsv, as_array(images), data_format, "rgb_to_hsv")


@operation("image")
def hsv_to_rgb(images: Tensor, data_format: str | None = None) -> Tensor:
    """The inverse of `rgb_to_hsv`, with the same arguments.

    Example:
        >>> hsv_to_rgb([[[0.5, 1.0, 0.5]]]).tolist()
        [[[0.0, 0.5, 0.5]]]
    """

    def rgb(images: jax.Array) -> jax.Array:
        return color.hsv_to_rgb(images[..., 0], images[..., 1], images[..., 2])

    return _of_floats(rgb, as_array(images), data_format, "hsv_to_rgb")


def _of_floats(function: Callable[[jax.Array], jax.Array], images: jax.Array, data_format: str | None, where: str) -> jax.Array:
    if not jnp.issubdtype(images.dtype, jnp.floating):
        raise ValueError(
            f"{where} takes floats from 0 to 1. Received: {describe(images)}. Write {where}(ops.cast(images, 'float32') / 255)."
        )

    def checked(images: jax.Array) -> jax.Array:
        _check_channels(images, where, "3 channels")
        return function(images)

    return in_layout(checked, images, standardize_data_format(data_format), where)


def _check_channels(images: jax.Array, where: str, wanted: str) -> None:
    if images.shape[-1] != 3:
        raise ValueError(f"{where} takes images with {wanted}. Received {images.shape[-1]} channels.")
