"""`evaluate` and `predict`: batch stacks in, results out, with the weights as they are."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras._base import processes
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
    model: Steps,
    stacker: Stacker,
    program: Program,
    events: CallbackList,
    padded: bool,
    metrics: Logs | None = None,
    steps: int | None = None,
) -> tuple[Logs, Tree]:
    """Run the test step over the data.

    Args:
        model: compiled.
        stacker: of the data.
        program: from `evaluation_program`.
        events: the callbacks.
        padded: whether the last batch is padded.
        metrics: accumulators to continue from; None for fresh ones.
        steps: batches from one batch event to the next, where a callback hears of them.

    Returns:
        The logs, still on the device, and the accumulators.
    """
    model.stop_evaluating = False
    events.on_test_begin()  # before the weights are read: a callback may change them here
    objective = model._trainer.objective
    heard = processes.of_any(events.has_test_batch_hooks, "the beginning of evaluate")
    run = Run(model, random.next_key_numbers(), metrics or objective.init_metrics(), follows=heard)
    if metrics is None:
        run.state = run.state._replace(state=begun(model, run.state.state))
    every = (steps or 1) if heard else 1
    logs: Logs = {}
    number = 0
    with contextlib.closing(stacker.padded_stacks() if padded else stacker.stacks()) as stacks:
        for stack, at, stop in _pieces(stacks, every if heard else None):
            if number and model.stop_evaluating:
                break
            if number % every == 0:
                events.on_test_batch_begin(number)
            with processes.waiting():
                jax.block_until_ready(logs)  # so that no more than one stack waits
            logs = run.dispatch(program, stack.data, at, stop, stack.rows)
            number += stop - at
            if number % every == 0:
                events.on_test_batch_end(number - 1, logs)
        if number % every:
            events.on_test_batch_end(number - 1, logs)
    if not number:
        raise ValueError("The data gave no batch to evaluate. Pass data with at least one row.")
    run.end()
    objective.show(run.state.metrics)
    if not reports_metrics_alone(model, "test_step"):
        logs = logs_of_epoch(model, run.state, logs)
    events.on_test_end(logs)
    return logs, run.state.metrics


def predict(
    model: Steps, stacker: Stacker, program: Program, events: CallbackList, padded: bool, steps: int | None = None
) -> Tree:
    """Run the predict step over the data and return the outputs as numpy arrays; arguments as for `evaluate`."""
    model.stop_predicting = False
    events.on_predict_begin()
    heard = processes.of_any(events.has_predict_batch_hooks, "the beginning of predict")
    run = Run(model, random.next_key_numbers(), follows=heard)
    every = (steps or 1) if heard else 1
    parts: list[Tree] = []
    late: list[tuple[Any, ...]] = []  # outputs that may still be computed
    number = told = 0  # batches that were dispatched, and parts that a callback has been given

    def end_batch() -> None:
        nonlocal told
        outputs = {"outputs": _joined(parts[told:])} if heard else {}
        told = len(parts)
        events.on_predict_batch_end(number - 1, outputs)

    with contextlib.closing(stacker.padded_stacks() if padded else stacker.stacks()) as stacks:
        for stack, at, stop in _pieces(stacks, every if heard else None):
            if number and model.stop_predicting:
                break
            if number % every == 0:
                events.on_predict_batch_begin(number)
            late.append((run.dispatch(program, stack.data, at, stop), at, stop, stack.rows if padded else None))
            number += stop - at
            parts += [_rows(*late.pop(0)) for _ in range(len(late) - (not heard))]
            if number % every == 0:
                end_batch()
        if number % every:
            end_batch()
    parts += [_rows(*one) for one in late]
    if not parts:
        raise ValueError("The data gave no batch to predict. Pass data with at least one row.")
    run.end()
    events.on_predict_end()
    return _joined(parts)


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


def _pieces(stacks: Iterable[BatchStack], every: int | None) -> Iterator[tuple[BatchStack, int, int]]:
    """The parts of stacks to dispatch: all of each, or none that goes beyond a multiple of `every` batches."""
    number = 0
    for stack in stacks:
        at = 0
        while at < stack.batches:
            stop = stack.batches if every is None else min(stack.batches, at + every - number % every)
            yield stack, at, stop
            number, at = number + stop - at, stop


def _joined(parts: Sequence[Tree]) -> Tree:
    return jax.tree.map(lambda *pieces: np.concatenate(pieces), *parts)


def _rows(outputs: Tree, at: int, stop: int, rows: int | None) -> Tree:
    """Outputs of batches `at` to `stop` of a stack, row by row, without what was padded."""

    def join(y: Tree) -> np.ndarray:
        with processes.waiting():
            y = np.asarray(y)[at:stop]
        if y.ndim == 1:  # one number per batch
            return y
        y = y.reshape(-1, *y.shape[2:])
        return y if rows is None else y[: rows - at * (len(y) // (stop - at))]

    return jax.tree.map(join, outputs)
