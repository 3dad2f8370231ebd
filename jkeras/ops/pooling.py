"""Pooling as operations: windows of a given size, or a given number of windows."""

from __future__ import annotations

from jkeras._base.config import standardize_data_format
from jkeras.nn import pool, pool_adaptive
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
    return pool_adaptive.adaptive_avg_pool(as_array(inputs), output_size, standardize_data_format(data_format))


@operation("nn")
def adaptive_max_pool(inputs: Tensor, output_size: Shape, data_format: str | None = None) -> Tensor:
    """The maxima of a given number of windows per axis; arguments as for `adaptive_average_pool`.

    Example:
        >>> import jax.numpy as jnp
        >>> adaptive_max_pool(jnp.arange(5.0).reshape(1, 5, 1), 2).ravel().tolist()
        [2.0, 4.0]
    """
    return pool_adaptive.adaptive_max_pool(as_array(inputs), output_size, standardize_data_format(data_format))
