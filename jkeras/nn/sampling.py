"""Lookups in images at places between the pixels, which affine maps, perspective and elastic deformation share.

Each pixel of the result names a place in the image, by a row and a column that need not be whole. A place that falls between
pixels is interpolated; one that falls outside the image is folded back in by the fill mode. The lookup is one gather per
neighbour over flat pixel indices, for the whole batch at once, which GPUs and CPUs both run at memory speed.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from jkeras._base.errors import unknown_name
from jkeras._base.types import Array, Float, Int, Shaped
from jkeras.nn.norm import at_least_float32

FILL_MODES = ("reflect", "mirror", "wrap", "nearest", "constant")
INTERPOLATIONS = ("nearest", "bilinear")


def check_modes(interpolation: str, fill_mode: str) -> None:
    """ValueError for an interpolation or a fill mode that `sample` does not know."""
    if interpolation not in INTERPOLATIONS:
        raise unknown_name("interpolation", interpolation, INTERPOLATIONS)
    if fill_mode not in FILL_MODES:
        raise unknown_name("fill_mode", fill_mode, FILL_MODES)


def grid(height: int, width: int) -> tuple[Float[Array, " height 1"], Float[Array, " width"]]:
    """The rows and the columns of an image's own pixels, in shapes that broadcast against each other."""
    return jnp.arange(height, dtype=jnp.float32)[:, None], jnp.arange(width, dtype=jnp.float32)


def sample(
    images: Shaped[Array, " batch height width channels"],
    row: Float[Array, " batch tall wide"],
    column: Float[Array, " batch tall wide"],
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: float = 0.0,
) -> Shaped[Array, " batch tall wide channels"]:
    """`images[b, row[b, i, j], column[b, i, j]]` for places that need not be whole.

    Args:
        images: `(batch, height, width, channels)`.
        row, column: places, `(batch, tall, wide)`; pixel 0 is at 0.
        interpolation: `"nearest"`, which keeps the values there are, or `"bilinear"`.
        fill_mode: what lies outside an image `abcd`: `"reflect"` dcba|abcd|dcba, `"mirror"` dcb|abcd|cba, `"wrap"`
            abcd|abcd|abcd, `"nearest"` aaaa|abcd|dddd, `"constant"` the fill value.
        fill_value: for `"constant"`.

    Returns:
        `(batch, tall, wide, channels)` in the dtype of the images; integers are rounded.

    Raises:
        ValueError: an unknown mode.

    Example:
        >>> image = jnp.array([0.0, 10.0, 20.0]).reshape(1, 1, 3, 1)
        >>> sample(image, jnp.zeros((1, 1, 3)), jnp.array([[[0.5, 1.0, 3.0]]]), fill_mode="nearest").ravel().tolist()
        [5.0, 10.0, 20.0]
    """
    check_modes(interpolation, fill_mode)
    if interpolation == "nearest":
        return _look_up(images, _whole(lax.round(row)), _whole(lax.round(column)), fill_mode, fill_value)
    total = jnp.zeros((), jnp.promote_types(images.dtype, jnp.float32))
    for i, row_weight in _neighbours(row):
        for j, column_weight in _neighbours(column):
            found = at_least_float32(_look_up(images, i, j, fill_mode, fill_value))
            total = total + found * (row_weight * column_weight)[..., None]
    return (lax.round(total) if jnp.issubdtype(images.dtype, jnp.integer) else total).astype(images.dtype)


def _whole(place: Array) -> Array:
    return place.astype(jnp.int32)


def _neighbours(place: Array) -> list[tuple[Array, Array]]:
    """The whole coordinates on both sides of a place, with their weights."""
    lower = jnp.floor(place)
    weight, index = place - lower, _whole(lower)
    return [(index, 1 - weight), (index + 1, weight)]


def _look_up(images: Array, row: Array, column: Array, fill_mode: str, fill_value: float) -> Array:
    """`images[b, row[b, i, j], column[b, i, j]]`, with coordinates outside folded back."""
    batch, height, width, channels = images.shape
    flat = _fold(row, height, fill_mode) * width + _fold(column, width, fill_mode)
    take = jax.vmap(lambda image, index: image.at[index].get(mode="promise_in_bounds"))
    _, tall, wide = flat.shape
    found = take(images.reshape(batch, height * width, channels), flat.reshape(batch, tall * wide))
    found = found.reshape(batch, tall, wide, channels)
    if fill_mode != "constant":
        return found
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    return jnp.where(inside[..., None], found, jnp.asarray(fill_value, images.dtype))


def _fold(index: Int[Array, " *shape"], size: int, fill_mode: str) -> Int[Array, " *shape"]:
    """Coordinates inside the image for any coordinates."""
    if fill_mode == "wrap":
        return index % size
    if fill_mode == "reflect":
        index = index % (2 * size)
        return jnp.minimum(index, 2 * size - 1 - index)
    if fill_mode == "mirror" and size > 1:
        index = index % (2 * size - 2)
        return jnp.minimum(index, 2 * size - 2 - index)
    return jnp.clip(index, 0, size - 1)
