"""The recurrent cells: SimpleRNNCell, LSTMCell, GRUCell. What they share is in `recurrent_cell`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Unpack

import jax
import jax.numpy as jnp

from jkeras import activations, initializers
from jkeras._base.configurable import object_config
from jkeras._base.registry import export
from jkeras._base.shared_arguments import expand_kwargs
from jkeras._base.types import Array, DTypeLike, FunctionLike, Tree, Weights
from jkeras.activations.functions import maths_of
from jkeras.layers.recurrent.cell import Cell, CellArguments
from jkeras.nn import recurrent


@export("keras.layers.SimpleRNNCell")
class SimpleRNNCell(Cell):
    """`h' = activation(x @ kernel + bias + h @ recurrent_kernel)`.

    Args:
        units: size of the output and of the state.
        activation: name or function, default tanh.
        use_bias: whether to add a bias.
        kernel_initializer, recurrent_initializer, bias_initializer: names or objects.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: names or objects.
        kernel_constraint, recurrent_constraint, bias_constraint: names or objects.
        dropout: rate of noise on the inputs in training, in [0, 1].
        recurrent_dropout: rate of noise on the state in training, in [0, 1].
        seed: an integer that is mixed into the key of every draw.
        kwargs: as every layer.

    Call:
        inputs: `(batch, in)`; states: list of one `(batch, units)`. Returns the output and the list of new states.

    Example:
        >>> import numpy as np
        >>> output, states = SimpleRNNCell(4)(np.ones((2, 3)), [np.zeros((2, 4))])
        >>> output.shape, len(states)
        ((2, 4), 1)
    """

    @expand_kwargs()
    def __init__(self, units: int, activation: FunctionLike = "tanh", use_bias: bool = True, **kwargs: Unpack[CellArguments]):
        super().__init__(units, activation, use_bias, **kwargs)

    def gates(self) -> recurrent.Gates:
        """The activation."""
        return recurrent.simple_gates(maths_of(self.activation))


class UnitForgetBias:
    """The initial bias of an LSTM: ones for the forget gate, another initializer's values for the rest."""

    def __init__(self, others: Callable[..., Array]):
        self.others = others

    def __call__(self, shape: tuple[int, ...], dtype: DTypeLike | None = None, key: Array | None = None) -> Array:
        """`(4 * units,)`: the second quarter is ones."""
        units = shape[0] // 4
        keys = (None, None) if key is None else jax.random.split(key)
        first, rest = (initializers.draw(self.others, k, (n * units,), dtype) for n, k in zip((1, 2), keys))
        return jnp.concatenate([first, jnp.ones((units,), dtype), rest])

    def get_config(self) -> dict[str, str]:
        """Equal for equal initializers, so that their compiled draw is shared."""
        return {"others": str(object_config(self.others)) if hasattr(self.others, "get_config") else str(id(self.others))}


@export("keras.layers.LSTMCell")
class LSTMCell(Cell):
    """A cell with a memory c that gates write, keep and show.

        i, f, o = recurrent_activation(parts of x @ kernel + bias + h @ recurrent_kernel),  g = activation(the fourth part)
        c' = f c + i g,    h' = o activation(c')

    The columns of the weights are i, f, g, o.

    Args:
        units: size of the output and of both states.
        activation: name or function, default tanh.
        recurrent_activation: of the gates, default sigmoid.
        use_bias: whether to add a bias.
        kernel_initializer, recurrent_initializer, bias_initializer: names or objects.
        unit_forget_bias: whether the forget gate's bias starts at 1.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: names or objects.
        kernel_constraint, recurrent_constraint, bias_constraint: names or objects.
        dropout: rate of noise on the inputs in training, in [0, 1].
        recurrent_dropout: rate of noise on h in training, in [0, 1]; each gate then has noise of its own.
        seed: an integer that is mixed into the key of every draw.
        kwargs: as every layer; `implementation`, 1 for separate noise for each gate.

    Call:
        inputs: `(batch, in)`; states: list `[h, c]` of `(batch, units)`. Returns the output and the list of new states.

    Example:
        >>> import numpy as np
        >>> output, (h, c) = LSTMCell(4)(np.ones((2, 3)), [np.zeros((2, 4))] * 2)
        >>> output.shape, c.shape
        ((2, 4), (2, 4))

    Source: Sepp Hochreiter and Jürgen Schmidhuber, "Long Short-Term Memory", 1997.
    """

    gate_count = 4
    state_count = 2

    @expand_kwargs(after={"unit_forget_bias": "bias_initializer"})
    def __init__(
        self,
        units: int,
        activation: FunctionLike = "tanh",
        recurrent_activation: FunctionLike = "sigmoid",
        use_bias: bool = True,
        *,
        unit_forget_bias: bool = True,
        **kwargs: Unpack[CellArguments],
    ):
        super().__init__(units, activation, use_bias, **kwargs)
        self.recurrent_activation = activations.get(recurrent_activation)
        self.unit_forget_bias = unit_forget_bias

    def _bias_initializer(self) -> Callable[..., Array]:
        return UnitForgetBias(self.bias_initializer) if self.unit_forget_bias else self.bias_initializer

    def gates(self) -> recurrent.Gates:
        """Input, forget and output gate, and the memory."""
        return recurrent.lstm_gates(maths_of(self.activation), maths_of(self.recurrent_activation))


@export("keras.layers.GRUCell")
class GRUCell(Cell):
    """A cell that mixes its state with a candidate.

        z, r = recurrent_activation(parts of x @ kernel + bias + h @ recurrent_kernel)
        h' = z h + (1 - z) activation(x_h + r (h @ recurrent_kernel_h + recurrent_bias_h))        reset_after=True
        h' = z h + (1 - z) activation(x_h + (r h) @ recurrent_kernel_h)                           reset_after=False

    The columns of the weights are z, r, h. With `reset_after` the bias is `(2, 3 * units)`: one for each product.

    Args:
        units: size of the output and of the state.
        activation: of the candidate, default tanh.
        recurrent_activation: of the gates, default sigmoid.
        use_bias: whether to add biases.
        kernel_initializer, recurrent_initializer, bias_initializer: names or objects.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: names or objects.
        kernel_constraint, recurrent_constraint, bias_constraint: names or objects.
        dropout: rate of noise on the inputs in training, in [0, 1].
        recurrent_dropout: rate of noise on the state in training, in [0, 1]; each gate then has noise of its own.
        reset_after: whether the reset gate works on the product or on the state before it.
        seed: an integer that is mixed into the key of every draw.
        kwargs: as every layer; `implementation`, 1 for separate noise for each gate.

    Call:
        inputs: `(batch, in)`; states: list of one `(batch, units)`. Returns the output and the list of new states.

    Example:
        >>> import numpy as np
        >>> output, states = GRUCell(4)(np.ones((2, 3)), [np.zeros((2, 4))])
        >>> output.shape, len(states)
        ((2, 4), 1)

    Source: Kyunghyun Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder for Statistical Machine Translation",
    2014.
    """

    gate_count = 3

    @expand_kwargs(after={"reset_after": "recurrent_dropout"})
    def __init__(
        self,
        units: int,
        activation: FunctionLike = "tanh",
        recurrent_activation: FunctionLike = "sigmoid",
        use_bias: bool = True,
        *,
        reset_after: bool = True,
        **kwargs: Unpack[CellArguments],
    ):
        super().__init__(units, activation, use_bias, **kwargs)
        self.recurrent_activation = activations.get(recurrent_activation)
        self.reset_after = reset_after

    def _bias_shape(self) -> tuple[int, ...]:
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    def gates(self) -> recurrent.Gates:
        """Update gate, reset gate and candidate."""
        return recurrent.gru_gates(maths_of(self.activation), maths_of(self.recurrent_activation))

    def _input_bias(self, w: Weights) -> Array | None:
        bias = super()._input_bias(w)
        return bias[0] if bias is not None and self.reset_after else bias

    def added(self, w: Weights, x: Array, factors: Array | None) -> tuple[Array, Array | None]:
        """The input's parts; with `reset_after` the candidate's is `side`, and the recurrent bias is among the products."""
        z, _ = super().added(w, x, factors)
        if not self.reset_after:
            return z, None
        two = 2 * self.units
        gates, side = z[..., :two], z[..., two:]
        bias = w.bias[1] if self.use_bias else jnp.zeros((3 * self.units,), z.dtype)
        return jnp.concatenate([gates + bias[:two], jnp.broadcast_to(bias[two:], side.shape)], axis=-1), side

    def _unfold(self, unroll: bool, added: Array, side: Array | None, *rest: Tree) -> tuple[Array, tuple[Array, ...]]:
        if self.reset_after:
            return super()._unfold(unroll, added, side, *rest)
        # A reset gate before the product makes a loop with two products.
        gates = maths_of(self.activation), maths_of(self.recurrent_activation)
        return recurrent.unfold_reset_before(*gates, unroll, added, *rest)
