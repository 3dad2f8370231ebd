"""Convolution over one, two or three spatial axes.

What neural networks call convolution is a cross-correlation: the kernel is not reversed. For one spatial axis

    y[n, i, f] = sum_{k, c} x[n, i * stride + k * dilation - left, c] kernel[k, c, f] + bias[f]

and alike for more. Kernels are always `(*window, channels_in / groups, filters)`, whichever layout the images have.
`"valid"` pads nothing, `"same"` pads so that the output has ceil(size / stride) positions (the extra zero of an odd total goes
to the end), `"causal"` pads on the left only, so that output i sees no input after i.
"""

from __future__ import annotations

import jax.numpy as jnp

from jkeras._base.errors import describe
from jkeras._base.types import Array, Float, Ints
from jkeras.nn.conv_geometry import Geometry, margins
from jkeras.nn.conv_geometry import spatial as spatial
from jkeras.nn.conv_primitive import convolve


def conv(
    x: Float[Array, " batch *space channels"],
    kernel: Float[Array, " *window channels_per_group filters"],
    bias: Float[Array, " filters"] | None = None,
    *,
    strides: Ints = 1,
    padding: str = "valid",
    dilation_rate: Ints = 1,
    groups: int = 1,
    data_format: str = "channels_last",
) -> Float[Array, " batch *out_space filters"]:
    """Cross-correlate images with a kernel and add a bias per filter.

    Args:
        x: `(batch, *space, channels)`, or `(batch, channels, *space)` for `channels_first`; one to three spatial axes.
        kernel: `(*window, channels / groups, filters)`.
        bias: `(filters,)`, or None for none.
        strides: steps between windows, an int or one per spatial axis.
        padding: `"valid"`, `"same"` or, for one spatial axis, `"causal"`.
        dilation_rate: distance between the inputs that neighbouring kernel entries meet.
        groups: number of blocks that channels and filters are cut into; each block of filters sees its block of channels.
        data_format: `"channels_last"` or `"channels_first"`.

    Returns:
        `(batch, *out_space, filters)`, or `(batch, filters, *out_space)`, in the common dtype of `x` and `kernel`.

    Raises:
        ValueError: shapes, strides, padding or groups do not fit each other, or no window fits into the image.

    Example:
        >>> import jax.numpy as jnp
        >>> x = jnp.arange(5.0).reshape(1, 5, 1)
        >>> conv(x, jnp.ones((2, 1, 1)), padding="causal").ravel().tolist()
        [0.0, 1.0, 3.0, 5.0, 7.0]
    """
    rank = x.ndim - 2
    _check(x, kernel, groups, data_format)
    strides, dilation = spatial(strides, rank, "strides"), spatial(dilation_rate, rank, "dilation_rate")
    last = data_format == "channels_last"
    size, window = (x.shape[1:-1] if last else x.shape[2:]), kernel.shape[:rank]
    geometry = Geometry(size, window, strides, dilation, margins(padding, size, window, strides, dilation), groups, last)
    if 0 in geometry.out and 0 not in size:
        raise ValueError(f"a kernel window of {window} (dilation {dilation}) does not fit into {describe(x)}.")
    dtype = jnp.promote_types(x.dtype, kernel.dtype)
    y = convolve(x.astype(dtype), kernel.astype(dtype), geometry)
    return y if bias is None else add_bias(y, bias, data_format)


def depthwise_conv(
    x: Float[Array, " batch *space channels"],
    kernel: Float[Array, " *window channels multiplier"],
    bias: Float[Array, " filters"] | None = None,
    *,
    strides: Ints = 1,
    padding: str = "valid",
    dilation_rate: Ints = 1,
    data_format: str = "channels_last",
) -> Float[Array, " batch *out_space filters"]:
    """Cross-correlate each channel with kernels of its own.

    Args:
        x: as for `conv`.
        kernel: `(*window, channels, multiplier)`.
        bias: `(channels * multiplier,)`, or None for none.
        strides, padding, dilation_rate, data_format: as for `conv`.

    Returns:
        As `conv`, with `channels * multiplier` filters; those of a channel lie side by side.

    Raises:
        ValueError: the kernel has another number of channels than `x`, or as for `conv`.

    Example:
        >>> import jax.numpy as jnp
        >>> depthwise_conv(jnp.ones((1, 3, 2)), jnp.array([[[1.0], [2.0]]])).tolist()
        [[[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]]]
    """
    channels = x.shape[-1 if data_format == "channels_last" else 1]
    if kernel.ndim != x.ndim or kernel.shape[-2] != channels:
        raise ValueError(
            f"A depthwise kernel is (*window, channels, multiplier) with {channels} channels for {describe(x)} ({data_format}), "
            f"received {describe(kernel)}."
        )
    return conv(
        x,
        kernel.reshape(*kernel.shape[:-2], 1, -1),
        bias,
        strides=strides,
        padding=padding,
        dilation_rate=dilation_rate,
        groups=channels,
        data_format=data_format,
    )


def add_bias(y: Array, bias: Float[Array, " filters"], data_format: str = "channels_last") -> Array:
    """Add a bias per channel to images of either layout."""
    return y + (bias if data_format == "channels_last" else bias.reshape(-1, *(1,) * (y.ndim - 2)))


def _check(x: Array, kernel: Array, groups: int, data_format: str) -> None:
    if x.ndim not in (3, 4, 5) or kernel.ndim != x.ndim:
        raise ValueError(
            f"conv takes x of rank 3, 4 or 5 and a kernel of the same rank, received {describe(x)} and {describe(kernel)}."
        )
    channels = x.shape[-1 if data_format == "channels_last" else 1]
    if channels != kernel.shape[-2] * groups or kernel.shape[-1] % groups:
        raise ValueError(
            f"kernel {describe(kernel)} in {groups} groups takes {kernel.shape[-2] * groups} channels and a number of filters "
            f"divisible by {groups}, but x is {describe(x)} with {channels} channels ({data_format})."
        )
