"""Filters over the neighbours of pixels: differences, edges, and the likeness of images in small windows."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from jkeras._base.types import Array, Tree
from jkeras.compat.standin.image.arrays import as_floats, as_images
from jkeras.nn import filters as nn

__all__ = ["image_gradients", "sobel_edges", "ssim"]


def image_gradients(image: Tree) -> tuple[Array, Array]:
    """The differences of neighbouring pixels, down and to the right, with zeros at the last row and column.

    Example:
        >>> [d.ravel().tolist() for d in image_gradients(jnp.asarray([[1, 3], [7, 5]]).reshape(1, 2, 2, 1))]
        [[6, 2, 0, 0], [2, 0, -2, 0]]
    """
    array = jnp.asarray(as_images(image))
    down, right = jnp.diff(array, axis=-3), jnp.diff(array, axis=-2)
    margins = [(0, 0)] * (array.ndim - 3)
    return jnp.pad(down, [*margins, (0, 1), (0, 0), (0, 0)]), jnp.pad(right, [*margins, (0, 0), (0, 1), (0, 0)])


def sobel_edges(image: Tree) -> Array:
    """Sobel's differences of float images, down and to the right, on a last axis of two; the border is mirrored."""
    return nn.sobel_edges(jnp.asarray(as_images(image)))


def ssim(
    img1: Tree,
    img2: Tree,
    max_val: float,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    return_index_map: bool = False,
) -> Array:
    """How alike images are in structure, 1 for the same: means, variances and covariance in windows weighted by a Gaussian.

    Args:
        img1, img2: batches or single images, at least as large as the window.
        max_val: the largest value that pixels can have, such as 255 or 1.
        filter_size, filter_sigma: size of the window and width of the Gaussian, in pixels.
        k1, k2: small shares of `max_val` that keep the quotients finite.
        return_index_map: whether to return the value of each window rather than their mean.

    Returns:
        float32 `(batch,)`, or `(batch, rows, columns)`.

    Raises:
        ValueError: the images are smaller than the window.

    Source: Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment: from error visibility to structural similarity", 2004.
    """
    whole = np.issubdtype(np.dtype(as_images(img1).dtype), np.integer)
    limit = max_val / np.iinfo(np.dtype(as_images(img1).dtype)).max if whole else max_val
    x, y = (jnp.asarray(as_floats(as_images(image)), "float32") for image in (img1, img2))
    likeness = nn.structural_similarity(x, y, limit, filter_size, filter_sigma, k1, k2)
    return jnp.mean(likeness, -1) if return_index_map else jnp.mean(likeness, (-3, -2, -1))
