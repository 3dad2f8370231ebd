"""Histogram equalization: values are spread so that each is about as frequent as any other.

A value goes to its rank, the share of pixels that are not brighter. Done for the whole of a channel it brings out what a dull
image hides; done in tiles, and with a limit on how steep the ranks may rise, it also brings out what lies in the shadow of one
part of the image.
"""

from __future__ import annotations

import math

import jax.numpy as jnp

from jkeras._base.types import Array, Float, Int

LEVELS = 256


def counts(values: Int[Array, "*channels pixels"], levels: int) -> Int[Array, "*channels levels"]:
    """How often each number below `levels` occurs.

    Example:
        >>> counts(jnp.array([[0, 2, 2]]), 4).tolist()
        [[1, 0, 2, 0]]
    """
    flat = values.reshape(math.prod(values.shape[:-1]), values.shape[-1])
    rows = jnp.arange(flat.shape[0])[:, None]
    found = jnp.zeros((flat.shape[0], levels), "int32").at[rows, flat].add(1)
    return found.reshape(*values.shape[:-1], levels)


def equalize(images: Float[Array, " batch height width channels"], levels: int = LEVELS) -> Array:
    """Each channel of each image with values from 0 to 255 equalized; a channel of one value stays as it is.

        y = round(255 * (c(x) - c_min) / (pixels - c_min)),    c(x) = number of pixels in the bins up to that of x

    Args:
        images: with values from 0 to 255.
        levels: number of bins.

    Example:
        >>> equalize(jnp.array([1.0, 2.0, 3.0, 3.0]).reshape(1, 1, 4, 1)).ravel().tolist()
        [0.0, 85.0, 255.0, 255.0]
    """
    batch, height, width, channels = images.shape
    values = jnp.moveaxis(images, -1, 1).reshape(batch, channels, height * width)
    index = jnp.clip(values * ((levels - 1) / 255), 0, levels - 1).astype("int32")
    total = jnp.cumsum(counts(index, levels), -1)
    first = jnp.where(total > 0, total, height * width).min(-1, keepdims=True)  # how many pixels the darkest bin has
    rest = height * width - first
    table = jnp.round((total - first) * (255 / jnp.where(rest > 0, rest, 1)))
    ranks = jnp.where(rest > 0, jnp.take_along_axis(table, index, -1), values)
    return jnp.moveaxis(ranks.reshape(batch, channels, height, width), 1, -1).astype(images.dtype)


def equalize_tiles(images: Float[Array, " batch height width channels"], tiles: tuple[int, int], limit: float) -> Array:
    """CLAHE: values from 0 to 255 at their ranks in the tiles around a pixel, interpolated between the middles of four tiles.

    Args:
        images: with values from 0 to 255.
        tiles: number of tiles down and across. The image is mirrored at its end where they do not fit.
        limit: how often a value may occur in a tile, in multiples of the average; what is above spreads over all values. 0 for no
            limit.

    Source: Karel Zuiderveld, "Contrast limited adaptive histogram equalization", 1994.
    """
    batch, height, width, channels = images.shape
    (down, across), (tall, wide) = tiles, (-(-height // tiles[0]), -(-width // tiles[1]))
    margins = [(0, 0), (0, down * tall - height), (0, across * wide - width), (0, 0)]
    values = jnp.clip(jnp.pad(images, margins, mode="symmetric"), 0, LEVELS - 1).astype("int32")
    tiled = values.reshape(batch, down, tall, across, wide, channels).transpose(0, 5, 1, 3, 2, 4)
    found = counts(tiled.reshape(batch, channels, down, across, tall * wide), LEVELS).astype("float32")
    ranks = _ranks(found, tall * wide, limit).reshape(batch, channels, down * across * LEVELS)
    values = jnp.moveaxis(values, -1, 1)
    total, pixels = jnp.zeros(values.shape), down * tall * across * wide
    for row, row_weight in _tiles_around(down, tall):
        for column, column_weight in _tiles_around(across, wide):
            index = (row[:, None] * across + column) * LEVELS + values
            looked_up = jnp.take_along_axis(ranks, index.reshape(batch, channels, pixels), -1).reshape(values.shape)
            total = total + looked_up * (row_weight[:, None] * column_weight)
    return jnp.moveaxis(total, 1, -1)[:, :height, :width].astype(images.dtype)


def _ranks(found: Float[Array, "*tiles levels"], pixels: int, limit: float) -> Float[Array, "*tiles levels"]:
    """What each value becomes, for the counts of a tile."""
    if limit > 0:
        kept = jnp.minimum(found, limit * pixels / LEVELS)
        found = kept + jnp.sum(found - kept, -1, keepdims=True) / LEVELS
    total = jnp.cumsum(found, -1)
    first = total.min(-1, keepdims=True)
    rest = pixels - first
    return jnp.clip((total - first) * 255 / jnp.where(rest == 0, 1, rest), 0, 255)


def _tiles_around(count: int, size: int) -> list[tuple[Int[Array, " pixels"], Float[Array, " pixels"]]]:
    """The tiles before and after each pixel along an axis, and their weights."""
    place = (jnp.arange(count * size) - size / 2) / size
    before = jnp.floor(place)
    weight = place - before
    first, second = (jnp.clip(tile, 0, count - 1).astype("int32") for tile in (before, before + 1))
    return [(first, 1 - weight), (second, weight)]
