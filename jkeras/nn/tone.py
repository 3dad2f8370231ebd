"""Tone: changes of pixel values that look at one pixel, at the extremes of its channel, or at its eight neighbours.

All functions take images `(batch, height, width, channels)`, and what was drawn for each image as an array `(batch,)`.
"""

from __future__ import annotations

import jax.numpy as jnp

from jkeras._base.types import Array, Bool, Float
from jkeras.nn.filters import filtered
from jkeras.nn.image import per_image

Images = Float[Array, " batch height width channels"]
Range = tuple[float, float]


def to_range(images: Array, source: Range, target: Range) -> Array:
    """Values moved from one range to another, `low` to `low` and `high` to `high`.

    Example:
        >>> to_range(jnp.array([0.0, 0.5]), (0, 1), (0, 255)).tolist()
        [0.0, 127.5]
    """
    if tuple(source) == tuple(target):
        return images
    scale = (target[1] - target[0]) / (source[1] - source[0])
    return (images - source[0]) * scale + target[0]


def auto_contrast(images: Images, value_range: Range) -> Images:
    """Each channel of each image stretched over the whole range; a channel of one value stays as it is.

    Example:
        >>> auto_contrast(jnp.array([1.0, 2.0, 3.0]).reshape(1, 1, 3, 1), (0, 10)).ravel().tolist()
        [0.0, 5.0, 10.0]
    """
    low, high = images.min((1, 2), keepdims=True), images.max((1, 2), keepdims=True)
    spread = high - low
    stretched = (images - low) / jnp.where(spread > 0, spread, 1) * (value_range[1] - value_range[0]) + value_range[0]
    return jnp.where(spread > 0, stretched, images)


def invert(images: Images, chosen: Bool[Array, " batch"], value_range: Range) -> Images:
    """The negatives of the chosen images: `low + high - x`."""
    return jnp.where(per_image(chosen, images), value_range[0] + value_range[1] - images, images)


def posterize(images: Images, bits: Float[Array, " batch"]) -> Images:
    """Values from 0 to 255 without their lowest bits.

    Example:
        >>> posterize(jnp.array([130.0, 7.0]).reshape(1, 1, 2, 1), jnp.array([3])).ravel().tolist()
        [128.0, 0.0]
    """
    step = per_image(2.0**bits, images).astype(images.dtype)
    return jnp.floor(jnp.clip(images, 0, 255) / step) * step


def solarize(images: Images, additions: Float[Array, " batch"], thresholds: Float[Array, " batch"]) -> Images:
    """Values from 0 to 255, made brighter; those at the threshold and above become negatives.

    Example:
        >>> solarize(jnp.array([90.0, 150.0]).reshape(1, 1, 2, 1), jnp.array([10.0]), jnp.array([128.0])).ravel().tolist()
        [100.0, 95.0]
    """
    brighter = jnp.clip(images + per_image(additions, images).astype(images.dtype), 0, 255)
    return jnp.where(brighter < per_image(thresholds, images), brighter, 255 - brighter)


def sharpen(images: Images, strength: Float[Array, " batch"]) -> Images:
    """`smooth + strength * (x - smooth)`, where the smooth image has 5/13 of a pixel and 1/13 of each of its eight neighbours.

    Strength 0 gives the smooth image, 1 the image itself, 2 one that is as much sharper. Beyond the border are zeros.

    Example:
        >>> sharpen(jnp.ones((1, 3, 3, 1)), jnp.array([0.0]))[0, 1, 1].round(3).tolist()
        [1.0]
    """
    around = jnp.pad(images, [(0, 0), (1, 1), (1, 1), (0, 0)])
    smooth = (filtered(filtered(around, (1, 1, 1), 1), (1, 1, 1), 2) + 4 * images) / 13
    return smooth + per_image(strength, images).astype(images.dtype) * (images - smooth)
