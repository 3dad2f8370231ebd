"""`evaluate` and `predict`: batch stacks in, results out, with the weights as they are."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

import jax
import jax.numpy as jnp
import numpy as np

from jkeras._base.types import Batch, Logs, Tree
from jkeras.callbacks import CallbackList
from jkeras.data.array_stacker import BatchStack
from jkeras.data.stream_stacker import Stacker
from jkeras.state import random
from jkeras.training.objective.trackers import begun, logs_of_epoch
from jkeras.training.programs.training import Program
from jkeras.training.run import Run
from jkeras.training.steps import Steps, reports_metrics_alone


def evaluate(
    model: Steps, stacker: Stacker, program: Program, events: CallbackList, padded: bool, metrics: Logs | None = None
) -> tuple[Logs, Tree]:
    """Run the test step over the data.

    Args:
        model: compiled.
        stacker: of the data.
        program: from `evaluation_program`.
        events: the callbacks.
        padded: whether the last batch is padded.
        metrics: accumulators to continue from; None for fresh ones.

    Returns:
        The logs, still on the device, and the accumulators.
    """
    model.stop_evaluating = False
    events.on_test_begin()  # before the weights are read: a callback may change them here
    objective = model._trainer.objective
    run = Run(model, random.next_key_numbers(), metrics or objective.init_metrics(), follows=events.has_test_batch_hooks)
    if metrics is None:
        run.state = run.state._replace(state=begun(model, run.state.state))
    logs: Logs = {}
    number = 0
    with contextlib.closing(stacker.padded_stacks() if padded else stacker.stacks()) as stacks:
        for stack, at, stop in _pieces(stacks, events.has_test_batch_hooks):
            if number and model.stop_evaluating:
                break
            events.on_test_batch_begin(number)
            jax.block_until_ready(logs)  # so that no more than one stack waits
            logs = run.dispatch(program, stack.data, at, stop, stack.rows)
            number += stop - at
            events.on_test_batch_end(number - 1, logs)
    if not number:
        raise ValueError("The data gave no batch to evaluate. Pass data with at least one row.")
    run.end()
    objective.show(run.state.metrics)
    if not reports_metrics_alone(model, "test_step"):
        logs = logs_of_epoch(model, run.state, logs)
    events.on_test_end(logs)
    return logs, run.state.metrics


def predict(model: Steps, stacker: Stacker, program: Program, events: CallbackList, padded: bool) -> Tree:
    """Run the predict step over the data and return the outputs as numpy arrays; arguments as for `evaluate`."""
    model.stop_predicting = False
    events.on_predict_begin()
    run = Run(model, random.next_key_numbers(), follows=events.has_predict_batch_hooks)
    parts: list[Tree] = []
    late: Tree = None  # outputs that may still be computed
    number = 0
    with contextlib.closing(stacker.padded_stacks() if padded else stacker.stacks()) as stacks:
        for stack, at, stop in _pieces(stacks, events.has_predict_batch_hooks):
            if number and model.stop_predicting:
                break
            events.on_predict_batch_begin(number)
            outputs = run.dispatch(program, stack.data, at, stop)
            number += stop - at
            if late is not None:
                parts.append(_rows(*late))
            late = outputs, at, stop, stack.rows if padded else None
            events.on_predict_batch_end(number - 1, {"outputs": _rows(*late)} if events.has_predict_batch_hooks else {})
    if late is None:
        raise ValueError("The data gave no batch to predict. Pass data with at least one row.")
    run.end()
    events.on_predict_end()
    return jax.tree.map(lambda *pieces: np.concatenate(pieces), *parts, _rows(*late))


def predict_batch(model: Steps, batch: Batch, size: int, program: Program, events: CallbackList) -> Tree:
    """The outputs for all rows as one batch, as numpy arrays.

    Args:
        model: built.
        batch: `(x, y, sample_weight)`.
        size: rows that the program computes; those that are missing are copies of the first.
        program: from `batch_program`.
        events: the callbacks.
    """
    events.on_predict_begin()
    events.on_predict_batch_begin(0)
    run = Run(model, random.next_key_numbers(), follows=False)
    rows = jax.tree.leaves(batch)[0].shape[0]
    outputs = run.dispatch(program, batch if rows == size else _filled(batch, rows, size))
    run.end()
    kept = rows if rows < size else None
    outputs = _on_host(outputs, kept) if isinstance(outputs, jax.Array) else jax.tree.map(lambda y: _on_host(y, kept), outputs)
    events.on_predict_batch_end(0, {"outputs": outputs})
    events.on_predict_end()
    return outputs


def _filled(batch: Batch, rows: int, size: int) -> Batch:
    numbers = np.arange(size) * (np.arange(size) < rows)
    filled: Batch = jax.tree.map(lambda a: (jnp if isinstance(a, jax.Array) else np).take(a, numbers, axis=0), batch)
    return filled


def _on_host(y: Tree, rows: int | None) -> np.ndarray:
    return np.array(y if rows is None else np.asarray(y)[:rows])


def _pieces(stacks: Iterable[BatchStack], one_by_one: bool) -> Iterator[tuple[BatchStack, int, int]]:
    """The parts of stacks to dispatch: all of each, or batch by batch."""
    for stack in stacks:
        yield from [(stack, i, i + 1) for i in range(stack.batches)] if one_by_one else [(stack, 0, stack.batches)]


def _rows(outputs: Tree, at: int, stop: int, rows: int | None) -> Tree:
    """Outputs of batches `at` to `stop` of a stack, row by row, without what was padded."""

    def join(y: Tree) -> np.ndarray:
        y = np.asarray(y)[at:stop]
        if y.ndim == 1:  # one number per batch
            return y
        y = y.reshape(-1, *y.shape[2:])
        return y if rows is None else y[: rows - at * (len(y) // (stop - at))]

    return jax.tree.map(join, outputs)
