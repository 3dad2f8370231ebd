"""What all convolution layers share: windows over one, two or three spatial axes, the layout of images, activation and bias."""

from __future__ import annotations

from jkeras import activations
from jkeras._base.config import standardize_data_format
from jkeras._base.errors import unknown_name
from jkeras._base.types import FunctionLike, Ints, Tree
from jkeras.graph.spec import Spec
from jkeras.layer.input_spec import InputSpec
from jkeras.layers.weight_arguments import WeightedLayer
from jkeras.nn.conv import spatial


class Convolving(WeightedLayer):
    """A layer that moves a window over images; subclasses say how many spatial axes there are."""

    rank: int
    _paddings: tuple[str, ...] = ("valid", "same")

    def _set_windows(
        self,
        kernel_size: Ints,
        strides: Ints,
        padding: str,
        data_format: str | None,
        dilation_rate: Ints,
        activation: FunctionLike,
        use_bias: bool,
    ) -> None:
        """Take and check the arguments that all of them have."""
        self.kernel_size = spatial(kernel_size, self.rank, "kernel_size")
        self.strides = spatial(strides, self.rank, "strides")
        self.dilation_rate = spatial(dilation_rate, self.rank, "dilation_rate")
        self.padding = str(padding).lower()
        self.data_format = standardize_data_format(data_format)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.input_spec = InputSpec(ndim=self.rank + 2)
        cls = type(self).__name__
        if self.padding not in self._paddings:
            raise unknown_name(f"padding of {cls}", self.padding, self._paddings)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                f"{cls} takes strides or a dilation rate above 1, not both. "
                f"Received: strides={self.strides}, dilation_rate={self.dilation_rate}."
            )

    @property
    def _windows(self) -> dict[str, Tree]:
        """How the window moves, as the maths takes it."""
        names = ("strides", "padding", "dilation_rate", "data_format")
        return {name: getattr(self, name) for name in names}

    @property
    def _channel_axis(self) -> int:
        return -1 if self.data_format == "channels_last" else 1

    def _channels(self, x: Spec) -> int | None:
        """The channels of the inputs, which are fixed from now on."""
        axis = self._channel_axis
        self.input_spec = InputSpec(ndim=self.rank + 2, axes={axis: x.shape[axis]})
        return x.shape[axis]
