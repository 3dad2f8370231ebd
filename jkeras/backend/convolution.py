"""Convolutions and pooling as functions: `K.conv2d`, `K.pool2d`, ..."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jkeras import ops
from jkeras._base.config import standardize_data_format
from jkeras._base.errors import unknown_name
from jkeras._base.plain_numbers import INTEGERS
from jkeras.ops.families import Shape
from jkeras.ops.wrapper import Tensor


def conv1d(
    x: Tensor, kernel: Tensor, strides: int = 1, padding: str = "valid", data_format: str | None = None, dilation_rate: int = 1
) -> Tensor:
    """Slide a kernel over sequences.

    Args:
        x: `(batch, steps, channels)`, or with the channels before the steps.
        kernel: `(window, channels, filters)`.
        strides: how far the window moves.
        padding: `"valid"`, `"same"` or `"causal"`.
        data_format: where the channels are; by default the global setting.
        dilation_rate: the distance between the window's entries.
    """
    if padding == "causal":
        before = dilation_rate * (kernel.shape[0] - 1)
        last = standardize_data_format(data_format) == "channels_last"
        x = ops.pad(x, ((0, 0), (before, 0), (0, 0)) if last else ((0, 0), (0, 0), (before, 0)))
        padding = "valid"
    return ops.conv(x, kernel, strides, padding, data_format, dilation_rate)


def conv2d(
    x: Tensor,
    kernel: Tensor,
    strides: Shape = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Shape = (1, 1),
) -> Tensor:
    """Slide a kernel `(height, width, channels, filters)` over images.

    Example:
        >>> import numpy as np
        >>> conv2d(np.ones((1, 3, 3, 1), "float32"), np.ones((2, 2, 1, 1), "float32")).shape
        (1, 2, 2, 1)
    """
    return ops.conv(x, kernel, strides, padding, data_format, dilation_rate)


def conv3d(
    x: Tensor,
    kernel: Tensor,
    strides: Shape = (1, 1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Shape = (1, 1, 1),
) -> Tensor:
    """Slide a kernel `(depth, height, width, channels, filters)` over volumes."""
    return ops.conv(x, kernel, strides, padding, data_format, dilation_rate)


def conv2d_transpose(
    x: Tensor,
    kernel: Tensor,
    output_shape: Sequence[Any] | None = None,
    strides: Shape = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Shape = (1, 1),
) -> Tensor:
    """The transpose of `conv2d`, which enlarges images.

    Args:
        x: images.
        kernel: `(height, width, filters, channels)`.
        output_shape: of the result, with the batch; chooses among the sizes that a stride allows. None takes the default.
        strides, padding, data_format, dilation_rate: of the convolution to transpose.
    """
    extra = None
    steps = (strides, strides) if isinstance(strides, INTEGERS) else tuple(strides)
    if output_shape is not None:
        first = 1 if standardize_data_format(data_format) == "channels_last" else 2
        rates = (dilation_rate,) * 2 if isinstance(dilation_rate, INTEGERS) else tuple(dilation_rate)
        sizes = list(zip(x.shape[first : first + 2], tuple(output_shape)[first : first + 2], steps, kernel.shape[:2], rates))
        if all(isinstance(n, int) and isinstance(m, int) for n, m, *_ in sizes):
            extra = tuple(_left_over(*size, padding) for size in sizes)
    return ops.conv_transpose(x, kernel, steps, padding, extra, data_format, dilation_rate)


def _left_over(before: int, after: int, stride: int, window: int, rate: int, padding: str) -> int:
    """How much longer the requested result is than the shortest possible one."""
    reach = (window - 1) * rate + 1
    return after - ((before - 1) * stride + reach - 2 * (reach // 2 if padding == "same" else 0))


def depthwise_conv2d(
    x: Tensor,
    depthwise_kernel: Tensor,
    strides: Shape = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Shape = (1, 1),
) -> Tensor:
    """Slide a kernel `(height, width, channels, multiplier)` over images, each channel separately."""
    return ops.depthwise_conv(x, depthwise_kernel, strides, padding, data_format, dilation_rate)


def separable_conv2d(
    x: Tensor,
    depthwise_kernel: Tensor,
    pointwise_kernel: Tensor,
    strides: Shape = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Shape = (1, 1),
) -> Tensor:
    """A `depthwise_conv2d`, then a `conv2d` with windows of size 1 that mixes the channels."""
    return ops.separable_conv(x, depthwise_kernel, pointwise_kernel, strides, padding, data_format, dilation_rate)


def pool2d(
    x: Tensor,
    pool_size: Shape,
    strides: Shape = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    pool_mode: str = "max",
) -> Tensor:
    """The largest (`"max"`) or the mean (`"avg"`) entry of each window of images; note the default strides of 1.

    Raises:
        ValueError: another `pool_mode`.
    """
    kinds = {"max": ops.max_pool, "avg": ops.average_pool}
    if pool_mode not in kinds:
        raise unknown_name("pool_mode", pool_mode, kinds)
    return kinds[pool_mode](x, pool_size, strides, padding, data_format)


def pool3d(
    x: Tensor,
    pool_size: Shape,
    strides: Shape = (1, 1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    pool_mode: str = "max",
) -> Tensor:
    """As `pool2d`, for volumes."""
    return pool2d(x, pool_size, strides, padding, data_format, pool_mode)
