"""Transposed convolution layers: images made larger by spreading every input over a window."""

from __future__ import annotations

from typing import Unpack

from jkeras._base.registry import export
from jkeras._base.shared_arguments import expand_kwargs
from jkeras._base.types import Array, FunctionLike, Ints, Weights
from jkeras.graph import Spec
from jkeras.layer.declaration import Declaration
from jkeras.layers.convolving import Convolving
from jkeras.layers.weight_arguments import KernelAndBias, weight_for
from jkeras.nn.conv_transpose import conv_transpose


def _per_axis(value: Ints | None, rank: int) -> tuple[int, ...] | None:
    values = (value,) * rank if isinstance(value, int) else None if value is None else tuple(value)
    if values is not None and (len(values) != rank or min(values) < 0):
        raise ValueError(
            f"output_padding={value!r} does not fit {rank} spatial axes: give an int of 0 or more, or a tuple of {rank}."
        )
    return values


class BaseConvTranspose(Convolving):
    """`activation(conv_transpose(x, kernel) + bias)`; subclasses say how many spatial axes there are.

    Args:
        filters: number of output channels.
        kernel_size: window size, an int or one per spatial axis.
        strides: how far apart neighbouring inputs are spread: the output is larger by this factor.
        padding: `"valid"` or `"same"`.
        output_padding: how much longer the output is than it must be; None (default) gives `size * stride` for `"same"`.
        data_format: `"channels_last"` or `"channels_first"`; default the configured one.
        dilation_rate: distance between the outputs that neighbouring kernel entries meet; not together with strides.
        activation: name or function, default linear.
        use_bias: whether to add a bias per filter.
        kernel_initializer, bias_initializer: names or objects.
        kernel_regularizer, bias_regularizer, activity_regularizer: names or objects.
        kernel_constraint, bias_constraint: names or objects.
        kwargs: as every layer.

    Call:
        x: `(batch, *space, channels)`, or `(batch, channels, *space)`. Returns images with `filters` channels, same layout.
    """

    @expand_kwargs()
    def __init__(
        self,
        filters: int,
        kernel_size: Ints,
        strides: Ints = 1,
        padding: str = "valid",
        output_padding: Ints | None = None,
        data_format: str | None = None,
        dilation_rate: Ints = 1,
        activation: FunctionLike = None,
        use_bias: bool = True,
        **kwargs: Unpack[KernelAndBias],
    ):
        super().__init__(**kwargs)
        self.filters = filters
        self.output_padding = _per_axis(output_padding, self.rank)
        self._set_windows(kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias)
        if filters <= 0:
            raise ValueError(f"{type(self).__name__} takes a positive number of filters. Received: filters={filters}.")

    def declare(self, x: Spec) -> Declaration:
        """A kernel `(*kernel_size, filters, channels)` and a bias `(filters,)`."""
        yield weight_for(self, "kernel", (*self.kernel_size, self.filters, self._channels(x)))
        yield weight_for(self, "bias", (self.filters,), present=self.use_bias)

    def forward(self, w: Weights, x: Array) -> Array:
        """`activation(conv_transpose(x, kernel) + bias)`."""
        bias = w.bias if self.use_bias else None
        return self._activated(conv_transpose(x, w.kernel, bias, output_padding=self.output_padding, **self._windows))


@export("keras.layers.Conv1DTranspose", "keras.layers.Convolution1DTranspose")
class Conv1DTranspose(BaseConvTranspose):
    """Transposed convolution over sequences `(batch, steps, channels)`; arguments as `BaseConvTranspose`.

    Example:
        >>> import numpy as np
        >>> Conv1DTranspose(4, 3, strides=2)(np.zeros((2, 5, 3), np.float32)).shape
        (2, 11, 4)
    """

    rank = 1


@export("keras.layers.Conv2DTranspose", "keras.layers.Convolution2DTranspose")
class Conv2DTranspose(BaseConvTranspose):
    """Transposed convolution over images `(batch, height, width, channels)`; arguments as `BaseConvTranspose`.

    Example:
        >>> import numpy as np
        >>> Conv2DTranspose(8, 3, strides=2, padding="same")(np.zeros((2, 7, 7, 4), np.float32)).shape
        (2, 14, 14, 8)
    """

    rank = 2


@export("keras.layers.Conv3DTranspose", "keras.layers.Convolution3DTranspose")
class Conv3DTranspose(BaseConvTranspose):
    """Transposed convolution over volumes `(batch, depth, height, width, channels)`; arguments as `BaseConvTranspose`.

    As in Keras, and unlike its siblings, `data_format` comes before `output_padding`.

    Example:
        >>> import numpy as np
        >>> Conv3DTranspose(2, 2)(np.zeros((1, 3, 4, 5, 1), np.float32)).shape
        (1, 4, 5, 6, 2)
    """

    rank = 3

    @expand_kwargs()
    def __init__(
        self,
        filters: int,
        kernel_size: Ints,
        strides: Ints = 1,
        padding: str = "valid",
        data_format: str | None = None,
        output_padding: Ints | None = None,
        dilation_rate: Ints = 1,
        activation: FunctionLike = None,
        use_bias: bool = True,
        **kwargs: Unpack[KernelAndBias],
    ):
        windows = (kernel_size, strides, padding, output_padding, data_format, dilation_rate)
        super().__init__(filters, *windows, activation, use_bias, **kwargs)


Convolution1DTranspose, Convolution2DTranspose, Convolution3DTranspose = Conv1DTranspose, Conv2DTranspose, Conv3DTranspose
