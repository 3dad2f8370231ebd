"""Steps in TensorFlow's form: `train_step(self, data)` with a gradient tape, which changes Variables and returns logs.

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = self.compute_loss(y=y, y_pred=self(x, training=True))
        grads = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(grads, self.trainable_variables))
        return {"loss": loss}

The loop wants `(state, batch) -> (state, logs)`. So the step runs as a pure function of all Variables that a state holds
(`state/tape.py`), and what it assigned goes into the new state. That includes what its optimizers carry, which is kept in
Variables: a step may use as many optimizers as it likes.

With `run_eagerly=True` nothing is traced: the Variables get the values of the state, the step runs as plain Python on numbers
that can be printed, and the new state is what the Variables hold then.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from jkeras._base.errors import describe
from jkeras._base.types import Array, Batch, Tree
from jkeras.data.batch import pack_x_y_sample_weight
from jkeras.graph.infer import at_size
from jkeras.layer.leaks import hide_tracers
from jkeras.layer.pure import layer_positions
from jkeras.layer.tracking import inventory
from jkeras.state.scope import Scope, UnknownVariables, current
from jkeras.state.tape import NeedsTrace, taped
from jkeras.training.objective.logs import flat_results
from jkeras.training.own_loss import OutputsKnown
from jkeras.training.state import TrainState
from jkeras.training.whole_step import Place, all_places, value_at, whole_step, with_value

if TYPE_CHECKING:
    from jkeras.training.steps import Steps

_TRACED = """{cls}.{name} is traced, in spite of run_eagerly=True: prints and breakpoints in it see no values. Its gradient
tape works only in traced code. A tf.GradientTape in a source file or a notebook's cell works line by line as well."""

_ROUNDS = 32  # each one may find more Variables
_NO_LOGS = """{cls}.{name} returned {given}. In this form a step returns a dict of what the logs show:

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = self.compute_loss(y=y, y_pred=self(x, training=True))
        grads = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(grads, self.trainable_variables))
        return {{"loss": loss}}
"""


def taped_step(model: Steps, name: str) -> Callable[[TrainState, Batch], tuple[TrainState, Tree]]:
    """A model's step in TensorFlow's form as a pure step.

    Args:
        model: the step is one of.
        name: `"train_step"`, `"test_step"` or `"predict_step"`.

    Returns:
        `(state, batch) -> (state, result)`.

    Raises:
        TypeError: when it runs, for a step that gives no logs.
    """

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Tree]:
        places = all_places(model, state)
        before = [value_at(state, place) for place in places]
        run = taped(lambda: _own_step(model, name, batch), [place.variable for place in places], positions=layer_positions(model))
        try:
            result = run(before, rng=state.key)
        finally:
            hide_tracers(model)
        for place, old, new in zip(places, before, result.values):
            state = state if new is old else with_value(state, place, new)
        return _after_step(model, name, state, result.output)

    return step


def _own_step(model: Steps, name: str, batch: Batch) -> Tree:
    """What the step that the class wrote gives for a batch."""
    with model._trainer.showing_metrics("in a step"):
        return getattr(model, name)(data_of(model, batch))


def _after_step(model: Steps, name: str, state: TrainState, output: Tree) -> tuple[TrainState, Tree]:
    """The state with one more step counted, and the outputs, or the logs without dicts in them."""
    if name == "predict_step":
        return state, output
    if not isinstance(output, dict):
        raise TypeError(_NO_LOGS.format(cls=type(model).__name__, name=name, given=describe(output)))
    return state._replace(iteration=state.iteration + 1, position=state.position + 1), flat_results(output.items())


def step_by_line(model: Steps, name: str) -> Callable[[TrainState, Batch], tuple[TrainState, Tree]]:
    """A model's step in TensorFlow's form, `(state, batch) -> (state, result)`, which runs as plain Python.

    Args:
        model: the step is one of.
        name: `"train_step"`, `"test_step"` or `"predict_step"`.

    Returns:
        For use outside of all transforms. Where a tape needs a trace, the step is traced, with a warning.
    """
    traced: list[Callable[[TrainState, Batch], tuple[TrainState, Tree]]] = []

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Tree]:
        if traced:
            return traced[0](state, batch)
        places = all_places(model, state)
        before = [value_at(state, place) for place in places]
        _assign(places, before)
        scope = Scope(current())
        scope.rng, scope.positions = state.key, layer_positions(model)
        try:
            with scope:
                output = _own_step(model, name, batch)
        except NeedsTrace:
            _assign(places, before)
            warnings.warn(_TRACED.format(cls=type(model).__name__, name=name), stacklevel=2)
            traced.append(whole_step(model, taped_step(model, name)))
            return traced[0](state, batch)
        for place, old in zip(places, before):
            new = place.variable.stored
            state = state if new is old else with_value(state, place, new)
        return _after_step(model, name, state, output)

    return step


def _assign(places: list[Place], values: list[Array]) -> None:
    for place, value in zip(places, values):
        place.variable.assign(value)


def data_of(model: Steps, batch: Batch) -> Any:
    """A batch as Keras passes it to a step: as short a tuple as there are parts, or what a data set yields."""
    x, y, sample_weight = batch
    if y is None and sample_weight is None:
        return pack_x_y_sample_weight(x) if model._trainer.bare_inputs else (x,)
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def outputs_of_step(model: Steps, specs: Batch, rows: int) -> Tree:
    """Shapes of the outputs that a training step gives to the compiled losses or metrics; an empty tuple where it does not.

    Args:
        model: its step is in TensorFlow's form.
        specs: of a batch, with None for the axis of rows.
        rows: of the batch.
    """
    batch = jax.tree.map(lambda s: at_size(s, rows), specs)
    variables = [variable for _, variable in inventory(model).entries]
    model._trainer.finds_outputs = True
    try:
        for _ in range(_ROUNDS):
            run = taped(lambda batch: [_own_step(model, "train_step", batch)][:0], variables, complete=True)
            values = [jax.ShapeDtypeStruct(v.shape, v.stored_dtype) for v in variables]
            try:
                jax.eval_shape(lambda values, batch, run=run: run(values, batch, rng=jax.random.key(0)).values, values, batch)
            except UnknownVariables as found:
                variables += found.variables
                continue
            except OutputsKnown as found:
                return found.handed.y_pred
            except jax.errors.JAXTypeError:  # it looks at values
                if model._trainer.jit:
                    raise
                return _outputs_by_line(model, batch)
            break
    finally:
        model._trainer.finds_outputs = False
        hide_tracers(model)
    return ()


def _outputs_by_line(model: Steps, batch: Batch) -> Tree:
    """The same from a run on zeros; the Variables keep their values."""
    entries = [variable for _, variable in inventory(model).entries]
    before = [variable.stored for variable in entries]
    scope = Scope(current())
    scope.rng, scope.positions = jax.random.key(0), layer_positions(model)
    try:
        with scope:
            _own_step(model, "train_step", jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), batch))
    except OutputsKnown as found:
        return found.handed.y_pred
    finally:
        for variable, value in zip(entries, before):
            variable.assign(value)
    return ()
