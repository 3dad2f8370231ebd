"""Elastic deformation: every pixel moves by a random distance that is alike for neighbours.

Source: Simard, Steinkraus, Platt, "Best practices for convolutional neural networks applied to visual document analysis", 2003.
"""

from __future__ import annotations

from jkeras._base.types import Array, Float, Shaped
from jkeras.nn.filters import gaussian_blur
from jkeras.nn.sampling import grid, sample


def elastic_transform(
    images: Shaped[Array, " batch height width channels"],
    noise: Float[Array, " 2 batch height width"],
    alpha: Float[Array, ""] | float,
    sigma: Float[Array, ""] | float,
    size: int,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: float = 0.0,
) -> Shaped[Array, " batch height width channels"]:
    """Look up each pixel at a distance `alpha * blur(sigma * noise)` from its place.

    Args:
        images: `(batch, height, width, channels)`.
        noise: draws from the standard normal distribution, for the distance down and to the right.
        alpha: how strong the deformation is.
        sigma: of the Gaussian that smooths the noise, in pixels.
        size: of that filter.
        interpolation, fill_mode, fill_value: as for `sample`.

    Returns:
        Images of the same shape and dtype.
    """
    down, right = alpha * gaussian_blur(sigma * noise[..., None], (size, size), (sigma, sigma))[..., 0]
    y, x = grid(*images.shape[1:3])
    return sample(images, y + down, x + right, interpolation, fill_mode, fill_value)
