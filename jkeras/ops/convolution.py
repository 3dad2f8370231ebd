"""Convolutions as operations; their maths is `jkeras.nn.conv`."""

from __future__ import annotations

import jax
from jax import lax

from jkeras._base.config import standardize_data_format
from jkeras._base.errors import describe, unknown_name
from jkeras.nn import conv as maths
from jkeras.ops.families import Shape
from jkeras.ops.wrapper import Tensor, as_array, operation


def _channels(x: jax.Array, data_format: str) -> int:
    return x.shape[-1 if data_format == "channels_last" else 1]


@operation("nn")
def conv(
    inputs: Tensor,
    kernel: Tensor,
    strides: Shape = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Shape = 1,
) -> Tensor:
    """Cross-correlate images with a kernel; channels form groups if the kernel takes fewer of them.

    Args:
        inputs: `(batch, *space, channels)`, or `(batch, channels, *space)` for `channels_first`.
        kernel: `(*window, channels / groups, filters)`.
        strides: steps between windows, an int or one per spatial axis.
        padding: `"valid"` or `"same"`.
        data_format: `"channels_last"`, `"channels_first"`, or None for `config.image_data_format()`.
        dilation_rate: distance between the inputs that neighbouring kernel entries meet.

    Returns:
        `(batch, *out_space, filters)`, or `(batch, filters, *out_space)`.

    Example:
        >>> import jax.numpy as jnp
        >>> conv(jnp.arange(4.0).reshape(1, 4, 1), jnp.ones((2, 1, 1))).ravel().tolist()
        [1.0, 3.0, 5.0]
    """
    data_format = standardize_data_format(data_format)
    x, kernel = as_array(inputs), as_array(kernel)
    groups = _channels(x, data_format) // kernel.shape[-2]
    return maths.conv(
        x, kernel, strides=strides, padding=padding.lower(), dilation_rate=dilation_rate, groups=groups, data_format=data_format
    )


def _depthwise(
    x: jax.Array, kernel: jax.Array, strides: Shape, padding: str, data_format: str, dilation_rate: Shape
) -> jax.Array:
    channels = _channels(x, data_format)
    if kernel.ndim != x.ndim or kernel.shape[-2] != channels:
        raise ValueError(
            f"A depthwise kernel is (*window, channels, multiplier) with {channels} channels for {describe(x)} ({data_format}), "
            f"received {describe(kernel)}."
        )
    kernel = kernel.reshape(*kernel.shape[:-2], 1, -1)
    return maths.conv(
        x, kernel, strides=strides, padding=padding.lower(), dilation_rate=dilation_rate, groups=channels, data_format=data_format
    )


@operation("nn")
def depthwise_conv(
    inputs: Tensor,
    kernel: Tensor,
    strides: Shape = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Shape = 1,
) -> Tensor:
    """Cross-correlate each channel with kernels of its own.

    Args:
        inputs: as for `conv`.
        kernel: `(*window, channels, multiplier)`.
        strides, padding, data_format, dilation_rate: as for `conv`.

    Returns:
        As `conv`, with `channels * multiplier` filters.
    """
    return _depthwise(as_array(inputs), as_array(kernel), strides, padding, standardize_data_format(data_format), dilation_rate)


@operation("nn")
def separable_conv(
    inputs: Tensor,
    depthwise_kernel: Tensor,
    pointwise_kernel: Tensor,
    strides: Shape = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Shape = 1,
) -> Tensor:
    """A `depthwise_conv`, then a `conv` with windows of size 1 that mixes the channels.

    Args:
        inputs: as for `conv`.
        depthwise_kernel: `(*window, channels, multiplier)`.
        pointwise_kernel: `(*ones, channels * multiplier, filters)`.
        strides, padding, data_format, dilation_rate: of the depthwise part, as for `conv`.
    """
    data_format = standardize_data_format(data_format)
    x = _depthwise(as_array(inputs), as_array(depthwise_kernel), strides, padding, data_format, dilation_rate)
    return maths.conv(x, as_array(pointwise_kernel), data_format=data_format)


@operation("nn")
def conv_transpose(
    inputs: Tensor,
    kernel: Tensor,
    strides: Shape = 1,
    padding: str = "valid",
    output_padding: Shape | None = None,
    data_format: str | None = None,
    dilation_rate: Shape = 1,
) -> Tensor:
    """The transpose of `conv`, which spreads every input over a window: it makes images larger by the strides.

    Args:
        inputs: as for `conv`.
        kernel: `(*window, filters, channels)`.
        strides: how far apart neighbouring inputs are spread.
        padding: `"valid"` or `"same"`.
        output_padding: what the output is longer than it must be, per axis; None (default) gives `size * stride` for `"same"` and
            `(size - 1) * stride + max(window, stride)` for `"valid"`.
        data_format, dilation_rate: as for `conv`.

    Returns:
        `(batch, *out_space, filters)`, or `(batch, filters, *out_space)`.

    Example:
        >>> import jax.numpy as jnp
        >>> conv_transpose(jnp.array([1.0, 2.0]).reshape(1, 2, 1), jnp.ones((2, 1, 1)), strides=2).ravel().tolist()
        [1.0, 1.0, 2.0, 2.0]
    """
    data_format = standardize_data_format(data_format)
    x, kernel = as_array(inputs), as_array(kernel)
    rank = x.ndim - 2
    if kernel.ndim != x.ndim or kernel.shape[-1] != _channels(x, data_format):
        raise ValueError(
            f"conv_transpose takes a kernel (*window, filters, channels) that fits {describe(x)} ({data_format}), "
            f"received {describe(kernel)}."
        )
    steps, dilation = maths.spatial(strides, rank, "strides"), maths.spatial(dilation_rate, rank, "dilation_rate")
    extra = (output_padding,) * rank if output_padding is None or isinstance(output_padding, int) else tuple(output_padding)
    windows = [(k - 1) * d + 1 for k, d in zip(kernel.shape[:rank], dilation)]
    space = "DHW"[-rank:]
    images = f"N{space}C" if data_format == "channels_last" else f"NC{space}"
    return lax.conv_transpose(
        x,
        kernel.astype(x.dtype),
        steps,
        [_margins(window, step, padding.lower(), more) for window, step, more in zip(windows, steps, extra)],
        rhs_dilation=dilation,
        dimension_numbers=(images, f"{space}IO", images),
        transpose_kernel=True,
    )


def _margins(window: int, stride: int, padding: str, extra: int | None) -> tuple[int, int]:
    """Zeros before and after the spread inputs, for a window of this extent."""
    if padding == "valid":
        return window - 1, window - 1 + (max(stride - window, 0) if extra is None else extra)
    if padding != "same":
        raise unknown_name("padding", padding, ("valid", "same"))
    total = window + stride - 2 if extra is None else window + window % 2 - 2 + extra
    before = min(-(-total // 2), window - 1)
    return before, total - before
