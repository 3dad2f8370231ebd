"""Programs that read a model and leave it alone: those of `evaluate` and `predict`.

Batches are padded to one shape, so one compilation serves data of any length. Padded rows weigh nothing in losses and metrics,
and their outputs are dropped. Where the model's rows depend on each other, or a row cannot be left out by a weight (a loss of the
user's own that gives one number for a whole batch, a metric class of the user's own, an overridden step), the short last batch
is compiled as a shape of its own instead.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jkeras._base.by_leaves import by_leaves
from jkeras._base.compiling import compiler_options, precision_scope
from jkeras.losses import Loss
from jkeras.metrics import MeanMetricWrapper
from jkeras.training.counted import counted_loop
from jkeras.training.forward import ForwardPass, function_keeps_rows_apart
from jkeras.training.program import Program, batch_of, like, zeros_of
from jkeras.training.recompiles import watched
from jkeras.training.state import TrainState
from jkeras.training.step import Steps, reports_metrics_alone
from jkeras.training.together import batches_together, run_together
from jkeras.training.trackers import results
from jkeras.training.whole_step import whole_step


def evaluation_program(model: Any, padded: bool) -> Program:
    """The program `(run, data, start, stop, rows) -> (run, logs)`; of `run` only what the step may change comes back."""
    derived = reports_metrics_alone(model, "test_step")
    test_step = whole_step(model, model._test_step if padded else model.test_step)

    def step(run: TrainState, data: Any, index: Any, rows: Any) -> tuple[TrainState, Any]:
        batch = batch_of(data, index)
        if not padded:
            return test_step(run, batch)
        size = jax.tree.leaves(batch)[0].shape[0]
        return test_step(run, batch, index * size + jnp.arange(size) < rows)

    def in_loop(run: TrainState, data: Any, start: Any, stop: Any, rows: Any) -> tuple[TrainState, Any]:
        def body(index: Any, carry: Any) -> Any:
            changing, logs = carry
            new, new_logs = step(restore(run, changing), data, index, rows)
            return like(changes(new), changing), logs if derived else like(new_logs, logs)

        run = with_key(run)
        with precision_scope():
            logs = None if derived else zeros_of(lambda run: step(run, data, start, rows)[1], run)
            changing, logs = counted_loop(start, stop, body, (changes(run), logs))
        return changing, results(model, changing) if derived else logs

    def one_by_one(run: TrainState, data: Any, start: int, stop: int, rows: int) -> tuple[TrainState, Any]:
        run, logs = with_key(run), None
        for index in range(start, stop):
            run, logs = step(run, data, index, rows)
        return changes(run), logs

    if not model._traced:
        return Program(one_by_one)
    return Program(watched(by_leaves(in_loop, compiler_options=compiler_options()), "the evaluation loop", 1 if padded else 2))


def prediction_program(model: Any) -> Program:
    """The program `(run, data, start, stop) -> (run, outputs)`; outputs are a block like the data."""
    own_step = type(model).predict_step is Steps.predict_step
    predict_step = whole_step(model, model.predict_step)

    def in_loop(run: TrainState, data: Any, start: Any, stop: Any) -> tuple[TrainState, Any]:
        def body(index: Any, carry: Any) -> Any:
            changing, outputs = carry
            new, y = predict_step(restore(run, changing), batch_of(data, index))
            outputs = jax.tree.map(lambda block, part: lax.dynamic_update_index_in_dim(block, part, index, 0), outputs, y)
            return like(changes(new), changing), outputs

        run = with_key(run)
        capacity = jax.tree.leaves(data)[0].shape[0]
        with precision_scope():
            batch = zeros_of(lambda run: predict_step(run, batch_of(data, start))[1], run)
            outputs = jax.tree.map(lambda y: jnp.broadcast_to(y, (capacity, *y.shape)), batch)
            together = batches_together(predict_step, run, data) if own_step else 1
            if together > 1:
                outputs, start = run_together(predict_step, run, data, outputs, together, start, stop)
            return counted_loop(start, stop, body, (changes(run), outputs))

    def one_by_one(run: TrainState, data: Any, start: int, stop: int) -> tuple[TrainState, Any]:
        run, found = with_key(run), []
        for index in range(start, stop):
            run, y = predict_step(run, batch_of(data, index))
            found.append(y)
        return changes(run), jax.tree.map(lambda *parts: jnp.stack(parts), *found)

    if not model._traced:
        return Program(one_by_one)
    return Program(watched(by_leaves(in_loop, compiler_options=compiler_options()), "the prediction loop"))


def batch_program(model: Any) -> Program:
    """The program `(run, batch) -> (run, outputs)` for a batch alone: no loop."""

    def one(run: TrainState, batch: Any) -> tuple[TrainState, Any]:
        with precision_scope():
            new, y = whole_step(model, model.predict_step)(with_key(run), batch)
        return changes(new), y

    if not model._traced:
        return Program(one)
    # Not by leaves: taking the trees apart would be felt in the time of a call.
    return Program(watched(jax.jit(one, compiler_options=compiler_options()), "the prediction of a batch"))


def with_key(run: TrainState) -> TrainState:
    """A run whose `rng` is `(seed, number)` on the host, with the key made of them."""
    seed, number = run.rng
    return run._replace(rng=jax.random.fold_in(jax.random.key(seed), number))


def changes(run: TrainState) -> TrainState:
    """What a reading step may change; the parameters are not among it, and so are not copied."""
    return run._replace(params=None, opt_state=None, rng=None, epoch=None)


def restore(run: TrainState, changing: TrainState) -> TrainState:
    """The whole state again."""
    return changing._replace(params=run.params, opt_state=run.opt_state, rng=run.rng, epoch=run.epoch)


def rows_can_be_masked(model: Any, y_spec: Any, forward: ForwardPass, rows: int) -> bool:
    """Whether the results of an evaluation are the same when rows are added that weigh nothing.

    Args:
        model: with an objective.
        y_spec: pytree of shapes of a batch of targets.
        forward: the model's forward pass.
        rows: of the batch.
    """
    own = ("test_step", "objective", "compute_loss", "compute_metrics", "update_metrics")
    if forward.adds_losses or not model._traced or any(getattr(type(model), name) is not getattr(Steps, name) for name in own):
        return False
    objective = model._objective
    targets = objective.targets(y_spec) if objective.has_losses or objective.tracked else []
    predictions = jax.tree.leaves(forward.outputs_at(rows))
    for i, loss in objective.losses.items():
        # Of a loss without reduction the mean is reported, over padded rows too.
        if type(loss).__call__ is not Loss.__call__ or loss.reduction in (None, "none"):
            return False
        if not _by_row(loss.call, targets[i], predictions[i]):
            return False
    for tracked in objective.tracked:
        metric = tracked.metric
        if not type(metric).__module__.startswith("jkeras.metrics.") or metric.counts_rows:
            return False
        if isinstance(metric, MeanMetricWrapper):
            fn = functools.partial(metric.fn, **metric._fn_kwargs)
            if not _by_row(fn, targets[tracked.output], predictions[tracked.output]):
                return False
    return forward.keeps_rows_apart


def _by_row(fn: Any, target: Any, prediction: Any) -> bool:
    """Whether a function of a batch gives one value, or one row of values, for each of its rows, whatever the others hold."""
    return target is not None and function_keeps_rows_apart(fn, target, prediction)
