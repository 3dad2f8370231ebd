"""What the library's recurrent cells share: arguments, weights, noise, one step and a whole sequence.

A cell is `(inputs, states) -> (output, states)`, one step at a time. A cell of this package also knows a whole sequence,
`over_time`: the input's products for all steps at once, then a loop that only does what depends on the states
(`jkeras.nn.recurrent`). Dropout's noise is drawn once per sequence and is the same at each step; a cell that is called by itself
draws at each call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, ClassVar

import jax
import jax.numpy as jnp

from jkeras import activations
from jkeras._base.errors import describe
from jkeras._base.types import Array, FunctionLike, Tree, Weights
from jkeras.graph.spec import Spec, is_spec
from jkeras.layer.base import LayerArguments
from jkeras.layer.declaration import Declaration
from jkeras.layers.weight_arguments import WeightedLayer, weight_for
from jkeras.nn import recurrent
from jkeras.nn.dropout import dropout
from jkeras.nn.product import product

_SEVERAL = """{cls} {layer!r} takes one array in each step, (batch, in). Received {received}. Join the arrays:
layers.Concatenate()([a, b]). First states go into initial_state=[...]. A cell of your own may take several arrays."""


class CellArguments(LayerArguments, total=False):
    """Arguments that all cells share."""

    kernel_initializer: Annotated[FunctionLike, "glorot_uniform"]
    recurrent_initializer: Annotated[FunctionLike, "orthogonal"]
    bias_initializer: Annotated[FunctionLike, "zeros"]
    kernel_regularizer: Annotated[FunctionLike, None]
    recurrent_regularizer: Annotated[FunctionLike, None]
    bias_regularizer: Annotated[FunctionLike, None]
    kernel_constraint: Annotated[FunctionLike, None]
    recurrent_constraint: Annotated[FunctionLike, None]
    bias_constraint: Annotated[FunctionLike, None]
    dropout: Annotated[float, 0.0]
    recurrent_dropout: Annotated[float, 0.0]
    seed: Annotated[int | None, None]
    implementation: int


class Cell(WeightedLayer):
    """What the cells share: arguments, weights, noise.

    Subclasses set `gate_count` and `state_count` and define `gates`; the GRU, which is special, a little more.
    """

    gate_count = 1
    state_count = 1
    _weight_roles = ("kernel", "recurrent", "bias")
    _size = "units"  # what the argument is called
    _state_times: ClassVar[recurrent.Times] = staticmethod(product)  # the product of the first state and the recurrent kernel

    def __init__(
        self,
        units: int,
        activation: FunctionLike,
        use_bias: bool,
        *,
        dropout: float,
        recurrent_dropout: float,
        seed: int | None,
        **kwargs: Any,
    ):
        # With one gate the two implementations are the same, and `Layer` leaves the argument out.
        implementation = kwargs.pop("implementation", 2) if self.gate_count > 1 else 2
        super().__init__(**kwargs)
        if not isinstance(units, int) or isinstance(units, bool) or units <= 0:
            raise ValueError(f"{type(self).__name__} takes a positive integer as {self._size}. Received: {self._size}={units!r}.")
        self.units, self.use_bias, self.seed = units, use_bias, seed
        self.activation = activations.get(activation)
        self.dropout = min(1.0, max(0.0, dropout))
        self.recurrent_dropout = min(1.0, max(0.0, recurrent_dropout))
        self.draws = self.dropout > 0 or self.recurrent_dropout > 0
        self.implementation = 1 if self.recurrent_dropout > 0 else implementation
        self.state_size: int | list[int] = units if self.state_count == 1 else [units] * self.state_count
        self.output_size = units

    def get_initial_state(self, batch_size: int | None = None) -> list[Array]:
        """Zeros `(batch_size, units)` for each state."""
        return [jnp.zeros((batch_size or 1, self.units), self.compute_dtype) for _ in range(self.state_count)]

    def _bias_shape(self) -> tuple[int, ...]:
        return (self.gate_count * self.units,)

    def _bias_initializer(self) -> Callable[..., Array]:
        return self.bias_initializer

    def declare(self, x: Spec, states: Tree = None) -> Declaration:
        """`kernel (in, gates * units)`, `recurrent_kernel (units, gates * units)`, `bias`; the columns are gate after gate."""
        if not is_spec(x):
            raise ValueError(_SEVERAL.format(cls=type(self).__name__, layer=self.name, received=describe(x)))
        columns = self.gate_count * self.units
        shapes = {"kernel": (x.shape[-1], columns), "recurrent": (self.units, columns), "bias": self._bias_shape()}
        for role in self._weight_roles:
            name = "recurrent_kernel" if role == "recurrent" else role
            initializer = self._bias_initializer() if role == "bias" else getattr(self, f"{role}_initializer")
            yield weight_for(self, role, shapes[role], name, initializer=initializer, present=role != "bias" or self.use_bias)

    def noise(self, rng: Array | None, x: Array, h: Array) -> tuple[Array | None, Array | None]:
        """Factors for the inputs and for the recurrent state: `(count, batch, size)`, or None where nothing is dropped.

        Args:
            rng: a key, or None for no noise.
            x, h: one step's input and state.
        """
        if rng is None:
            return None, None
        count = self.gate_count if self.implementation == 1 else 1
        keys = jax.random.split(rng, 2)

        def draw(key: Array, like: Array, rate: float) -> Array | None:
            return dropout(key, jnp.ones((count, *like.shape), like.dtype), rate) if rate > 0 else None

        return draw(keys[0], x, self.dropout), draw(keys[1], h, self.recurrent_dropout)

    def added(self, w: Weights, x: Array, factors: Array | None) -> tuple[Array, Array | None]:
        """What the steps get from the inputs: `added` and `side` of `jkeras.nn.recurrent`, for any leading axes."""
        if factors is not None and factors.shape[0] == 1:
            x, factors = x * factors[0], None
        z = recurrent.gated_product(x, w.kernel, factors, self._input_times)
        bias = self._input_bias(w)
        return (z if bias is None else z + bias), None

    def _input_times(self, x: Array, kernel: Array) -> Array:
        return product(x, kernel)

    def _input_bias(self, w: Weights) -> Array | None:
        return w.bias if self.use_bias else None

    def gates(self) -> recurrent.Gates:
        """The elementwise part of a step."""
        raise NotImplementedError

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
        """The cell over a sequence.

        Args:
            w: weights as arrays.
            xs: `(time, batch, in)`.
            states: list of `(batch, units)`.
            mask: bool `(time, batch, 1)`; where it is False the states stay. None for none.
            rng: a key for dropout, or None for none.
            unroll: whether to write out all steps instead of a loop.

        Returns:
            The output of each step `(time, batch, units)`, and the last states.
        """
        for_inputs, for_states = self.noise(rng, xs[0], states[0])
        added, side = self.added(w, xs, for_inputs)
        return self._unfold(unroll, added, side, w.recurrent_kernel, tuple(states), mask, for_states)

    def _unfold(self, unroll: bool, added: Array, side: Array | None, *rest: Tree) -> tuple[Array, tuple[Array, ...]]:
        return recurrent.unfold(self.gates(), type(self)._state_times, unroll, added, side, *rest)

    def forward(
        self, w: Weights, inputs: Tree, states: Tree, *, training: bool = False, rng: Array | None = None
    ) -> tuple[Array, Tree]:
        """One step.

        Args:
            w: weights as arrays.
            inputs: `(batch, in)`.
            states: list of `(batch, units)`, or one array where the cell has one state.

        Returns:
            The output `(batch, units)` and the new states, in the structure they came in.
        """
        nested = isinstance(states, (list, tuple))
        hs, last = self.over_time(w, inputs[None], list(states) if nested else [states], rng=rng, unroll=True)
        return hs[0], list(last) if nested else last[0]
