"""Pooling as operations: windows of a given size, or a given number of windows."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from jkeras._base.config import standardize_data_format
from jkeras.nn import pool
from jkeras.nn.conv import spatial
from jkeras.ops.families import Shape
from jkeras.ops.wrapper import Tensor, as_array, operation


@operation("nn")
def max_pool(
    inputs: Tensor, pool_size: Shape, strides: Shape | None = None, padding: str = "valid", data_format: str | None = None
) -> Tensor:
    """The maximum of every window.

    Args:
        inputs: `(batch, *space, channels)`, or `(batch, channels, *space)` for `channels_first`.
        pool_size: window size, an int or one per spatial axis.
        strides: steps between windows, `pool_size` by default.
        padding: `"valid"` drops windows that stick out, `"same"` keeps them.
        data_format: `"channels_last"`, `"channels_first"`, or None for `config.image_data_format()`.
    """
    return pool.max_pool(as_array(inputs), pool_size, strides, padding, standardize_data_format(data_format))


@operation("nn")
def average_pool(
    inputs: Tensor, pool_size: Shape, strides: Shape | None = None, padding: str = "valid", data_format: str | None = None
) -> Tensor:
    """The mean of every window, ignoring what lies beyond the image; arguments as for `max_pool`."""
    return pool.avg_pool(as_array(inputs), pool_size, strides, padding, standardize_data_format(data_format))


@operation("nn")
def adaptive_average_pool(inputs: Tensor, output_size: Shape, data_format: str | None = None) -> Tensor:
    """The means of a given number of windows per axis.

    Args:
        inputs: `(batch, *space, channels)`, or `(batch, channels, *space)` for `channels_first`.
        output_size: how many windows, an int or one per spatial axis. Of n positions and m windows, window i has those from
            `floor(i n / m)` up to, not including, `ceil((i + 1) n / m)`.
        data_format: `"channels_last"`, `"channels_first"`, or None for `config.image_data_format()`.

    Example:
        >>> import jax.numpy as jnp
        >>> adaptive_average_pool(jnp.arange(5.0).reshape(1, 5, 1), 2).ravel().tolist()
        [1.0, 3.0]
    """

    def mean(values: jax.Array, within: np.ndarray) -> jax.Array:
        return jnp.sum(values, axis=-1, where=within) / np.sum(within, axis=-1).astype(values.dtype)

    return _adaptive(as_array(inputs), output_size, data_format, mean)


@operation("nn")
def adaptive_max_pool(inputs: Tensor, output_size: Shape, data_format: str | None = None) -> Tensor:
    """The maxima of a given number of windows per axis; arguments as for `adaptive_average_pool`.

    Example:
        >>> import jax.numpy as jnp
        >>> adaptive_max_pool(jnp.arange(5.0).reshape(1, 5, 1), 2).ravel().tolist()
        [2.0, 4.0]
    """

    # Positions beyond a window repeat its last one, which changes no maximum.
    return _adaptive(as_array(inputs), output_size, data_format, lambda values, within: jnp.max(values, axis=-1))


def _adaptive(
    x: jax.Array, output_size: Shape, data_format: str | None, reduce: Callable[[jax.Array, np.ndarray], jax.Array]
) -> jax.Array:
    """Reduce one axis after the other: a window is a product of intervals."""
    axes = pool.spatial_axes(x.ndim, standardize_data_format(data_format))
    for axis, count in zip(axes, spatial(output_size, x.ndim - 2, "output_size")):
        places, within = _intervals(x.shape[axis], count)
        values = jnp.moveaxis(x, axis, -1)[..., places]
        x = jnp.moveaxis(reduce(values, within), -1, axis)
    return x


def _intervals(size: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The positions of each window, in rows of one length, and which of them belong to it."""
    i = np.arange(count)
    first, end = i * size // count, -(-(i + 1) * size // count)
    places = first[:, None] + np.arange((end - first).max())
    return np.minimum(places, end[:, None] - 1), places < end[:, None]
