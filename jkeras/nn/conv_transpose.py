"""The transpose of convolution, which spreads every input over a window and so makes images larger.

For one spatial axis

    y[i] = sum_j x[j] kernel[i + before' - j * stride]

with as many zeros cut off or added at the ends as `padding` and `output_padding` ask for. It is the gradient of a convolution for
its images, and is computed as that (`conv_primitive.spread`).
"""

from __future__ import annotations

import jax.numpy as jnp

from jkeras._base.errors import describe, unknown_name
from jkeras._base.plain_numbers import INTEGERS
from jkeras._base.types import Array, Float, Ints
from jkeras.nn.conv import add_bias
from jkeras.nn.conv_geometry import Geometry, spatial
from jkeras.nn.conv_primitive import spread


def conv_transpose(
    x: Float[Array, " batch *space channels"],
    kernel: Float[Array, " *window filters channels"],
    bias: Float[Array, " filters"] | None = None,
    *,
    strides: Ints = 1,
    padding: str = "valid",
    output_padding: Ints | None = None,
    dilation_rate: Ints = 1,
    data_format: str = "channels_last",
) -> Float[Array, " batch *out_space filters"]:
    """Spread images over windows and add a bias per filter.

    Args:
        x: `(batch, *space, channels)`, or `(batch, channels, *space)` for `channels_first`; one to three spatial axes.
        kernel: `(*window, filters, channels)`.
        bias: `(filters,)`, or None for none.
        strides: how far apart neighbouring inputs are spread.
        padding: `"valid"` or `"same"`.
        output_padding: what the output is longer than it must be, per axis; None (default) gives `size * stride` for `"same"` and
            `(size - 1) * stride + max(window, stride)` for `"valid"`.
        dilation_rate: distance between the outputs that neighbouring kernel entries meet.
        data_format: `"channels_last"` or `"channels_first"`.

    Returns:
        `(batch, *out_space, filters)`, or `(batch, filters, *out_space)`.

    Raises:
        ValueError: shapes or options do not fit each other.

    Example:
        >>> import jax.numpy as jnp
        >>> conv_transpose(jnp.array([1.0, 2.0]).reshape(1, 2, 1), jnp.ones((2, 1, 1)), strides=2).ravel().tolist()
        [1.0, 1.0, 2.0, 2.0]
    """
    rank, last = x.ndim - 2, data_format == "channels_last"
    if x.ndim not in (3, 4, 5) or kernel.ndim != x.ndim or kernel.shape[-1] != x.shape[-1 if last else 1]:
        raise ValueError(
            f"conv_transpose takes a kernel (*window, filters, channels) that fits {describe(x)} ({data_format}), "
            f"received {describe(kernel)}."
        )
    steps, dilation = spatial(strides, rank, "strides"), spatial(dilation_rate, rank, "dilation_rate")
    more = (output_padding,) * rank if output_padding is None or isinstance(output_padding, INTEGERS) else tuple(output_padding)
    size, window = (x.shape[1:-1] if last else x.shape[2:]), kernel.shape[:rank]
    extents = tuple((k - 1) * d + 1 for k, d in zip(window, dilation))
    ends = [_margins(e, s, padding, m) for e, s, m in zip(extents, steps, more)]
    out = tuple((n - 1) * s + low + high - e + 2 for n, s, (low, high), e in zip(size, steps, ends, extents))
    geometry = Geometry(out, window, steps, dilation, tuple((e - 1 - a, e - 1 - b) for e, (a, b) in zip(extents, ends)), 1, last)
    dtype = jnp.promote_types(x.dtype, kernel.dtype)
    y = spread(x.astype(dtype), kernel.astype(dtype), geometry)
    return y if bias is None else add_bias(y, bias, data_format)


def _margins(window: int, stride: int, padding: str, extra: int | None) -> tuple[int, int]:
    """Zeros before and after the spread inputs, for a window of this extent."""
    if padding == "valid":
        return window - 1, window - 1 + (max(stride - window, 0) if extra is None else extra)
    if padding != "same":
        raise unknown_name("padding", padding, ("valid", "same"))
    total = window + stride - 2 if extra is None else window + window % 2 - 2 + extra
    before = min(-(-total // 2), window - 1)
    return before, total - before
