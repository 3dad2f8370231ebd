"""Convolutions as operations; their maths is `jkeras.nn.conv`."""

from __future__ import annotations

from typing import Any

from jkeras._base.config import standardize_data_format
from jkeras.nn import conv as maths
from jkeras.nn import conv_transpose as transposed
from jkeras.ops.families import Shape
from jkeras.ops.wrapper import Tensor, as_array, operation


def _geometry(strides: Shape, padding: str, data_format: str | None, dilation_rate: Shape) -> dict[str, Any]:
    """The arguments that all convolutions share, as `jkeras.nn` takes them."""
    layout = standardize_data_format(data_format)
    return {"strides": strides, "padding": padding.lower(), "dilation_rate": dilation_rate, "data_format": layout}


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
    x, kernel = as_array(inputs), as_array(kernel)
    geometry = _geometry(strides, padding, data_format, dilation_rate)
    channels = x.shape[-1 if geometry["data_format"] == "channels_last" else 1]
    return maths.conv(x, kernel, groups=channels // kernel.shape[-2], **geometry)


@operation("nn")
def depthwise_conv(
    inputs: Tensor,
    kernel: Tensor,
    strides: Shape = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Shape = 1,
) -> Tensor:
    """Cross-correlate each channel with its own kernels.

    Args:
        inputs: as for `conv`.
        kernel: `(*window, channels, multiplier)`.
        strides, padding, data_format, dilation_rate: as for `conv`.

    Returns:
        As `conv`, with `channels * multiplier` filters.
    """
    geometry = _geometry(strides, padding, data_format, dilation_rate)
    return maths.depthwise_conv(as_array(inputs), as_array(kernel), **geometry)


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
    geometry = _geometry(strides, padding, data_format, dilation_rate)
    x = maths.depthwise_conv(as_array(inputs), as_array(depthwise_kernel), **geometry)
    return maths.conv(x, as_array(pointwise_kernel), data_format=geometry["data_format"])


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
        output_padding: what the output has beyond the least size, per axis; None (default) gives `size * stride` for `"same"` and
            `(size - 1) * stride + max(window, stride)` for `"valid"`.
        data_format, dilation_rate: as for `conv`.

    Returns:
        `(batch, *out_space, filters)`, or `(batch, filters, *out_space)`.

    Example:
        >>> import jax.numpy as jnp
        >>> conv_transpose(jnp.array([1.0, 2.0]).reshape(1, 2, 1), jnp.ones((2, 1, 1)), strides=2).ravel().tolist()
        [1.0, 1.0, 2.0, 2.0]
    """
    x, kernel = as_array(inputs), as_array(kernel)
    geometry = _geometry(strides, padding, data_format, dilation_rate)
    return transposed.conv_transpose(x, kernel.astype(x.dtype), output_padding=output_padding, **geometry)
