"""Affine maps of images: every output pixel looks up the input at `(x', y') = A (x, y) + t`.

Rotation, zoom and translation are one lookup with three matrices. A place that falls between pixels is interpolated; one that
falls outside the image is folded back in by the fill mode. The lookup is one gather per neighbour over flat pixel indices, for
the whole batch at once, which GPUs and CPUs both run at memory speed.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from jkeras._base.errors import describe, unknown_name
from jkeras._base.types import Array, Float, Int, Shaped
from jkeras.nn.norm import at_least_float32

FILL_MODES = ("reflect", "mirror", "wrap", "nearest", "constant")
INTERPOLATIONS = ("nearest", "bilinear")


def affine_transform(
    images: Shaped[Array, " batch height width channels"],
    matrices: Float[Array, " batch 6"],
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: float = 0.0,
) -> Shaped[Array, " batch height width channels"]:
    """Move each image's pixels: output `(x, y)` is the input at `(a0 x + a1 y + a2, b0 x + b1 y + b2)`.

    Args:
        images: `(batch, height, width, channels)`.
        matrices: `(a0, a1, a2, b0, b1, b2)` per image, in pixels; x runs along the width.
        interpolation: `"nearest"`, which keeps the values there are, or `"bilinear"`.
        fill_mode: what lies outside an image `abcd`: `"reflect"` dcba|abcd|dcba, `"mirror"` dcb|abcd|cba, `"wrap"`
            abcd|abcd|abcd, `"nearest"` aaaa|abcd|dddd, `"constant"` the fill value.
        fill_value: for `"constant"`.

    Returns:
        Images of the same shape and dtype.

    Raises:
        ValueError: an unknown mode, or images that are not of rank 4.

    Example:
        >>> image = jnp.array([1.0, 2.0, 3.0, 4.0]).reshape(1, 1, 4, 1)
        >>> left_by_two = jnp.array([[1.0, 0.0, 2.0, 0.0, 1.0, 0.0]])
        >>> affine_transform(image, left_by_two, fill_mode="mirror").ravel().tolist()
        [3.0, 4.0, 3.0, 2.0]
    """
    if images.ndim != 4:
        raise ValueError(f"affine_transform takes images (batch, height, width, channels), received {describe(images)}.")
    check_modes(interpolation, fill_mode)
    height, width = images.shape[1:3]
    a0, a1, a2, b0, b1, b2 = jnp.moveaxis(at_least_float32(matrices), 1, 0)[:, :, None, None]
    y, x = jnp.arange(height, dtype=a0.dtype)[:, None], jnp.arange(width, dtype=a0.dtype)
    across, down = a0 * x + a1 * y + a2, b0 * x + b1 * y + b2
    if interpolation == "nearest":
        row, column = (lax.round(place).astype(jnp.int32) for place in (down, across))
        return _look_up(images, row, column, fill_mode, fill_value)
    total = jnp.zeros((), jnp.promote_types(images.dtype, jnp.float32))
    for row, row_weight in _neighbours(down):
        for column, column_weight in _neighbours(across):
            found = at_least_float32(_look_up(images, row, column, fill_mode, fill_value))
            total = total + found * (row_weight * column_weight)[..., None]
    return total.astype(images.dtype)


def check_modes(interpolation: str, fill_mode: str) -> None:
    """ValueError for an interpolation or a fill mode that `affine_transform` does not know."""
    if interpolation not in INTERPOLATIONS:
        raise unknown_name("interpolation", interpolation, INTERPOLATIONS)
    if fill_mode not in FILL_MODES:
        raise unknown_name("fill_mode", fill_mode, FILL_MODES)


def translations(height_shift: Float[Array, " batch"], width_shift: Float[Array, " batch"]) -> Float[Array, " batch 6"]:
    """Matrices that move images down and to the right by these numbers of pixels."""
    one, zero = jnp.ones_like(height_shift), jnp.zeros_like(height_shift)
    return jnp.stack([one, zero, -width_shift, zero, one, -height_shift], 1)


def zooms(
    height_zoom: Float[Array, " batch"], width_zoom: Float[Array, " batch"], height: int, width: int
) -> Float[Array, " batch 6"]:
    """Matrices that zoom about the centre: 0.5 shows the middle half, 2 shows the image at half its size."""
    zero = jnp.zeros_like(height_zoom)
    x_offset, y_offset = (width - 1) / 2 * (1 - width_zoom), (height - 1) / 2 * (1 - height_zoom)
    return jnp.stack([width_zoom, zero, x_offset, zero, height_zoom, y_offset], 1)


def rotations(angle: Float[Array, " batch"], height: int, width: int) -> Float[Array, " batch 6"]:
    """Matrices that turn images counter-clockwise by an angle in radians about their centres."""
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    cx, cy = (width - 1) / 2, (height - 1) / 2
    return jnp.stack([cos, -sin, cx - cx * cos + cy * sin, sin, cos, cy - cx * sin - cy * cos], 1)


def _neighbours(place: Array) -> list[tuple[Array, Array]]:
    """The whole coordinates on both sides of a place, with their weights."""
    lower = jnp.floor(place)
    weight, index = place - lower, lower.astype(jnp.int32)
    return [(index, 1 - weight), (index + 1, weight)]


def _look_up(images: Array, row: Array, column: Array, fill_mode: str, fill_value: float) -> Array:
    """`images[b, row[b, i, j], column[b, i, j]]`, with coordinates outside folded back."""
    _, height, width, channels = images.shape
    flat = _fold(row, height, fill_mode) * width + _fold(column, width, fill_mode)
    take = jax.vmap(lambda image, index: image.at[index].get(mode="promise_in_bounds"))
    found = take(images.reshape(-1, height * width, channels), flat.reshape(images.shape[0], -1)).reshape(images.shape)
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
