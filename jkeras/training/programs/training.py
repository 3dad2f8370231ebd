"""Programs: many steps as one compiled call, `(state, *args) -> (state, results)`.

    state, logs = train(state, data, start, stop, epoch, first)

`data` is a batch stack (`data/array_stacker.py`), and the loop runs the step over its batches `start` to `stop`. The bounds are
run-time arguments: one compilation serves every length, and the results do not depend on how an epoch is cut into calls. (With
bounds known at compile time XLA unrolls a loop of length 1, and its last bits differ.) A training program takes the arrays of the
state it is given, all but the metrics' accumulators, which metric objects may hold.

Where an epoch is a handful of batches, the program for short epochs runs many of them in one call:

    state, (logs, table) = train.epochs(state, data, 0, length, epoch, 0, count)

A model that holds an operation which is slow inside a compiled loop on this platform runs step by step instead, with the same
signature (`nn/cpu/slow_loops.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jkeras._base.compiling import precision_scope
from jkeras._base.types import Array, Logs, Scalar, Tree
from jkeras.nn.cpu.slow_loops import slow_in_loop
from jkeras.training.arguments.checks import warn_all_frozen
from jkeras.training.dialects import complete_step
from jkeras.training.objective.trackers import begun, results
from jkeras.training.programs.placed import compiled, rows_cut
from jkeras.training.programs.shards import sharded_step
from jkeras.training.programs.steps_per_dispatch import StepsPerDispatch
from jkeras.training.state import TrainState
from jkeras.training.steps import Steps, reports_metrics_alone
from jkeras.training.whole_step import whole_step

Call = Callable[..., tuple[TrainState, Tree]]

_STRUCTURE = """The training step gives a state of another structure than it takes:

before: {before}
after:  {after}

A step must return every part of the state it was given. If you override train_step, start from `state` and write
`state._replace(...)`."""


class Program:
    """A compiled call, and how long its steps take.

    Attributes:
        call: `(state, *args) -> (state, results)`.
        speed: says how many steps a dispatch should hold.
        runs: dispatches so far.
    """

    def __init__(self, call: Call):
        self.call = call
        self.speed = StepsPerDispatch()
        self.runs = 0

    def __call__(self, state: TrainState, *args: object) -> tuple[TrainState, Tree]:
        return self.call(state, *args)


class TrainingProgram(Program):
    """The program of `fit`. Its first call decides between the loop and single steps.

    Args:
        loop: a jitted loop over the batches of a stack, `(state, metrics, data, *bounds) -> (state, metrics, results)`.
        stepwise: makes the same without a loop.
        joins_epochs: whether `loop` is one over epochs (`over_epochs`), whose last bound says how many.

    Attributes:
        epochs: `call` for several epochs at once; None where a dispatch is never more than one.
    """

    def __init__(self, loop: Any, stepwise: Callable[[], Callable[..., Tree]], joins_epochs: bool = False):
        super().__init__(self._first_call)
        self._loop, self._stepwise = loop, stepwise
        self.epochs: Call | None = self._first_epochs if joins_epochs else None

    def _first_call(self, state: TrainState, *args: object) -> tuple[TrainState, Tree]:
        self._choose(state, *args, *(() if self.epochs is None else (1,)))
        return self.call(state, *args)

    def _first_epochs(self, state: TrainState, *args: Tree) -> tuple[TrainState, Tree]:
        self._choose(state, *args)
        return _keeping_metrics(self._loop)(state, *args)

    def _choose(self, state: TrainState, *args: Tree) -> None:
        if jax.default_backend() == "cpu" and slow_in_loop(self._loop.trace(*_apart(state), *args).jaxpr):
            self.call, self.epochs = _keeping_metrics(self._stepwise()), None
        elif self.epochs is None:
            self.call = _keeping_metrics(self._loop)
        else:
            self.call, self.epochs = self._one_epoch, _keeping_metrics(self._loop)

    def _one_epoch(self, state: TrainState, *args: object) -> tuple[TrainState, Tree]:
        assert self.epochs is not None
        state, (logs, _) = self.epochs(state, *args, 1)
        return state, logs


def _apart(state: TrainState) -> tuple[TrainState, Tree]:
    """What a training program takes away, and the metrics, which it does not."""
    return state._replace(metrics=None), state.metrics


def _keeping_metrics(run: Callable[..., Tree]) -> Call:
    """`(state, metrics, *args) -> (state, metrics, results)` as a program's call."""

    def call(state: TrainState, *args: object) -> tuple[TrainState, Tree]:
        state, metrics, found = run(*_apart(state), *args)
        return state._replace(metrics=metrics), found

    return call


def training_program(model: Steps, joins_epochs: bool = False) -> Program:
    """The program of `fit` for a model whose objective is known.

    Args:
        model: compiled.
        joins_epochs: whether a dispatch may hold several epochs.
    """
    warn_all_frozen(model)
    # What the default step reports follows from the metrics, so it is computed once per dispatch; other steps' logs are carried.
    derived = reports_metrics_alone(model)
    objective = model._trainer.objective
    start_metrics = objective.init_metrics()
    placement = model._trainer.placement
    sharded = sharded_step(model)
    step = complete_step(model, "train_step") if sharded is None else whole_step(model, sharded.train)
    train_step = traced_once(model, step)
    batch_at = rows_cut(batch_of, placement if sharded is None else None)

    def begin(state: TrainState, metrics: Tree, epoch: Scalar, position: Scalar) -> TrainState:
        fresh = objective.restarted(start_metrics, metrics)
        metrics = jax.tree.map(lambda fresh, old: jnp.where(position == 0, fresh, old), fresh, metrics)
        weights = begun(model, state.state, lambda fresh, old: jnp.where(position == 0, fresh, old))
        epoch, position = jnp.asarray(epoch, jnp.int32), jnp.asarray(position, jnp.int32)
        return state._replace(state=weights, metrics=metrics, epoch=epoch, position=position)

    def end(state: TrainState, logs: Logs) -> tuple[TrainState, Tree, Logs]:
        logs = results(model, state) if derived else logs
        return *_apart(state), logs

    def in_loop(
        state: TrainState, metrics: Tree, data: Tree, start: Scalar, stop: Scalar, epoch: Scalar, first: Scalar
    ) -> tuple[TrainState, Tree, Logs]:
        def body(index: Scalar, carry: Tree) -> Tree:
            state, logs = carry
            new, new_logs = train_step(state, batch_at(data, index))
            return like(new, state), logs if derived else like(new_logs, logs)

        with precision_scope():
            state = begin(state, metrics, epoch, first + start)
            logs = None if derived else zeros_of(lambda s: train_step(s, batch_at(data, start))[1], state)
            return end(*lax.fori_loop(start, stop, body, (state, logs)))

    def one_step(
        state: TrainState, metrics: Tree, data: Tree, start: Scalar, epoch: Scalar, first: Scalar
    ) -> tuple[TrainState, Tree, Logs]:
        with precision_scope():
            state = begin(state, metrics, epoch, first + start)
            new, logs = train_step(state, batch_at(data, start))
            return end(like(new, state), logs)

    if not model._trainer.jit:
        return Program(_keeping_metrics(_step_by_step(one_step)))

    def jitted(run: Callable[..., Tree], name: str) -> Callable[..., Tree]:
        lie = () if placement is None else (placement.everywhere,) * 2
        return compiled(run, placement, name, 2, results=lie, donate_argnums=0)

    loop = (
        jitted(over_epochs(in_loop, objective.results), "the loop over short epochs")
        if joins_epochs
        else jitted(in_loop, "the training loop")
    )
    return TrainingProgram(loop, lambda: _step_by_step(jitted(one_step, "the training step")), joins_epochs)


def _step_by_step(step: Callable[..., Tree]) -> Callable[..., Tree]:
    """A training program's function that calls one step after the other."""

    def run(state: TrainState, metrics: Tree, data: Tree, start: int, stop: int, epoch: int, first: int) -> Tree:
        logs = None
        for index in range(start, stop):
            state, metrics, logs = step(state, metrics, data, index, epoch, first)
        return state, metrics, logs

    return run


def over_epochs(in_loop: Callable[..., Tree], results: Callable[[Tree], Logs]) -> Callable[..., Tree]:
    """A loop over whole epochs, to be compiled: `(state, metrics, data, start, stop, epoch, first, count)`.

    Its results are the last epoch's logs and a table with a row of results for each epoch, in the order of their names.

    Args:
        in_loop: a loop over the batches of one epoch.
        results: `metrics -> logs`, scalars of one floating dtype.
    """

    def in_epochs(
        state: TrainState, metrics: Tree, data: Tree, start: Scalar, stop: Scalar, epoch: Scalar, first: Scalar, count: Scalar
    ) -> Tree:
        def body(number: Scalar, carry: Tree) -> Tree:
            state, metrics, _, table = carry
            shift = number * (stop - start)
            state, metrics, logs = in_loop(state, metrics, data, start + shift, stop + shift, epoch + number, first - shift)
            return state, metrics, logs, table.at[number].set(jnp.stack(jax.tree.leaves(logs)))

        state = state._replace(epoch=jnp.asarray(epoch, jnp.int32), position=jnp.asarray(first, jnp.int32))
        logs = zeros_of(results, metrics)
        rows = jax.tree.leaves(data)[0].shape[0]
        table = jnp.zeros((rows, len(logs)), jnp.result_type(*jax.tree.leaves(logs)))
        state, metrics, logs, table = lax.fori_loop(0, count, body, (state, metrics, logs, table))
        return state, metrics, (logs, table)

    return in_epochs


def traced_once(model: Steps, step: Callable[..., Tree]) -> Callable[..., Tree]:
    """The same step, whose Python runs once where a program asks first for the shapes of its results and then loops over it."""
    return jax.jit(step, inline=True) if model._trainer.jit else step


def batch_of(data: Tree, index: Scalar) -> Tree:
    """Batch number `index` of a stack."""
    return jax.tree.map(lambda a: lax.dynamic_index_in_dim(a, index, 0, keepdims=False), data)


def like(new: Tree, old: Tree) -> Tree:
    """A step's results in the dtypes of its arguments, as a loop's carry and a second call need them.

    Raises:
        ValueError: the structures differ.
    """
    before, after = jax.tree.structure(old), jax.tree.structure(new)
    same: bool = before == after  # type: ignore[operator]
    if not same:
        raise ValueError(_STRUCTURE.format(before=before, after=after))

    def settle(new: Array, old: Array) -> Array:
        settled = getattr(new, "dtype", None) == old.dtype and not getattr(new, "weak_type", False)
        return new if settled else lax.convert_element_type(jnp.asarray(new), old.dtype)

    return jax.tree.map(settle, new, old)


def zeros_of(fn: Callable[..., Tree], *args: object) -> Tree:
    """Zeros in the shapes of a function's results."""
    return jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), jax.eval_shape(fn, *args))
