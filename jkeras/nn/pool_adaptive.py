"""Adaptive pooling: a given number of windows per axis, however long the axis is.

Of n positions and m windows, window i has those from `floor(i n / m)` up to, not including, `ceil((i + 1) n / m)`. The windows
cover the axis and differ in length by one at most; neighbours share a position where n / m is no whole number. Where it is one
for all axes, the windows lie side by side, and this is pooling as in `pool`.
"""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np

from jkeras._base.types import Array, Float, Ints, Shaped
from jkeras.nn.conv_geometry import spatial
from jkeras.nn.pool import avg_pool, max_pool, spatial_axes


def adaptive_avg_pool(
    x: Float[Array, " batch *space channels"], output_size: Ints, data_format: str = "channels_last"
) -> Float[Array, " batch *out_space channels"]:
    """The means of a given number of windows per axis.

    Args:
        x: `(batch, *space, channels)`, or `(batch, channels, *space)` for `channels_first`.
        output_size: how many windows, an int or one per spatial axis.
        data_format: `"channels_last"` or `"channels_first"`.

    Example:
        >>> adaptive_avg_pool(jnp.arange(5.0).reshape(1, 5, 1), 2).ravel().tolist()
        [1.0, 3.0]
    """
    return _pool(x, output_size, data_format, avg_pool, _mean)


def adaptive_max_pool(
    x: Shaped[Array, " batch *space channels"], output_size: Ints, data_format: str = "channels_last"
) -> Shaped[Array, " batch *out_space channels"]:
    """The maxima of a given number of windows per axis; the gradient goes to the first of equal ones.

    Args:
        x, output_size, data_format: as for `adaptive_avg_pool`.

    Example:
        >>> adaptive_max_pool(jnp.arange(5.0).reshape(1, 5, 1), 2).ravel().tolist()
        [2.0, 4.0]
    """
    return _pool(x, output_size, data_format, max_pool, _first_maximum)


def _mean(values: Array, within: np.ndarray) -> Array:
    return jnp.sum(values, axis=-1, where=within) / np.sum(within, axis=-1).astype(values.dtype)


def _first_maximum(values: Array, within: np.ndarray) -> Array:
    # Positions beyond a window repeat its last one, which changes no maximum.
    best = jnp.argmax(values, axis=-1, keepdims=True)
    return jnp.squeeze(jnp.take_along_axis(values, best, axis=-1), -1)


def _pool(
    x: Array,
    output_size: Ints,
    data_format: str,
    pool: Callable[..., Array],
    reduce: Callable[[Array, np.ndarray], Array],
) -> Array:
    counts, axes = spatial(output_size, x.ndim - 2, "output_size"), spatial_axes(x.ndim, data_format)
    sizes = [x.shape[axis] for axis in axes]
    if all(size % count == 0 for size, count in zip(sizes, counts)):
        return pool(x, [size // count for size, count in zip(sizes, counts)], data_format=data_format)
    for axis, size, count in zip(axes, sizes, counts):  # one axis after the other: a window is a product of intervals
        places, within = _intervals(size, count)
        values = jnp.moveaxis(x, axis, -1)[..., places]
        x = jnp.moveaxis(reduce(values, within), -1, axis)
    return x


def _intervals(size: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The positions of each window, in rows of one length, and which of them belong to it."""
    i = np.arange(count)
    first, end = i * size // count, -(-(i + 1) * size // count)
    places = first[:, None] + np.arange((end - first).max())
    return np.minimum(places, end[:, None] - 1), places < end[:, None]
