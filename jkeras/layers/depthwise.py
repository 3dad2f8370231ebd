"""Convolution layers that treat each channel alone: depthwise, and separable (depthwise, then a mix of the channels)."""

from __future__ import annotations

from typing import Annotated, Unpack

from jkeras._base.registry import export
from jkeras._base.shared_arguments import expand_kwargs
from jkeras._base.types import Array, FunctionLike, Ints, Weights
from jkeras.graph import Spec
from jkeras.layer.base import LayerArguments
from jkeras.layer.declaration import Declaration
from jkeras.layers.convolving import Convolving
from jkeras.layers.weight_arguments import weight_for
from jkeras.nn.conv import conv, depthwise_conv


class DepthwiseAndBias(LayerArguments, total=False):
    """Arguments for the weights of a depthwise convolution."""

    depthwise_initializer: Annotated[FunctionLike, "glorot_uniform"]
    bias_initializer: Annotated[FunctionLike, "zeros"]
    depthwise_regularizer: Annotated[FunctionLike, None]
    bias_regularizer: Annotated[FunctionLike, None]
    activity_regularizer: Annotated[FunctionLike, None]
    depthwise_constraint: Annotated[FunctionLike, None]
    bias_constraint: Annotated[FunctionLike, None]


class SeparableWeights(DepthwiseAndBias, total=False):
    """Arguments for the weights of a separable convolution."""

    pointwise_initializer: Annotated[FunctionLike, "glorot_uniform"]
    pointwise_regularizer: Annotated[FunctionLike, None]
    pointwise_constraint: Annotated[FunctionLike, None]


class _Depthwise(Convolving):
    """What both kinds share: the first of the products."""

    def _set_multiplier(self, depth_multiplier: int) -> None:
        self.depth_multiplier = depth_multiplier
        if depth_multiplier <= 0:
            raise ValueError(
                f"{type(self).__name__} takes a positive number of filters per channel. Received: {depth_multiplier=}."
            )

    def _products(self, channels: int | None) -> int | None:
        return None if channels is None else channels * self.depth_multiplier


class BaseDepthwiseConv(_Depthwise):
    """`activation(depthwise_conv(x, kernel) + bias)`; subclasses say how many spatial axes there are.

    Args:
        kernel_size: window size, an int or one per spatial axis.
        strides: steps between windows.
        padding: `"valid"` or `"same"`.
        depth_multiplier: number of filters per channel.
        data_format: `"channels_last"` or `"channels_first"`; default the configured one.
        dilation_rate: distance between the inputs that neighbouring kernel entries meet; not together with strides.
        activation: name or function, default linear.
        use_bias: whether to add a bias per filter.
        depthwise_initializer, bias_initializer: names or objects.
        depthwise_regularizer, bias_regularizer, activity_regularizer: names or objects.
        depthwise_constraint, bias_constraint: names or objects.
        kwargs: as every layer.

    Call:
        x: `(batch, *space, channels)`, or `(batch, channels, *space)`. Returns images with `channels * depth_multiplier`
            channels, same layout.
    """

    _weight_roles = ("depthwise", "bias")

    @expand_kwargs()
    def __init__(
        self,
        kernel_size: Ints,
        strides: Ints = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Ints = 1,
        activation: FunctionLike = None,
        use_bias: bool = True,
        **kwargs: Unpack[DepthwiseAndBias],
    ):
        super().__init__(**kwargs)
        self._set_windows(kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias)
        self._set_multiplier(depth_multiplier)

    def declare(self, x: Spec) -> Declaration:
        """A kernel `(*kernel_size, channels, depth_multiplier)` and a bias `(channels * depth_multiplier,)`."""
        channels = self._channels(x)
        yield weight_for(self, "depthwise", (*self.kernel_size, channels, self.depth_multiplier), "kernel")
        yield weight_for(self, "bias", (self._products(channels),), present=self.use_bias)

    def forward(self, w: Weights, x: Array) -> Array:
        """`activation(depthwise_conv(x, kernel) + bias)`."""
        return self._activated(depthwise_conv(x, w.kernel, w.bias if self.use_bias else None, **self._windows))


@export("keras.layers.DepthwiseConv1D")
class DepthwiseConv1D(BaseDepthwiseConv):
    """Depthwise convolution over sequences `(batch, steps, channels)`; arguments as `BaseDepthwiseConv`.

    Example:
        >>> import numpy as np
        >>> DepthwiseConv1D(3, depth_multiplier=2)(np.zeros((2, 10, 4), np.float32)).shape
        (2, 8, 8)
    """

    rank = 1


@export("keras.layers.DepthwiseConv2D")
class DepthwiseConv2D(BaseDepthwiseConv):
    """Depthwise convolution over images `(batch, height, width, channels)`; arguments as `BaseDepthwiseConv`.

    Example:
        >>> import numpy as np
        >>> DepthwiseConv2D(3, padding="same")(np.zeros((2, 8, 8, 4), np.float32)).shape
        (2, 8, 8, 4)
    """

    rank = 2


class BaseSeparableConv(_Depthwise):
    """`activation(conv(depthwise_conv(x, depthwise_kernel), pointwise_kernel) + bias)`.

    Args:
        filters: number of output channels.
        kernel_size, strides, padding: of the depthwise part, as for `BaseDepthwiseConv`.
        data_format: `"channels_last"` or `"channels_first"`; default the configured one.
        dilation_rate: of the depthwise part.
        depth_multiplier: number of filters per channel of the depthwise part.
        activation: name or function, default linear.
        use_bias: whether to add a bias per filter.
        depthwise_initializer, pointwise_initializer, bias_initializer: names or objects.
        depthwise_regularizer, pointwise_regularizer, bias_regularizer, activity_regularizer: names or objects.
        depthwise_constraint, pointwise_constraint, bias_constraint: names or objects.
        kwargs: as every layer.

    Call:
        x: `(batch, *space, channels)`, or `(batch, channels, *space)`. Returns images with `filters` channels, same layout.

    Source: Chollet, Xception: Deep Learning with Depthwise Separable Convolutions, 2017.
    """

    _weight_roles = ("depthwise", "pointwise", "bias")

    @expand_kwargs(after={f"pointwise_{kind}": f"depthwise_{kind}" for kind in ("initializer", "regularizer", "constraint")})
    def __init__(
        self,
        filters: int,
        kernel_size: Ints,
        strides: Ints = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Ints = 1,
        depth_multiplier: int = 1,
        activation: FunctionLike = None,
        use_bias: bool = True,
        **kwargs: Unpack[SeparableWeights],
    ):
        super().__init__(**kwargs)
        self._set_windows(kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias)
        self._set_multiplier(depth_multiplier)
        if filters <= 0:
            raise ValueError(f"{type(self).__name__} takes a positive number of filters. Received: {filters=}.")
        self.filters = filters

    def declare(self, x: Spec) -> Declaration:
        """Kernels `(*kernel_size, channels, depth_multiplier)` and `(*ones, channels * depth_multiplier, filters)`, a bias."""
        channels = self._channels(x)
        yield weight_for(self, "depthwise", (*self.kernel_size, channels, self.depth_multiplier), "depthwise_kernel")
        yield weight_for(self, "pointwise", (*(1,) * self.rank, self._products(channels), self.filters), "pointwise_kernel")
        yield weight_for(self, "bias", (self.filters,), present=self.use_bias)

    def forward(self, w: Weights, x: Array) -> Array:
        """The depthwise part, then the mix of channels."""
        y = depthwise_conv(x, w.depthwise_kernel, **self._windows)
        y = conv(y, w.pointwise_kernel, w.bias if self.use_bias else None, data_format=self.data_format)
        return self._activated(y)


@export("keras.layers.SeparableConv1D", "keras.layers.SeparableConvolution1D")
class SeparableConv1D(BaseSeparableConv):
    """Separable convolution over sequences `(batch, steps, channels)`; arguments as `BaseSeparableConv`.

    Example:
        >>> import numpy as np
        >>> SeparableConv1D(6, 3)(np.zeros((2, 10, 4), np.float32)).shape
        (2, 8, 6)
    """

    rank = 1


@export("keras.layers.SeparableConv2D", "keras.layers.SeparableConvolution2D")
class SeparableConv2D(BaseSeparableConv):
    """Separable convolution over images `(batch, height, width, channels)`; arguments as `BaseSeparableConv`.

    Example:
        >>> import numpy as np
        >>> SeparableConv2D(6, 3, strides=2)(np.zeros((2, 9, 9, 4), np.float32)).shape
        (2, 4, 4, 6)
    """

    rank = 2


SeparableConvolution1D, SeparableConvolution2D = SeparableConv1D, SeparableConv2D
