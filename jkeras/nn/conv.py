"""Convolution over one, two or three spatial axes.

What neural networks call convolution is a cross-correlation: the kernel is not reversed. For one spatial axis

    y[n, i, f] = sum_{k, c} x[n, i * stride + k * dilation - left, c] kernel[k, c, f] + bias[f]

and alike for more. Kernels are always `(*window, channels_in / groups, filters)`, whichever layout the images have.
`"valid"` pads nothing, `"same"` pads so that the output has ceil(size / stride) positions (the extra zero of an odd total goes
to the end), `"causal"` pads on the left only, so that output i sees no input after i.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import jax.numpy as jnp
from jax import lax

from jkeras._base.errors import describe, unknown_name

if TYPE_CHECKING:
    from jaxtyping import Array, Float

_SPATIAL = {1: "W", 2: "HW", 3: "DHW"}
_PADDINGS = ("valid", "same", "causal")


def spatial(value: int | Sequence[int], rank: int, name: str) -> tuple[int, ...]:
    """One int per spatial axis, from an int (the same for all) or a sequence of that length."""
    values = (value,) * rank if isinstance(value, int) else tuple(int(v) for v in value)
    if len(values) != rank or min(values) < 1:
        raise ValueError(f"{name}={value!r} does not fit {rank} spatial axes: give a positive int or a tuple of {rank} of them.")
    return values


def conv(
    x: Float[Array, " batch *space channels"],
    kernel: Float[Array, " *window channels_per_group filters"],
    bias: Float[Array, " filters"] | None = None,
    *,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    dilation_rate: int | Sequence[int] = 1,
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
    if max(strides) > 1 and max(dilation) > 1:
        raise ValueError(f"strides={strides} together with dilation_rate={dilation} is not supported: set one of them to 1.")
    images = f"N{_SPATIAL[rank]}C" if data_format == "channels_last" else f"NC{_SPATIAL[rank]}"
    dtype = jnp.promote_types(x.dtype, kernel.dtype)
    y = lax.conv_general_dilated(
        x.astype(dtype),
        kernel.astype(dtype),
        window_strides=strides,
        padding=_padding(padding, kernel.shape[:rank], dilation),
        rhs_dilation=dilation,
        dimension_numbers=(images, f"{_SPATIAL[rank]}IO", images),
        feature_group_count=groups,
    )
    if y.size == 0 and x.size > 0:
        raise ValueError(f"a kernel window of {kernel.shape[:rank]} (dilation {dilation}) does not fit into {describe(x)}.")
    return y if bias is None else add_bias(y, bias, data_format)


def add_bias(y: Array, bias: Float[Array, " filters"], data_format: str = "channels_last") -> Array:
    """Add a bias per channel to images of either layout."""
    return y + (bias if data_format == "channels_last" else bias.reshape(-1, *(1,) * (y.ndim - 2)))


def _padding(padding: str, window: tuple[int, ...], dilation: tuple[int, ...]) -> str | list[tuple[int, int]]:
    if padding not in _PADDINGS:
        raise unknown_name("padding", padding, _PADDINGS)
    if padding != "causal":
        return padding.upper()
    if len(window) != 1:
        raise ValueError(f'padding="causal" is for one spatial axis, received {len(window)}: use "same" or "valid".')
    return [(dilation[0] * (window[0] - 1), 0)]


def _check(x: Array, kernel: Array, groups: int, data_format: str) -> None:
    if x.ndim - 2 not in _SPATIAL or kernel.ndim != x.ndim:
        raise ValueError(
            f"conv takes x of rank 3, 4 or 5 and a kernel of the same rank, received {describe(x)} and {describe(kernel)}."
        )
    channels = x.shape[-1 if data_format == "channels_last" else 1]
    if channels != kernel.shape[-2] * groups or kernel.shape[-1] % groups:
        raise ValueError(
            f"kernel {describe(kernel)} in {groups} groups takes {kernel.shape[-2] * groups} channels and a number of filters "
            f"divisible by {groups}, but x is {describe(x)} with {channels} channels ({data_format})."
        )
