"""Filters of images as operations: blur, edges, and the likeness of two images. The maths is in `nn/filters.py`."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jkeras._base.config import standardize_data_format
from jkeras._base.errors import describe
from jkeras.nn import filters
from jkeras.nn.image import channels_last, in_layout
from jkeras.nn.norm import at_least_float32
from jkeras.ops.wrapper import Tensor, as_array, as_float, operation


@operation("image")
def gaussian_blur(
    images: Tensor, kernel_size: Sequence[int] = (3, 3), sigma: Sequence[float] = (1.0, 1.0), data_format: str | None = None
) -> Tensor:
    """Images smoothed by a Gaussian; beyond the border are zeros.

    Args:
        images: `(batch, height, width, channels)` or one image.
        kernel_size: of the filter in pixels, `(across, down)`.
        sigma: width of the Gaussian in pixels, `(across, down)`.
        data_format: `"channels_last"`, `"channels_first"`, or None for `config.image_data_format()`.

    Returns:
        Images of the same shape and dtype; integers are rounded.

    Raises:
        ValueError: another number of axes.

    Example:
        >>> gaussian_blur(jnp.array([2.0, 4.0]).reshape(1, 2, 1), (2, 1)).ravel().tolist()
        [3.0, 2.0]
    """
    (wide, tall), (across, down) = kernel_size, sigma

    def blurred(images: jax.Array) -> jax.Array:
        return filters.gaussian_blur(images, (int(tall), int(wide)), (down, across))

    return in_layout(blurred, as_array(images), standardize_data_format(data_format), "gaussian_blur")


@operation("image")
def sobel_edges(images: Tensor, data_format: str | None = None) -> Tensor:
    """Sobel's differences of neighbouring pixels. The border is mirrored, so the frame of an image is no edge.

    Args:
        images: `(batch, height, width, channels)` or one image.
        data_format: `"channels_last"`, `"channels_first"`, or None for `config.image_data_format()`.

    Returns:
        The shape of the images and a last axis of two: the differences down and to the right.

    Raises:
        ValueError: another number of axes.

    Example:
        >>> sobel_edges(jnp.array([[0.0, 1.0, 2.0]] * 3)[..., None])[1, 1, 0].tolist()
        [0.0, 8.0]
    """
    data_format = standardize_data_format(data_format)
    edges = filters.sobel_edges(channels_last(as_array(images), data_format, "sobel_edges"))
    return edges if data_format == "channels_last" else jnp.moveaxis(edges, -2, -4)


@operation("image")
def ssim(
    image1: Tensor,
    image2: Tensor,
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_format: str | None = None,
) -> Tensor:
    """How alike images are in structure, 1 for the same.

    Args:
        image1, image2: `(batch, height, width, channels)` or single images, at least as large as the window.
        max_val: the largest value that pixels can have, such as 255 or 1.
        filter_size, filter_sigma: size of the window and width of the Gaussian that weighs it, in pixels.
        k1, k2: small shares of `max_val` that keep the quotients finite.
        data_format: `"channels_last"`, `"channels_first"`, or None for `config.image_data_format()`.

    Returns:
        `(batch,)`, or a scalar: the mean over windows and channels. Integers are compared as `floatx()`.

    Raises:
        ValueError: another number of axes, two shapes, or images smaller than the window.

    Example:
        >>> x = jnp.linspace(0, 1, 144).reshape(12, 12, 1)
        >>> float(ssim(x, x)), float(ssim(x, 1 - x)) < 0
        (1.0, True)

    Source: Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment: from error visibility to structural similarity", 2004.
    """
    data_format = standardize_data_format(data_format)
    one, other = (channels_last(as_float(image), data_format, "ssim") for image in (image1, image2))
    if one.shape != other.shape:
        raise ValueError(f"ssim compares images of one shape. Received: {describe(image1)} and {describe(image2)}.")
    maps = filters.structural_similarity(
        at_least_float32(one), at_least_float32(other), max_val, filter_size, filter_sigma, k1, k2
    )
    return jnp.mean(maps, (-3, -2, -1)).astype(one.dtype)
