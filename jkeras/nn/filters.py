"""Filters over the neighbours of pixels: blur, edges, and the likeness of images in small windows.

All of them are products of a filter down and a filter across, so a window of n by n pixels takes 2 n products for each pixel, as
sums of shifted images, which a compiler fuses into one pass.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp
from jax import lax

from jkeras._base.errors import describe
from jkeras._base.types import Array, Float
from jkeras.nn.image import in_floats
from jkeras.nn.norm import at_least_float32

_SMOOTH, _SLOPE = (1, 2, 1), (-1, 0, 1)


def bell(size: int, sigma: Float[Array, ""] | float) -> Float[Array, " size"]:
    """Weights of a Gaussian over neighbouring pixels, which add up to 1.

    Example:
        >>> bell(2, 1.0).tolist()
        [0.5, 0.5]
    """
    place = jnp.arange(size, dtype=jnp.float32) - (size - 1) / 2
    weights = jnp.exp(-0.5 * jnp.square(place / sigma))
    return weights / jnp.sum(weights)


def filtered(images: Array, weights: Sequence[float] | Float[Array, " size"], axis: int) -> Array:
    """The sums of neighbours along an axis with weights, where all of them are within the image.

    Example:
        >>> filtered(jnp.array([1.0, 2.0, 4.0]), (-1, 1), 0).tolist()
        [1.0, 2.0]
    """
    count = images.shape[axis] - len(weights) + 1
    parts = (weights[i] * lax.slice_in_dim(images, i, i + count, axis=axis) for i in range(len(weights)))
    return sum(parts, jnp.zeros((), images.dtype))


def gaussian_blur(
    images: Array, size: tuple[int, int], sigma: tuple[Float[Array, ""] | float, Float[Array, ""] | float]
) -> Array:
    """Images smoothed by a Gaussian; beyond the border are zeros.

    Args:
        images: `(..., height, width, channels)`; integers are rounded.
        size: of the filter, `(down, across)`.
        sigma: its width in pixels, `(down, across)`.

    Returns:
        The same shape and dtype.

    Example:
        >>> gaussian_blur(jnp.array([2.0, 4.0]).reshape(2, 1, 1), (2, 1), (1.0, 1.0)).ravel().tolist()
        [3.0, 2.0]
    """

    def blurred(floats: Array) -> Array:
        floats = at_least_float32(floats)
        for axis, length, width in zip((-3, -2), size, sigma):
            margins = [(0, 0)] * floats.ndim
            margins[axis] = ((length - 1) // 2, length // 2)
            floats = filtered(jnp.pad(floats, margins), bell(length, width).astype(floats.dtype), axis)
        return floats

    return in_floats(blurred, images)


def sobel_edges(images: Array) -> Array:
    """Sobel's differences of images `(..., height, width, channels)`, down and to the right, on a last axis of two.

    The border is mirrored, so the frame of an image is no edge.
    """
    framed = jnp.pad(images, [(0, 0)] * (images.ndim - 3) + [(1, 1), (1, 1), (0, 0)], mode="reflect")
    down = filtered(filtered(framed, _SLOPE, -3), _SMOOTH, -2)
    right = filtered(filtered(framed, _SMOOTH, -3), _SLOPE, -2)
    return jnp.stack([down, right], -1)


def structural_similarity(
    x: Float[Array, "*batch height width channels"],
    y: Float[Array, "*batch height width channels"],
    max_val: float,
    filter_size: int,
    filter_sigma: float,
    k1: float,
    k2: float,
) -> Float[Array, "*batch rows columns channels"]:
    """How alike images are in structure, 1 for the same: from means, variances and covariance in windows weighted by a Gaussian.

        (2 m_x m_y + c1) (2 s_xy + c2) / ((m_x^2 + m_y^2 + c1) (s_x^2 + s_y^2 + c2)),    c = (k max_val)^2

    Args:
        x, y: float images, at least as large as the window.
        max_val: the largest value that pixels can have, such as 255 or 1.
        filter_size, filter_sigma: size of the window and width of the Gaussian, in pixels.
        k1, k2: small shares of `max_val` that keep the quotients finite.

    Returns:
        The likeness of each window and channel.

    Raises:
        ValueError: the images are smaller than the window.

    Source: Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment: from error visibility to structural similarity", 2004.
    """
    if min(*x.shape[-3:-1], *y.shape[-3:-1]) < filter_size:
        raise ValueError(
            f"Images {describe(x)} and {describe(y)} are smaller than filter_size={filter_size}. Give a smaller filter_size."
        )
    weights = bell(filter_size, filter_sigma).astype(x.dtype)

    def mean(image: Array) -> Array:
        return filtered(filtered(image, weights, -3), weights, -2)

    means, squares = mean(x) * mean(y), mean(x) ** 2 + mean(y) ** 2
    small, smaller = (k2 * max_val) ** 2, (k1 * max_val) ** 2
    luminance = (2 * means + smaller) / (squares + smaller)
    structure = (2 * (mean(x * y) - means) + small) / (mean(x * x + y * y) - squares + small)
    return luminance * structure
