"""Convolution layers for one, two and three spatial axes: one class, and three lines for each number of axes."""

from __future__ import annotations

from typing import Unpack

from jkeras._base.registry import export
from jkeras._base.shared_arguments import expand_kwargs
from jkeras._base.types import Array, FunctionLike, Ints, Weights
from jkeras.graph import Spec
from jkeras.layer.declaration import Declaration
from jkeras.layers.convolving import Convolving
from jkeras.layers.low_rank import LowRankLayer
from jkeras.layers.weight_arguments import KernelAndBias, weight_for
from jkeras.nn.conv import conv


class BaseConv(Convolving, LowRankLayer):
    """`activation(conv(x, kernel) + bias)`; subclasses say how many spatial axes there are.

    Args:
        filters: number of output channels.
        kernel_size: window size, an int or one per spatial axis.
        strides: steps between windows.
        padding: `"valid"` (none), `"same"` (as many positions out as in, divided by the stride), or `"causal"` (Conv1D only).
        data_format: `"channels_last"` or `"channels_first"`; default the configured one.
        dilation_rate: distance between the inputs that neighbouring kernel entries meet; not together with strides.
        groups: number of blocks that channels and filters are cut into.
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
        data_format: str | None = None,
        dilation_rate: Ints = 1,
        groups: int = 1,
        activation: FunctionLike = None,
        use_bias: bool = True,
        **kwargs: Unpack[KernelAndBias],
    ):
        super().__init__(**kwargs)
        self.filters, self.groups = filters, groups
        self._set_windows(kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias)
        if filters <= 0 or groups <= 0 or filters % groups:
            raise ValueError(
                f"{type(self).__name__} takes a positive number of filters that its groups divide. "
                f"Received: filters={filters}, groups={groups}."
            )

    def declare(self, x: Spec) -> Declaration:
        """A kernel `(*kernel_size, channels / groups, filters)` and a bias `(filters,)`."""
        channels: int | None = x.shape[self._channel_axis]
        if channels is not None and channels % self.groups:
            raise ValueError(
                f"{self.name}: the {channels} channels of the input {tuple(x.shape)} ({self.data_format}) cannot be cut into "
                f"groups={self.groups} equal parts."
            )
        self._channels(x)
        shape = (*self.kernel_size, None if channels is None else channels // self.groups, self.filters)
        yield weight_for(self, "kernel", shape)
        yield weight_for(self, "bias", (self.filters,), present=self.use_bias)

    def forward(self, w: Weights, x: Array) -> Array:
        """`activation(conv(x, kernel) + bias)`."""
        bias = w.bias if self.use_bias else None
        if type(self).convolution_op is BaseConv.convolution_op:
            return self._activated(conv(x, w.kernel, bias, groups=self.groups, **self._windows))
        y = self.convolution_op(x, w.kernel)  # a subclass' own
        return self._activated(y if bias is None else y + bias.reshape(-1, *(1,) * (y.ndim - 1 - self._channel_axis % y.ndim)))

    def convolution_op(self, inputs: Array, kernel: Array) -> Array:
        """The convolution of inputs with a kernel, without bias and activation; a subclass may override or call it.

        Example:
            >>> import numpy as np
            >>> class Standardized(Conv2D):
            ...     def convolution_op(self, inputs, kernel):
            ...         return super().convolution_op(inputs, kernel - kernel.mean())
            >>> layer = Standardized(1, 3, kernel_initializer="ones")
            >>> float(layer(np.ones((1, 3, 3, 1), np.float32)).sum())
            0.0
        """
        return conv(inputs, kernel, None, groups=self.groups, **self._windows)


@export("keras.layers.Conv1D", "keras.layers.Convolution1D")
class Conv1D(BaseConv):
    """Convolution over sequences `(batch, steps, channels)`; arguments as `BaseConv`.

    Example:
        >>> import numpy as np
        >>> Conv1D(4, 3, padding="causal")(np.zeros((2, 10, 3), np.float32)).shape
        (2, 10, 4)
    """

    rank = 1
    _paddings = ("valid", "same", "causal")


@export("keras.layers.Conv2D", "keras.layers.Convolution2D")
class Conv2D(BaseConv):
    """Convolution over images `(batch, height, width, channels)`; arguments as `BaseConv`.

    Example:
        >>> import numpy as np
        >>> Conv2D(8, (3, 3), strides=2, padding="same")(np.zeros((2, 28, 28, 1), np.float32)).shape
        (2, 14, 14, 8)
    """

    rank = 2


@export("keras.layers.Conv3D", "keras.layers.Convolution3D")
class Conv3D(BaseConv):
    """Convolution over volumes `(batch, depth, height, width, channels)`; arguments as `BaseConv`.

    Example:
        >>> import numpy as np
        >>> Conv3D(2, 3)(np.zeros((1, 5, 6, 7, 1), np.float32)).shape
        (1, 3, 4, 5, 2)
    """

    rank = 3


Convolution1D, Convolution2D, Convolution3D = Conv1D, Conv2D, Conv3D
