"""Affine maps of images: every output pixel looks up the input at `(x', y') = A (x, y) + t`.

Rotation, zoom and translation are one lookup with three matrices. `nn/sampling.py` says how a lookup goes.
"""

from __future__ import annotations

import jax.numpy as jnp

from jkeras._base.errors import describe
from jkeras._base.types import Array, Float, Shaped
from jkeras.nn.norm import at_least_float32
from jkeras.nn.sampling import grid, sample


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
        interpolation, fill_mode, fill_value: as for `sample`.

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
    a0, a1, a2, b0, b1, b2 = jnp.moveaxis(at_least_float32(matrices), 1, 0)[:, :, None, None]
    y, x = grid(*images.shape[1:3])
    row, column = b0 * x + b1 * y + b2, a0 * x + a1 * y + a2
    return sample(images, row, column, interpolation, fill_mode, fill_value)


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


def shears(across: Float[Array, " batch"], down: Float[Array, " batch"]) -> Float[Array, " batch 6"]:
    """Matrices under which row y moves to the left by `across * y` pixels, and column x upwards by `down * x`."""
    one, zero = jnp.ones_like(across), jnp.zeros_like(across)
    return jnp.stack([one, across, zero, down, one, zero], 1)


def inverses(matrices: Float[Array, " batch 6"]) -> Float[Array, " batch 6"]:
    """Matrices of the maps from a place in the input to its place in the output.

    A map that takes the plane to a line has none; what comes back is finite and far outside of any image.

    Example:
        >>> half = zooms(jnp.array([0.5]), jnp.array([0.5]), 5, 5)
        >>> inverses(half)[0, ::2].tolist()
        [2.0, -2.0, 2.0]
    """
    a0, a1, a2, b0, b1, b2 = jnp.moveaxis(at_least_float32(matrices), 1, 0)
    area = a0 * b1 - a1 * b0
    area = jnp.where(jnp.abs(area) < 1e-6, 1e-6, area)
    return jnp.stack([b1, -a1, a1 * b2 - b1 * a2, -b0, a0, b0 * a2 - a0 * b2], 1) / area[:, None]
