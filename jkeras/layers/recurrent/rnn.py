"""RNN: a cell, run over the time axis of a sequence."""

from __future__ import annotations

from typing import Any, Unpack

import jax
import jax.numpy as jnp
import numpy as np

from jkeras._base.registry import export
from jkeras._base.types import Array, Tree
from jkeras.graph.spec import Spec, is_spec
from jkeras.layer.base import BaseArguments, Layer
from jkeras.layer.structures import is_numbers, shapes_to_specs
from jkeras.layer.tracking import KeptState
from jkeras.layers.recurrent.cell_scan import Walk, last_output, run_over_time
from jkeras.layers.recurrent.stacked_cells import CellLike, StackedRNNCells, build_cell, check_cell, initial_states, is_nested

_BATCH = """{cls} {layer!r} is stateful: it keeps one state for each row of the batch, so it must know how many there are.
Received inputs of shape {shape}. Give the size, for example Input(batch_shape=(32, 10, 8)) or batch_size=32."""

_NO_STEPS = """{cls} {layer!r} takes sequences, (batch, steps, ...). Received shape {shape}. A recurrent layer in front of another
one must give every step: write return_sequences=True there. One vector for many steps: layers.RepeatVector(steps). One sequence
without its batch axis: x[None]."""

_OTHER_BATCH = """{cls} {layer!r} is stateful and keeps the states of {expected} rows. Received a batch of {received}. Give
batches of {expected} rows, or make a new layer."""

_OTHER_STATES = """{cls} {layer!r} keeps states of the shapes {kept}. Received {given}. Give one array for each; a layer with
stateful=True keeps states from its first call on, or once it has an Input with a batch size."""


class KeptStates(Layer):
    """The states of a stateful layer, in a layer of their own, so that programs and files find them as they find all weights.

    Args:
        first: list of the first states, nested as the layer's.
        dtype: of the weights that keep them.
    """

    def __init__(self, first: list[Tree], dtype: str):
        super().__init__(name="states", trainable=False, dtype=dtype)
        self.structure = jax.tree.structure(first)
        self.flat = [KeptState(value, None, dtype, False, name="rnn_state") for value in jax.tree.leaves(first)]
        self.built = True


@export("keras.layers.RNN")
class RNN(Layer):
    """Run a cell over the time axis.

    A cell is a layer with `call(inputs, states) -> (output, states)` and `state_size`, a number or a list of numbers;
    `output_size` and `get_initial_state(batch_size)` are optional. Inputs, outputs and each state may be a tuple or a dict of
    arrays.

    Args:
        cell: a cell, or a list of cells, which are stacked.
        return_sequences: whether to return the outputs of all steps or the last one only.
        return_state: whether to return the last states too.
        go_backwards: whether to start at the end; outputs then come in the order in which they were made.
        stateful: whether a batch starts with the last states of the batch before; see `reset_state`.
        unroll: whether to write the steps one after another instead of a loop: quicker for a few steps, slow to compile for many.
        zero_output_for_mask: whether the output of a masked step is zero instead of the output before. Keras ignores it where
            `unroll` is on; here `unroll` changes no number.
        kwargs: as every layer.

    Call:
        sequences: `(batch, time, ...)`, or a tuple or dict of such arrays where the cell takes one. A list is, as in Keras 2, the
            sequences and then the first states.
        initial_state: list of the first states; default zeros, or the cell's `get_initial_state`.
        mask: bool `(batch, time)`; steps where it is False leave the states as they are.
        Returns `(batch, size)`, or `(batch, time, size)` with `return_sequences`; with `return_state` `(output, *states)`.

    Raises:
        ValueError: a cell without `call` or `state_size`; several arrays for one of this package's cells; a stateful layer
            with an unknown or another batch size.

    Example:
        >>> import numpy as np
        >>> from jkeras.layers import GRUCell
        >>> output, state = RNN(GRUCell(4), return_sequences=True, return_state=True)(np.ones((2, 5, 3)))
        >>> output.shape, state.shape
        ((2, 5, 4), (2, 4))
    """

    supports_masking = True

    def __init__(
        self,
        cell: CellLike | list[Tree] | tuple[CellLike, ...],
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Unpack[BaseArguments],
    ):
        if isinstance(cell, (list, tuple)):
            cell = StackedRNNCells(cell)
        check_cell(type(self).__name__, cell)
        super().__init__(**kwargs)
        self.cell: CellLike = cell
        self.return_sequences, self.return_state = return_sequences, return_state
        self.go_backwards, self.stateful, self.unroll = go_backwards, stateful, unroll
        self.zero_output_for_mask = zero_output_for_mask
        self._kept: KeptStates | None = None
        self.single_state = not is_nested(cell.state_size)
        self.state_size = [cell.state_size] if self.single_state else list(cell.state_size)

    def build(self, sequences_shape: Tree, initial_state_shape: Tree = None) -> None:
        """Make the cell's weights, and the kept states of a stateful layer."""
        sequences = shapes_to_specs(sequences_shape, self.compute_dtype)
        first = jax.tree.leaves(sequences, is_leaf=is_spec)[0].shape
        here = {"cls": type(self).__name__, "layer": self.name}
        if len(first) < 3:
            raise ValueError(_NO_STEPS.format(**here, shape=first))
        build_cell(self.cell, jax.tree.map(lambda s: Spec((s.shape[0], *s.shape[2:]), s.dtype), sequences, is_leaf=is_spec))
        if not self.stateful:
            return
        if self._kept is not None:
            self.reset_state()
        elif first[0] is None:
            raise ValueError(_BATCH.format(**here, shape=first))
        else:
            self._kept = KeptStates(self.get_initial_state(first[0]), self.variable_dtype)

    def __call__(self, *args: Tree, **kwargs: Tree) -> Tree:
        """Run the layer; as in Keras 2, a list may hold the sequences and then the first states."""
        return super().__call__(*states_apart(args, kwargs), **kwargs)

    @property
    def states(self) -> Tree:
        """The kept states of a stateful layer, variables in a list; None where there are none."""
        return None if self._kept is None else jax.tree.unflatten(self._kept.structure, self._kept.flat)

    def get_initial_state(self, batch_size: int) -> list[Tree]:
        """The first states for a batch of this size."""
        return initial_states(self.cell, batch_size, getattr(self.cell, "compute_dtype", self.compute_dtype))

    def _zero_states(self, sequences: Tree) -> list[Tree]:
        """The first states for these sequences."""
        return self.get_initial_state(_rows(sequences))

    def reset_state(self) -> None:
        """Set the kept states of a stateful layer to zero."""
        for state in self._kept.flat if self._kept is not None else ():
            state.assign(jnp.zeros(state.shape))

    def reset_states(self, states: Tree = None) -> None:
        """Set the kept states of a stateful layer.

        Args:
            states: arrays `(batch, size)` in the structure of `states`, or one where the layer keeps one; default zeros.

        Raises:
            ValueError: the layer keeps no states yet, another number of them, or of other shapes; nothing is changed then.
        """
        if states is None:
            self.reset_state()
            return
        kept = self._kept.flat if self._kept is not None else []
        values = [np.asarray(value) for value in jax.tree.leaves(states)]
        if not kept or [value.shape for value in values] != [state.shape for state in kept]:
            expected = ", ".join(str(state.shape) for state in kept) or "none"
            given = ", ".join(str(value.shape) for value in values)
            raise ValueError(_OTHER_STATES.format(cls=type(self).__name__, layer=self.name, kept=expected, given=given))
        for state, value in zip(kept, values):
            state.assign(value)

    def call(self, sequences: Tree, initial_state: Tree = None, mask: Tree = None, training: bool = False) -> Tree:
        """The cell over all steps."""
        states = self._first_states(sequences, initial_state)
        xs, mask = _swap(sequences), _time_major(mask)
        if self.go_backwards:
            xs, mask = jax.tree.map(lambda a: a[::-1], (xs, mask))
        walk = Walk(mask, self.zero_output_for_mask, bool(training), self.unroll)
        outputs, last = self._over_time(xs, states, walk)
        outputs, last = jax.tree.map(lambda a: a.astype(self.compute_dtype), (outputs, last))
        if self._kept is not None:
            for state, value in zip(self._kept.flat, jax.tree.leaves(last)):
                state.assign(value)
        output = _swap(outputs) if self.return_sequences else last_output(self.cell, outputs, last, walk)
        return (output, *last) if self.return_state else output

    def _over_time(self, xs: Tree, states: list[Tree], walk: Walk) -> tuple[Tree, list[Tree]]:
        return run_over_time(self.cell, xs, states, walk)

    def _first_states(self, sequences: Tree, given: Tree) -> list[Tree]:
        if self._kept is not None:
            kept = self._kept.flat[0].shape[0]
            if (rows := _rows(sequences)) != kept:
                name = {"cls": type(self).__name__, "layer": self.name}
                raise ValueError(_OTHER_BATCH.format(**name, expected=kept, received=rows))
        if given is None and self._kept is not None:
            given = jax.tree.map(lambda state: state, self.states)  # their arrays
        elif given is None:
            given = self._zero_states(sequences)
        states = list(given) if is_nested(given) else [given]
        dtype = getattr(self.cell, "compute_dtype", self.compute_dtype)
        return jax.tree.map(lambda a: jnp.asarray(a, dtype), states)

    def compute_mask(self, inputs: Tree, previous_mask: Tree = None) -> Tree:
        """The input's mask for a sequence of outputs; none for a last output and for states."""
        mask = one_mask(previous_mask)
        mask = mask if self.return_sequences else None
        return [mask, *[None] * len(self.state_size)] if self.return_state else mask


def states_apart(args: tuple[Tree, ...], kwargs: dict[str, Tree]) -> tuple[Tree, ...]:
    """The arguments of a call; the first one, if it is a list of sequences and first states, as two."""
    listed = args[0] if len(args) == 1 and isinstance(args[0], list) else []
    if len(listed) < 2 or is_numbers(listed) or kwargs.get("initial_state") is not None:
        return args
    return listed[0], listed[1:]


def one_mask(masks: Tree) -> Tree:
    """The mask of a call with several inputs, whose steps are the same: the first one that there is."""
    return next((mask for mask in jax.tree.leaves(masks, is_leaf=is_spec) if mask is not None), None)


def _rows(sequences: Tree) -> Any:
    """The size of the batch."""
    return jax.tree.leaves(sequences)[0].shape[0]


def _swap(sequences: Tree) -> Tree:
    """Time-major from batch-major arrays, and back."""
    return jax.tree.map(lambda a: jnp.swapaxes(a, 0, 1), sequences)


def _time_major(masks: Tree) -> Array | None:
    """Bool `(time, batch, 1)` for a mask `(batch, time)` or `(batch, time, 1)`; None for None."""
    mask = one_mask(masks)
    if mask is None:
        return None
    mask = jnp.asarray(mask, bool)
    return jnp.swapaxes(mask[..., None] if mask.ndim == 2 else mask, 0, 1)
