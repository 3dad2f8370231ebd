"""Trackers: the metrics that a model and its layers hold, beside the compiled ones.

You may update a metric anywhere: in `call`, `compute_loss`, `compute_metrics` or a step of your own. The accumulators of compiled
metrics are in `TrainState.metrics`, by name; those of trackers in `TrainState.state`, by path, since layers may update them. Both
start afresh with each epoch, and `model.metrics` says which are reported in the logs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import jax
import numpy as np
from jax.typing import ArrayLike

from jkeras._base import paths
from jkeras._base.types import Array, Logs, Tree
from jkeras.layer.tracking import Tracker, inventory
from jkeras.state.functionalize import functionalize
from jkeras.state.scope import set_mask
from jkeras.training.objective.logs import flat_results
from jkeras.training.state import Outcome, TrainState
from jkeras.training.whole_step import Place, metric_places, with_values

if TYPE_CHECKING:
    from jkeras.training.steps import Steps

T = TypeVar("T")


def trackers_of_run(model: Steps) -> list[Tracker]:
    """The metrics that the model and its layers hold, and those that nobody holds, but a `metrics` property lists."""
    held = [held.tracker for held in inventory(model).trackers]
    return list({id(tracker): tracker for tracker in (*held, *model._trainer.reported_metrics()[1])}.values())


def tracker_places(model: Steps) -> list[Place]:
    """Where `TrainState.state` holds the accumulators of the trackers."""
    ids = {id(variable) for tracker in trackers_of_run(model) for variable in tracker.variables}
    return [Place("state", path, variable) for path, variable in inventory(model).entries if id(variable) in ids]


def begun(model: Steps, state: Tree, start: Callable[[Array, Array], ArrayLike] = lambda fresh, old: fresh) -> Tree:
    """`TrainState.state` at the start of an epoch.

    Args:
        model: whose metrics.
        state: nested dicts.
        start: `(fresh, old) -> value`, to reset on a condition.
    """
    paths_of = {id(place.variable): place.path for place in tracker_places(model)}
    for tracker in trackers_of_run(model):
        places = [paths_of[id(variable)] for variable in tracker.variables]
        values = [paths.get(state, path) for path in places]
        for path, fresh, old in zip(places, _reset(tracker, values), values):
            state = paths.put(state, path, start(fresh, old))
    return state


def _reset(tracker: Tracker, values: Sequence[Array]) -> list[Array]:
    """What `reset_state` makes of the values of a tracker's variables; one of the user's may keep some."""
    return functionalize(tracker.reset_state, tracker.variables)(values).values


def results(model: Steps, state: TrainState) -> Logs:
    """The logs: the results of all metrics in `model.metrics`.

    Args:
        model: compiled.
        state: its `metrics` and `state` count.
    """
    hidden, others = model._trainer.reported_metrics()
    logs = {name: result for name, result in model._trainer.objective.results(state.metrics).items() if name not in hidden}
    if others:

        def results_of_others() -> Logs:
            return flat_results((metric.name, metric.result()) for metric in others)

        logs |= with_values(model, tracker_places(model), state, results_of_others)[1]
    return logs


def logs_of_epoch(model: Steps, state: TrainState, logs: Logs) -> Logs:
    """What an epoch or an evaluation reports, whose last step gave these logs.

    A step may report its own batch and leave the means to the metrics. So where its logs have the names of the metrics in
    `model.metrics`, the metrics' results count, as in Keras. For a metric that was never updated, what the step reported stays.

    Args:
        model: compiled.
        state: after the last step.
        logs: of the last step.
    """
    found = results(model, state)
    if found.keys() != logs.keys():
        return logs
    idle = _untouched(model, state)
    return {name: logs[name] if idle.get(name) else value for name, value in found.items()}


def _untouched(model: Steps, state: TrainState) -> Logs:
    """For each name in the logs, whether its metric is as it was before the first batch."""
    hidden, others = model._trainer.reported_metrics()
    objective = model._trainer.objective
    start = objective.init_metrics()
    compiled = objective.results_by_name(state.metrics)
    flags = flat_results((name, _flagged(one, _equal(state.metrics[name], start[name]))) for name, one in compiled.items())
    flags = {name: flag for name, flag in flags.items() if name not in hidden}
    if others:
        places = tracker_places(model)
        held = {id(place.variable): paths.get(state.state, place.path) for place in places}
        found = with_values(model, places, state, lambda: [metric.result() for metric in others])[1]
        values = [[held.get(id(variable), variable.array) for variable in metric.variables] for metric in others]
        idle = [_equal(of, _reset(metric, of)) for metric, of in zip(others, values)]
        flags |= flat_results((metric.name, _flagged(one, flag)) for metric, one, flag in zip(others, found, idle))
    return flags


def _flagged(result: Tree, flag: bool) -> Tree:
    return {key: _flagged(part, flag) for key, part in result.items()} if isinstance(result, dict) else flag


def _equal(values: Tree, start: Tree) -> bool:
    pairs = zip(jax.tree.leaves(values), jax.tree.leaves(start), strict=True)
    return all(np.array_equal(np.asarray(value), np.asarray(fresh)) for value, fresh in pairs)


def updated(model: Steps, state: TrainState, outcome: Outcome, update: Callable[[], T]) -> tuple[TrainState, T]:
    """Run code that calls metrics' `update_state`.

    Returns:
        The state with what they accumulated, and what the code returned.
    """

    def run() -> T:
        for prediction, mask in zip(jax.tree.leaves(outcome.y_pred), outcome.masks):
            if mask is not None:
                set_mask(prediction, mask)
        return update()

    return with_values(model, metric_places(model) + tracker_places(model), state, run)
