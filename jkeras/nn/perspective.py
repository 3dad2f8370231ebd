"""Images seen from elsewhere: the plane map that takes four points to four others.

A homography takes straight lines to straight lines, but parallels need not stay parallel. Eight numbers name it, and four pairs
of points give the eight equations for them.
"""

from __future__ import annotations

import jax.numpy as jnp

from jkeras._base.types import Array, Float, Shaped
from jkeras.nn.norm import at_least_float32
from jkeras.nn.sampling import grid, sample


def homographies(start: Float[Array, " batch 4 2"], end: Float[Array, " batch 4 2"]) -> Float[Array, " batch 8"]:
    """The numbers `h` for which `x = (h0 u + h1 v + h2) / (h6 u + h7 v + 1)` and `y = (h3 u + h4 v + h5) / (h6 u + h7 v + 1)`.

    Args:
        start: four points `(x, y)` per image.
        end: four points `(u, v)`, of which no three lie on a line.

    Example:
        >>> square = jnp.array([[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]])
        >>> float(homographies(square, 2 * square)[0, 0])
        0.5
    """
    start, end = at_least_float32(start), at_least_float32(end)
    u, v = end[..., 0], end[..., 1]
    point, nothing = jnp.stack([u, v, jnp.ones_like(u)], -1), jnp.zeros((*u.shape, 3), u.dtype)

    def equations(value: Array, left: Array, right: Array) -> Array:
        return jnp.concatenate([left, right, -value[..., None] * end], -1)

    x, y = start[..., 0], start[..., 1]
    matrix = jnp.concatenate([equations(x, point, nothing), equations(y, nothing, point)], -2)
    return jnp.linalg.solve(matrix, jnp.concatenate([x, y], -1)[..., None])[..., 0]


def mapped(numbers: Float[Array, "*maps 8"], u: Array, v: Array) -> tuple[Array, Array]:
    """Where the maps of these numbers take places `(u, v)`, of shapes that broadcast against the maps.

    Example:
        >>> x, y = mapped(jnp.array([2.0, 0, 1, 0, 2, 0, 0, 0]), jnp.array(3.0), jnp.array(4.0))
        >>> float(x), float(y)
        (7.0, 8.0)
    """
    h = jnp.moveaxis(numbers, -1, 0)
    depth = h[6] * u + h[7] * v + 1
    depth = jnp.where(depth == 0, jnp.finfo(depth.dtype).eps, depth)  # the horizon, far outside of any image
    return (h[0] * u + h[1] * v + h[2]) / depth, (h[3] * u + h[4] * v + h[5]) / depth


def perspective_transform(
    images: Shaped[Array, " batch height width channels"],
    start: Float[Array, " batch 4 2"],
    end: Float[Array, " batch 4 2"],
    interpolation: str = "bilinear",
    fill_value: float = 0.0,
) -> Shaped[Array, " batch height width channels"]:
    """Move the points `start` of each image to `end`, and everything else with them.

    Args:
        images: `(batch, height, width, channels)`.
        start, end: four points `(x, y)` in pixels per image, or for all images `(1, 4, 2)`.
        interpolation: `"nearest"` or `"bilinear"`.
        fill_value: what lies outside the images.

    Returns:
        Images of the same shape and dtype.
    """
    y, x = grid(*images.shape[1:3])
    places = mapped(homographies(start, end)[:, None, None], x, y)
    column, row = (jnp.broadcast_to(place, images.shape[:3]) for place in places)
    return sample(images, row, column, interpolation, "constant", fill_value)
