"""Patches of images and volumes: a grid of windows, each as one row of values."""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax.numpy as jnp
from jax import lax

from jkeras._base.types import Array, Shaped


def extract_patches(
    images: Shaped[Array, "batch *space channels"],
    sizes: Sequence[int],
    strides: Sequence[int],
    rates: Sequence[int],
    padding: str,
) -> Shaped[Array, "batch *patches values"]:
    """The patches of images, each as one row of values.

    Args:
        images: `(batch, *space, channels)`, with any number of spatial axes.
        sizes: of a patch along each spatial axis.
        strides: from one patch to the next.
        rates: distance between neighbouring pixels of a patch.
        padding: `"valid"`, or `"same"`: zeros around the images, as for a convolution.

    Returns:
        `(batch, *patches, prod(sizes) * channels)`.

    Example:
        >>> extract_patches(jnp.arange(16).reshape(1, 4, 4, 1), (2, 2), (2, 2), (1, 1), "valid")[0, 0].tolist()
        [[0, 1, 4, 5], [2, 3, 6, 7]]
    """
    rank, batch, channels = len(sizes), images.shape[0], images.shape[-1]
    for i, (size, stride, rate) in enumerate(zip(sizes, strides, rates)):
        images = _windows(images, 1 + 2 * i, size, stride, rate, padding)
    places, within = range(1, 2 * rank, 2), range(2, 2 * rank + 1, 2)
    counts = [images.shape[axis] for axis in places]
    images = images.transpose(0, *places, *within, 2 * rank + 1)
    return images.reshape(batch, *counts, math.prod(sizes) * channels)


def _windows(images: Array, axis: int, size: int, stride: int, rate: int, padding: str) -> Array:
    """An axis cut into windows: two axes in its place, for the windows and for the positions in one."""
    have, reach = images.shape[axis], (size - 1) * rate + 1
    if padding == "same":
        count = -(-have // stride)
        missing = max(0, (count - 1) * stride + reach - have)
        margins = [(0, 0)] * images.ndim
        margins[axis] = (missing // 2, missing - missing // 2)
        images = jnp.pad(images, margins)
    else:
        count = max(0, (have - reach) // stride + 1)
    if stride == size and rate == 1:  # windows side by side need no copies
        whole = lax.slice_in_dim(images, 0, count * size, axis=axis)
        return whole.reshape(*images.shape[:axis], count, size, *images.shape[axis + 1 :])
    places = jnp.arange(count)[:, None] * stride + jnp.arange(size) * rate
    return jnp.take(images, places, axis, mode="clip")
