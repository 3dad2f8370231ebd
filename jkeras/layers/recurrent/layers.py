"""The recurrent layers: SimpleRNN, LSTM, GRU. Each is `RNN` over its cell, with the cell's arguments as its own."""

from __future__ import annotations

from typing import Annotated, Any, Unpack

import jax.numpy as jnp

from jkeras._base.configurable import constructor_signature
from jkeras._base.naming import to_snake_case
from jkeras._base.registry import export
from jkeras._base.shared_arguments import expand_kwargs
from jkeras._base.types import Array, FunctionLike, Tree
from jkeras.activations import get as get_activation
from jkeras.layer.input_spec import InputSpec
from jkeras.layers.recurrent.cell import Cell, CellArguments
from jkeras.layers.recurrent.cell_scan import Walk
from jkeras.layers.recurrent.cells import GRUCell, LSTMCell, SimpleRNNCell
from jkeras.layers.recurrent.rnn import RNN
from jkeras.nn import recurrent_cudnn
from jkeras.state import random

_NO_CUDNN = """{cls} {layer!r} has use_cudnn=True, but cuDNN cannot run it here: {why}. Write use_cudnn=False, or leave it out."""


class SequenceArguments(CellArguments, total=False):
    """Arguments that all recurrent layers share: those of their cells, and how to run them."""

    activity_regularizer: Annotated[FunctionLike, None]
    return_sequences: Annotated[bool, False]
    return_state: Annotated[bool, False]
    go_backwards: Annotated[bool, False]
    stateful: Annotated[bool, False]
    zero_output_for_mask: bool


class RecurrentArguments(SequenceArguments, total=False):
    """The same, with `unroll` shown."""

    unroll: Annotated[bool, False]


ACTIVITY = {"activity_regularizer": "bias_regularizer"}


class OneCell(RNN):
    """An RNN whose cell is made from its own arguments; what the cell makes of them are attributes of the layer too."""

    cell_type: type[Cell]
    cell: Cell

    def __init__(self, *first: Any, **arguments: Any):
        *names, _ = constructor_signature(self.cell_type).parameters  # the last one is `kwargs`
        given = {name: arguments.pop(name) for name in (*names, "implementation") if name in arguments}
        given.update((name, arguments[name]) for name in ("dtype", "trainable") if name in arguments)
        cell = self.cell_type(*first, **given, name=to_snake_case(self.cell_type.__name__))
        super().__init__(cell, **arguments)
        for name in names:
            setattr(self, name, getattr(cell, name))
        self.input_spec = InputSpec(ndim=3)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments in Keras' JSON shape; where to run, `use_cudnn`, is not among them."""
        config = {k: v for k, v in super().get_config().items() if k not in ("unroll", "zero_output_for_mask", "use_cudnn")}
        return {**config, "unroll": self.unroll, "zero_output_for_mask": self.zero_output_for_mask}


@export("keras.layers.SimpleRNN")
class SimpleRNN(OneCell):
    """A recurrent network of one activation: `h' = activation(x @ kernel + bias + h @ recurrent_kernel)`.

    Args:
        units: size of the output and of the state.
        activation: name or function, default tanh.
        use_bias: whether to add a bias.
        kernel_initializer, recurrent_initializer, bias_initializer: names or objects.
        kernel_regularizer, recurrent_regularizer, bias_regularizer, activity_regularizer: names or objects.
        kernel_constraint, recurrent_constraint, bias_constraint: names or objects.
        dropout: rate of noise on the inputs in training; drawn once per sequence.
        recurrent_dropout: rate of noise on the state in training; drawn once per sequence.
        seed: an integer that is mixed into the key of every draw.
        return_sequences: whether to return all outputs or the last one only.
        return_state: whether to return the last state too.
        go_backwards: whether to start at the end.
        stateful: whether a batch starts with the last states of the batch before.
        unroll: whether to write the steps one after another instead of a loop.
        kwargs: as every layer; `zero_output_for_mask`.

    Call:
        sequences: `(batch, time, in)`, `initial_state`: list of one `(batch, units)`, `mask`: bool `(batch, time)`.
        Returns `(batch, units)`, or `(batch, time, units)` with `return_sequences`; with `return_state` a tuple `(output, h)`.

    Example:
        >>> import numpy as np
        >>> SimpleRNN(4)(np.ones((2, 5, 3))).shape
        (2, 4)

    Source: Jeffrey Elman, "Finding Structure in Time", 1990.
    """

    cell_type = SimpleRNNCell

    @expand_kwargs(after={**ACTIVITY, "seed": "unroll"})
    def __init__(
        self,
        units: int,
        activation: FunctionLike = "tanh",
        use_bias: bool = True,
        **kwargs: Unpack[RecurrentArguments],
    ):
        super().__init__(units, activation, use_bias, **kwargs)


@export("keras.layers.LSTM")
class LSTM(OneCell):
    """A recurrent network with a memory: `LSTMCell` over time.

    Args:
        units: size of the output and of the state.
        activation: name or function, default tanh.
        recurrent_activation: of the gates, default sigmoid.
        use_bias: whether to add a bias.
        kernel_initializer, recurrent_initializer, bias_initializer: names or objects.
        unit_forget_bias: whether the forget gate's bias starts at 1.
        kernel_regularizer, recurrent_regularizer, bias_regularizer, activity_regularizer: names or objects.
        kernel_constraint, recurrent_constraint, bias_constraint: names or objects.
        dropout: rate of noise on the inputs in training; drawn once per sequence.
        recurrent_dropout: rate of noise on the state in training; drawn once per sequence.
        seed: an integer that is mixed into the key of every draw.
        return_sequences: whether to return all outputs or the last one only.
        return_state: whether to return the last states too.
        go_backwards: whether to start at the end.
        stateful: whether a batch starts with the last states of the batch before.
        unroll: whether to write the steps one after another instead of a loop.
        use_cudnn: True runs cuDNN's LSTM on a GPU: one call for all steps; float32, no mask, one derivative in reverse mode.
            "auto" and False run the loop, which knows no such limits, on every device.
        kwargs: as every layer; `zero_output_for_mask`, and `implementation`, 1 for separate noise for each gate.

    Call:
        sequences: `(batch, time, in)`, `initial_state`: list `[h, c]` of `(batch, units)`, `mask`: bool `(batch, time)`.
        Returns `(batch, units)`, or `(batch, time, units)` with `return_sequences`; with `return_state` a tuple `(output, h, c)`.

    Example:
        >>> import numpy as np
        >>> LSTM(4)(np.ones((2, 5, 3))).shape
        (2, 4)

    Source: Sepp Hochreiter and Jürgen Schmidhuber, "Long Short-Term Memory", 1997.
    """

    cell_type = LSTMCell

    @expand_kwargs(after={**ACTIVITY, "unit_forget_bias": "bias_initializer"})
    def __init__(
        self,
        units: int,
        activation: FunctionLike = "tanh",
        recurrent_activation: FunctionLike = "sigmoid",
        use_bias: bool = True,
        *,
        unit_forget_bias: bool = True,
        use_cudnn: bool | str = "auto",
        **kwargs: Unpack[RecurrentArguments],
    ):
        super().__init__(units, activation, recurrent_activation, use_bias, unit_forget_bias=unit_forget_bias, **kwargs)
        self.use_cudnn = _checked_use_cudnn(use_cudnn)

    def _over_time(self, xs: Array, states: list[Tree], walk: Walk) -> tuple[Array, list[Tree]]:
        if self.use_cudnn is not True:
            return super()._over_time(xs, states, walk)
        why = self._why_not_cudnn(xs, walk)
        if why is not None:
            raise ValueError(_NO_CUDNN.format(cls=type(self).__name__, layer=self.name, why=why))
        w, cell = self.cell._read_weights(), self.cell
        rng = random.draw_key(cell, cell.seed) if walk.training and cell.draws else None
        factors, _ = cell.noise(rng, xs[0], states[0])
        xs = xs if factors is None else xs * factors[0]
        hs, last = recurrent_cudnn.cudnn_lstm(jnp.swapaxes(xs, 0, 1), states[0], states[1], w.kernel, w.recurrent_kernel, w.bias)
        return jnp.swapaxes(hs, 0, 1), list(last)

    def _why_not_cudnn(self, xs: Array, walk: Walk) -> str | None:
        usual = (self.activation, self.recurrent_activation) == (get_activation("tanh"), get_activation("sigmoid"))
        reasons = {
            "JAX has no GPU": not recurrent_cudnn.available(),
            "it needs activation='tanh' and recurrent_activation='sigmoid'": not usual,
            "it needs use_bias=True": not self.use_bias,
            "it needs recurrent_dropout=0 and implementation=2": self.recurrent_dropout > 0 or self.cell.implementation == 1,
            "it takes no mask": walk.mask is not None,
            "it computes in float32 only": xs.dtype != jnp.float32,
            "it needs unroll=False": walk.unroll,
        }
        return next((reason for reason, holds in reasons.items() if holds), None)


@export("keras.layers.GRU")
class GRU(OneCell):
    """A recurrent network that mixes its state with a candidate: `GRUCell` over time.

    Args:
        units: size of the output and of the state.
        activation: name or function, default tanh.
        recurrent_activation: of the gates, default sigmoid.
        use_bias: whether to add biases.
        kernel_initializer, recurrent_initializer, bias_initializer: names or objects.
        kernel_regularizer, recurrent_regularizer, bias_regularizer, activity_regularizer: names or objects.
        kernel_constraint, recurrent_constraint, bias_constraint: names or objects.
        dropout: rate of noise on the inputs in training; drawn once per sequence.
        recurrent_dropout: rate of noise on the state in training; drawn once per sequence.
        seed: an integer that is mixed into the key of every draw.
        return_sequences: whether to return all outputs or the last one only.
        return_state: whether to return the last state too.
        go_backwards: whether to start at the end.
        stateful: whether a batch starts with the last states of the batch before.
        unroll: whether to write the steps one after another instead of a loop.
        reset_after: whether the reset gate works on the product or on the state before it.
        use_cudnn: accepted as in Keras; JAX offers no GRU of cuDNN's, so it changes nothing.
        kwargs: as every layer; `zero_output_for_mask`, and `implementation`, 1 for separate noise for each gate.

    Call:
        sequences: `(batch, time, in)`, `initial_state`: list of one `(batch, units)`, `mask`: bool `(batch, time)`.
        Returns `(batch, units)`, or `(batch, time, units)` with `return_sequences`; with `return_state` a tuple `(output, h)`.

    Example:
        >>> import numpy as np
        >>> GRU(4)(np.ones((2, 5, 3))).shape
        (2, 4)

    Source: Kyunghyun Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder for Statistical Machine Translation",
    2014.
    """

    cell_type = GRUCell

    @expand_kwargs(after=ACTIVITY)
    def __init__(
        self,
        units: int,
        activation: FunctionLike = "tanh",
        recurrent_activation: FunctionLike = "sigmoid",
        use_bias: bool = True,
        *,
        reset_after: bool = True,
        use_cudnn: bool | str = "auto",
        **kwargs: Unpack[RecurrentArguments],
    ):
        super().__init__(units, activation, recurrent_activation, use_bias, reset_after=reset_after, **kwargs)
        self.use_cudnn = _checked_use_cudnn(use_cudnn)


def _checked_use_cudnn(value: bool | str) -> bool | str:
    if value not in ("auto", True, False):
        raise ValueError(f"use_cudnn is 'auto', True or False. Received: {value!r}.")
    return value
