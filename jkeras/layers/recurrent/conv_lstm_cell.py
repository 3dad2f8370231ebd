"""The cell of ConvLSTM: an LSTM whose states are images and whose products are convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

import jax
import jax.numpy as jnp

from jkeras._base.shared_arguments import expand_kwargs
from jkeras._base.types import Array, FunctionLike, Ints, Tree, Weights
from jkeras.graph.spec import Spec
from jkeras.layer.declaration import Declaration
from jkeras.layers.convolving import Convolving
from jkeras.layers.recurrent.cell import CellArguments
from jkeras.layers.recurrent.cells import LSTMCell
from jkeras.layers.weight_arguments import weight_for
from jkeras.nn.conv_geometry import Geometry, margins
from jkeras.nn.recurrent_conv import conv_each, same_size_conv

_OPEN_SPACE = """{layer!r} does not know how large its states are: the input {shape} leaves the size of an image open. Call the
layer on images, give it an Input with their size, or pass initial_state."""


class ConvLSTMCell(LSTMCell, Convolving):
    """`LSTMCell` for images: with `*` for convolution,

        i, f, o = recurrent_activation(parts of x * kernel + bias + h * recurrent_kernel),  g = activation(the fourth part)
        c' = f c + i g,    h' = o activation(c')

    The convolution of h always keeps its size: stride 1, `"same"` padding, no dilation.

    Args:
        rank: the number of spatial axes, 1 to 3.
        filters: channels of the output and of both states.
        kernel_size: window size, an int or one per spatial axis.
        strides, padding, data_format, dilation_rate: of the convolution of x, as for `Conv2D`.
        activation, recurrent_activation: names or functions, default tanh and sigmoid.
        use_bias: whether to add a bias.
        unit_forget_bias: whether the forget gate's bias starts at 1.
        kwargs: as `LSTMCell`; each gate always has noise of its own.

    Call:
        inputs: `(batch, *space, channels)`; states: list `[h, c]` of `(batch, *out_space, filters)`, or with channels first.
        Returns the output and the list of new states.

    Example:
        >>> cell = ConvLSTMCell(2, 4, 3)
        >>> output, (h, c) = cell(jnp.ones((1, 6, 6, 3)), [jnp.zeros((1, 4, 4, 4))] * 2)
        >>> output.shape
        (1, 4, 4, 4)

    Source: Xingjian Shi et al., "Convolutional LSTM Network: A Machine Learning Approach for Precipitation Nowcasting", 2015.
    """

    _state_times = staticmethod(same_size_conv)  # type: ignore[assignment]
    _size = "filters"

    @expand_kwargs(after={"unit_forget_bias": "bias_initializer"})
    def __init__(
        self,
        rank: int,
        filters: int,
        kernel_size: Ints,
        strides: Ints = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Ints = 1,
        activation: FunctionLike = "tanh",
        recurrent_activation: FunctionLike = "sigmoid",
        use_bias: bool = True,
        *,
        unit_forget_bias: bool = True,
        **kwargs: Unpack[CellArguments],
    ):
        kwargs["implementation"] = 1
        super().__init__(filters, activation, recurrent_activation, use_bias, unit_forget_bias=unit_forget_bias, **kwargs)
        self.rank, self.filters = rank, filters
        self._set_windows(kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias)

    def declare(self, x: Spec, states: Tree = None) -> Declaration:
        """`kernel (*kernel_size, channels, 4 filters)`, `recurrent_kernel (*kernel_size, filters, 4 filters)`, `bias`."""
        self._step_shape = tuple(x.shape)
        columns = 4 * self.filters
        yield weight_for(self, "kernel", (*self.kernel_size, self._channels(x), columns))
        yield weight_for(self, "recurrent", (*self.kernel_size, self.filters, columns), "recurrent_kernel")
        if self.use_bias:
            yield weight_for(self, "bias", (columns,), initializer=self._bias_initializer())

    def get_initial_state(self, batch_size: int | None = None) -> list[Array]:
        """Zeros for both states, for images of the size that the cell was built for.

        Raises:
            ValueError: that size is not known.
        """
        if not self.built or None in self._space(self._step_shape):
            shape = self._step_shape if self.built else None
            raise ValueError(_OPEN_SPACE.format(layer=self.name, shape=shape))
        return self.zero_states((batch_size or 1, *self._step_shape[1:]))

    def zero_states(self, step_shape: Sequence[Any]) -> list[Array]:
        """Zeros for both states, for one step's inputs of this shape."""
        size = self._space(step_shape)
        steps = self.strides, self.dilation_rate
        out = Geometry(size, self.kernel_size, *steps, margins(self.padding, size, self.kernel_size, *steps)).out
        channels_last = self.data_format == "channels_last"
        shape = (step_shape[0], *out, self.filters) if channels_last else (step_shape[0], self.filters, *out)
        return [jnp.zeros(shape, self.compute_dtype)] * self.state_count

    def _space(self, step_shape: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(step_shape[1:-1] if self.data_format == "channels_last" else step_shape[2:])

    def _input_times(self, x: Array, kernel: Array) -> Array:
        return conv_each(x, kernel, self.strides, self.padding, self.dilation_rate)

    def over_time(
        self,
        w: Weights,
        xs: Array,
        states: Sequence[Array],
        *,
        mask: Array | None = None,
        rng: Array | None = None,
        unroll: bool = False,
    ) -> tuple[Array, tuple[Array, ...]]:
        """The cell over a sequence of images, as `Cell.over_time`; within the loop, channels are last in either layout."""
        options: dict[str, Any] = {"mask": mask, "rng": rng, "unroll": unroll}
        if self.data_format == "channels_last":
            return super().over_time(w, xs, states, **options)
        first = -1 - self.rank
        xs, states = jax.tree.map(lambda a: jnp.moveaxis(a, first, -1), (xs, list(states)))
        after: tuple[Array, tuple[Array, ...]] = super().over_time(w, xs, states, **options)
        return jax.tree.map(lambda a: jnp.moveaxis(a, -1, first), after)
