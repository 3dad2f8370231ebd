"""What is reported: the compiled losses and metrics, and the metrics that a model and its layers hold.

Users update a metric wherever they like: in `call`, in `compute_loss`, in `compute_metrics`, in a step of their own. What the
compiled ones accumulate is in `TrainState.metrics`, by name; what the others do is in `TrainState.state`, by path, since layers
may update them. Both begin anew with each epoch, and `model.metrics` says which stand in the logs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from jkeras._base import paths
from jkeras.layers.tracking import Path, inventory
from jkeras.state.functionalize import functionalize
from jkeras.state.scope import set_mask
from jkeras.training.logs import flat_results
from jkeras.training.state import Outcome, TrainState
from jkeras.training.whole_step import Place, metric_places, with_values


def tracker_places(model: Any) -> list[Place]:
    """Where `TrainState.state` holds what the metrics that a model and its layers hold accumulate."""
    held = inventory(model)
    ids = {id(box) for _, tracker, _ in held.trackers for box in tracker.variables}
    return [Place("state", path, box) for path, box in held.entries if id(box) in ids]


def starts(model: Any) -> dict[Path, np.ndarray]:
    """What they begin an epoch with, by path."""
    paths_of = {id(place.variable): place.path for place in tracker_places(model)}
    found: dict[Path, np.ndarray] = {}
    for _, tracker, _ in inventory(model).trackers:
        boxes = tracker.variables
        with jax.ensure_compile_time_eval():
            values = functionalize(tracker.reset_state, boxes)([box.value for box in boxes]).values
            found.update((paths_of[id(box)], np.asarray(value)) for box, value in zip(boxes, values))
    return found


def begun(model: Any, state: Any, start: Callable[[Any, Any], Any] = lambda fresh, old: fresh) -> Any:
    """`TrainState.state` at the begin of an epoch.

    Args:
        model: whose metrics.
        state: nested dicts.
        start: `(fresh, old) -> value`, to begin anew on a condition.
    """
    for path, fresh in starts(model).items():
        state = paths.put(state, path, start(fresh, paths.get(state, path)))
    return state


def results(model: Any, state: TrainState) -> dict[str, Any]:
    """The logs: what all metrics in `model.metrics` say.

    Args:
        model: compiled.
        state: its `metrics` and `state` count.
    """
    logs = model._objective.results(state.metrics)
    reported = {id(metric): metric for metric in model.metrics}
    for name, metric in model._compiled_metrics():
        if reported.pop(id(metric), None) is None:
            logs.pop(name, None)
    if reported:

        def others() -> dict[str, Any]:
            return flat_results((metric.name, metric.result()) for metric in reported.values())

        _, found = with_values(model, tracker_places(model), state, others)
        logs = {**logs, **found}
    return logs


def updated(model: Any, state: TrainState, outcome: Outcome, update: Callable[[], Any]) -> tuple[TrainState, Any]:
    """Run code that calls metrics' `update_state`.

    Returns:
        The state with what they accumulated, and what the code returned.
    """

    def run() -> Any:
        for prediction, mask in zip(jax.tree.leaves(outcome.y_pred), outcome.masks):
            if mask is not None:
                set_mask(prediction, mask)
        return update()

    return with_values(model, metric_places(model) + tracker_places(model), state, run)
