"""What the library's recurrent cells share: arguments, weights, noise, one step and a whole sequence.

A cell is `(inputs, states) -> (output, states)`, one step at a time. A cell of this package also knows a whole sequence,
`over_time`: the input's products for all steps at once, then a loop that only does what depends on the states
(`jkeras.nn.recurrent`). Noise of dropout is drawn once per sequence and is the same at each step; a cell that is called by itself
draws anew at each call.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp

from jkeras import activations, constraints, initializers, regularizers
from jkeras.layers.base import Layer
from jkeras.layers.declaration import Weight
from jkeras.nn import recurrent
from jkeras.nn.dropout import dropout

ROLES = ("kernel", "recurrent", "bias")


class Cell(Layer):
    """What the cells share: arguments, weights, noise.

    Subclasses set `gate_count` and `state_count` and define `gates`; the GRU, which is special, a little more.
    """

    gate_count = 1
    state_count = 1

    def _set(self, arguments: dict[str, Any]) -> None:
        """Take over the arguments that all cells have, under their names, resolved."""
        units = arguments["units"]
        if not isinstance(units, int) or isinstance(units, bool) or units <= 0:
            raise ValueError(f"{type(self).__name__} takes a positive integer as units. Received: units={units!r}.")
        self.units, self.use_bias, self.seed = units, arguments["use_bias"], arguments["seed"]
        self.activation = activations.get(arguments["activation"])
        if "recurrent_activation" in arguments:
            self.recurrent_activation = activations.get(arguments["recurrent_activation"])
        for role in ROLES:
            setattr(self, f"{role}_initializer", initializers.get(arguments[f"{role}_initializer"]))
            setattr(self, f"{role}_regularizer", regularizers.get(arguments[f"{role}_regularizer"]))
            setattr(self, f"{role}_constraint", constraints.get(arguments[f"{role}_constraint"]))
        self.dropout = min(1.0, max(0.0, arguments["dropout"]))
        self.recurrent_dropout = min(1.0, max(0.0, arguments["recurrent_dropout"]))
        self.draws = self.dropout > 0 or self.recurrent_dropout > 0
        self.implementation = 1 if self.recurrent_dropout > 0 else arguments.get("implementation", 2)
        self.state_size: Any = units if self.state_count == 1 else [units] * self.state_count
        self.output_size = units

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """Zeros `(batch_size, units)` for each state."""
        return [jnp.zeros((batch_size or 1, self.units), self.compute_dtype) for _ in range(self.state_count)]

    def _bias_shape(self) -> tuple[int, ...]:
        return (self.gate_count * self.units,)

    def _bias_initializer(self) -> Any:
        return self.bias_initializer

    def declare(self, x: Any, states: Any = None) -> Iterator[Weight]:
        """`kernel (in, gates * units)`, `recurrent_kernel (units, gates * units)`, `bias`; the columns are gate after gate."""
        columns = self.gate_count * self.units
        shapes = {"kernel": (x.shape[-1], columns), "recurrent": (self.units, columns), "bias": self._bias_shape()}
        for role in ROLES if self.use_bias else ROLES[:2]:
            yield Weight(
                "recurrent_kernel" if role == "recurrent" else role,
                shapes[role],
                self._bias_initializer() if role == "bias" else getattr(self, f"{role}_initializer"),
                regularizer=getattr(self, f"{role}_regularizer"),
                constraint=getattr(self, f"{role}_constraint"),
            )

    def noise(self, rng: Any, x: Any, h: Any) -> tuple[Any, Any]:
        """Factors for the inputs and for the recurrent state: `(count, batch, size)`, or None where nothing is dropped.

        Args:
            rng: a key, or None for no noise.
            x, h: one step's input and state.
        """
        if rng is None:
            return None, None
        count = self.gate_count if self.implementation == 1 else 1
        keys = jax.random.split(rng, 2)

        def draw(key: Any, like: Any, rate: float) -> Any:
            return dropout(key, jnp.ones((count, *like.shape), like.dtype), rate) if rate > 0 else None

        return draw(keys[0], x, self.dropout), draw(keys[1], h, self.recurrent_dropout)

    def added(self, w: Any, x: Any, factors: Any) -> tuple[Any, Any]:
        """What the steps get from the inputs: `added` and `side` of `jkeras.nn.recurrent`, for any leading axes."""
        shared = factors is not None and factors.shape[0] == 1
        z = recurrent.gated_product(x * factors[0], w.kernel) if shared else recurrent.gated_product(x, w.kernel, factors)
        bias = self._input_bias(w)
        return (z if bias is None else z + bias), None

    def _input_bias(self, w: Any) -> Any:
        return w.bias if self.use_bias else None

    def gates(self) -> recurrent.Gates:
        """The elementwise part of a step."""
        raise NotImplementedError

    def over_time(
        self, w: Any, xs: Any, states: Any, *, mask: Any = None, rng: Any = None, unroll: bool = False
    ) -> tuple[Any, tuple[Any, ...]]:
        """The cell over a sequence.

        Args:
            w: weights as arrays.
            xs: `(time, batch, in)`.
            states: list of `(batch, units)`.
            mask: bool `(time, batch, 1)`; where it is False the states stay. None for none.
            rng: a key for dropout, or None for none.
            unroll: no loop.

        Returns:
            The output of each step `(time, batch, units)`, and the last states.
        """
        for_inputs, for_states = self.noise(rng, xs[0], states[0])
        added, side = self.added(w, xs, for_inputs)
        return recurrent.unfold(self.gates(), unroll, added, side, w.recurrent_kernel, tuple(states), mask, for_states)

    def _one_step(self, w: Any, x: Any, states: Any, rng: Any) -> tuple[Any, Any]:
        nested = isinstance(states, (list, tuple))
        hs, last = self.over_time(w, x[None], list(states) if nested else [states], rng=rng, unroll=True)
        return hs[0], list(last) if nested else last[0]

    def forward(self, w: Any, inputs: Any, states: Any, *, training: bool = False, rng: Any = None) -> tuple[Any, Any]:
        """One step.

        Args:
            w: weights as arrays.
            inputs: `(batch, in)`.
            states: list of `(batch, units)`, or one array where the cell has one state.

        Returns:
            The output `(batch, units)` and the new states, in the structure they came in.
        """
        return self._one_step(w, inputs, states, rng)
