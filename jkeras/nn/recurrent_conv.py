"""Convolutions over sequences of images, as the products of a recurrent network whose states are images.

A convolution is linear in the images and in the kernel, as a product of matrices is, so `jkeras.nn.recurrent` unfolds both alike:
one convolution over the images of all steps makes the input's part, and the kernel's gradient is one convolution over all steps
after the loop. Channels are last.
"""

from __future__ import annotations

from jkeras._base.types import Array, Float, Ints
from jkeras.nn.conv import conv


def same_size_conv(
    x: Float[Array, " *leading_and_space channels"], kernel: Float[Array, " *window channels filters"]
) -> Float[Array, " *leading_and_space filters"]:
    """`conv_each` with stride 1 and `"same"` padding, so that images keep their size."""
    return conv_each(x, kernel)


def conv_each(
    x: Float[Array, " *leading_and_space channels"],
    kernel: Float[Array, " *window channels filters"],
    strides: Ints = 1,
    padding: str = "same",
    dilation_rate: Ints = 1,
) -> Float[Array, " *leading_and_space filters"]:
    """The convolution of each image, for any number of leading axes.

    Args:
        x: `(..., *space, channels)`, such as `(time, batch, height, width, channels)`.
        kernel: `(*window, channels, filters)`, with an axis for each spatial one.
        strides, padding, dilation_rate: as for `jkeras.nn.conv.conv`; by default images keep their size.

    Returns:
        `(..., *out_space, filters)`.

    Example:
        >>> import jax.numpy as jnp
        >>> conv_each(jnp.ones((2, 3, 5, 4)), jnp.ones((3, 4, 7))).shape
        (2, 3, 5, 7)
    """
    first = x.ndim - kernel.ndim + 1  # the first spatial axis
    y = conv(x.reshape(-1, *x.shape[first:]), kernel, strides=strides, padding=padding, dilation_rate=dilation_rate)
    return y.reshape(*x.shape[:first], *y.shape[1:])
