"""ConvLSTM1D, ConvLSTM2D, ConvLSTM3D: recurrent layers over sequences of images."""

from __future__ import annotations

from typing import Unpack

from jkeras._base.registry import export
from jkeras._base.shared_arguments import expand_kwargs
from jkeras._base.types import Array, FunctionLike, Ints, Tree
from jkeras.layer.input_spec import InputSpec
from jkeras.layers.recurrent.conv_lstm_cell import ConvLSTMCell
from jkeras.layers.recurrent.layers import ACTIVITY, OneCell, SequenceArguments


class ConvLSTMArguments(SequenceArguments, total=False):
    """Arguments of recurrent layers, with `unroll` not shown."""

    unroll: bool


class ConvLSTM(OneCell):
    """A recurrent network whose states are images: `LSTM` with convolutions for products. With `*` for convolution,

        i, f, o = recurrent_activation(parts of x * kernel + bias + h * recurrent_kernel),  g = activation(the fourth part)
        c' = f c + i g,    h' = o activation(c')

    The convolution of h always keeps its size: stride 1, `"same"` padding, no dilation.

    Args:
        filters: channels of the output and of both states.
        kernel_size: window size, an int or one per spatial axis.
        strides: steps between windows of x.
        padding: `"valid"` or `"same"`, for x.
        data_format: `"channels_last"` or `"channels_first"`; default the configured one.
        dilation_rate: distance between the entries of x that neighbouring kernel entries meet; not together with strides.
        activation: name or function, default tanh.
        recurrent_activation: of the gates, default sigmoid.
        use_bias: whether to add a bias.
        kernel_initializer, recurrent_initializer, bias_initializer: names or objects.
        unit_forget_bias: whether the forget gate's bias starts at 1.
        kernel_regularizer, recurrent_regularizer, bias_regularizer, activity_regularizer: names or objects.
        kernel_constraint, recurrent_constraint, bias_constraint: names or objects.
        dropout: rate of noise on the inputs in training, for each gate; drawn once per sequence.
        recurrent_dropout: rate of noise on h in training, for each gate; drawn once per sequence.
        seed: an integer that is mixed into the key of every draw.
        return_sequences: whether to return all outputs or the last one only.
        return_state: whether to return the last states too.
        go_backwards: whether to start at the end.
        stateful: whether a batch starts with the last states of the batch before.
        kwargs: as every layer; `unroll`, `zero_output_for_mask`.

    Call:
        sequences: `(batch, time, *space, channels)`, or `(batch, time, channels, *space)`.
        initial_state: list `[h, c]` of `(batch, *out_space, filters)`, or with channels first; default zeros.
        mask: bool `(batch, time)`; steps where it is False leave the states as they are.
        Returns `(batch, *out_space, filters)`, or `(batch, time, *out_space, filters)` with `return_sequences`; with
        `return_state` a tuple `(output, h, c)`.

    Source: Xingjian Shi et al., "Convolutional LSTM Network: A Machine Learning Approach for Precipitation Nowcasting", 2015.
    """

    rank: int
    cell_type = ConvLSTMCell
    cell: ConvLSTMCell

    @expand_kwargs(after={**ACTIVITY, "unit_forget_bias": "bias_initializer"})
    def __init__(
        self,
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
        **kwargs: Unpack[ConvLSTMArguments],
    ):
        windows = (kernel_size, strides, padding, data_format, dilation_rate)
        cell = (activation, recurrent_activation, use_bias)
        super().__init__(self.rank, filters, *windows, *cell, unit_forget_bias=unit_forget_bias, **kwargs)
        self.input_spec = InputSpec(ndim=self.rank + 3)

    def _zero_states(self, sequences: Array) -> list[Tree]:
        return self.cell.zero_states((sequences.shape[0], *sequences.shape[2:]))


@export("keras.layers.ConvLSTM1D")
class ConvLSTM1D(ConvLSTM):
    """A recurrent network over sequences of rows `(batch, time, steps, channels)`; arguments as `ConvLSTM`.

    Example:
        >>> import numpy as np
        >>> ConvLSTM1D(4, 3, padding="same")(np.ones((2, 5, 8, 3), np.float32)).shape
        (2, 8, 4)
    """

    rank = 1


@export("keras.layers.ConvLSTM2D")
class ConvLSTM2D(ConvLSTM):
    """A recurrent network over sequences of images `(batch, time, height, width, channels)`; arguments as `ConvLSTM`.

    Example:
        >>> import numpy as np
        >>> ConvLSTM2D(4, 3, return_sequences=True)(np.ones((2, 5, 8, 8, 3), np.float32)).shape
        (2, 5, 6, 6, 4)
    """

    rank = 2


@export("keras.layers.ConvLSTM3D")
class ConvLSTM3D(ConvLSTM):
    """A recurrent network over sequences of volumes `(batch, time, depth, height, width, channels)`; arguments as `ConvLSTM`.

    Example:
        >>> import numpy as np
        >>> ConvLSTM3D(2, 2, strides=2)(np.ones((1, 3, 4, 4, 4, 1), np.float32)).shape
        (1, 2, 2, 2, 2)
    """

    rank = 3
