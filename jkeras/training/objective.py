"""The objective of a compiled model: a loss for each output, their weights, and the metrics.

`compile` keeps what the user wrote; the shapes of data and outputs turn it into an `Objective` when they are first known.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras import losses, metrics
from jkeras._base.errors import describe
from jkeras.state.scope import pop, push, set_mask, substitute
from jkeras.training.state import Outcome
from jkeras.training.structure import per_output, split_targets


@dataclasses.dataclass(frozen=True)
class Tracked:
    """A metric of one output.

    Attributes:
        name: as in logs.
        metric: the pure triple.
        output: number of the output.
        weighted: whether it takes sample weights.
    """

    name: str
    metric: Any
    output: int
    weighted: bool


@dataclasses.dataclass(frozen=True)
class Objective:
    """What training minimises and what it reports.

    Attributes:
        names: of the outputs.
        losses: per output, None where there is none.
        weights: of the losses in the total.
        tracked: the metrics, in the order of the logs.
    """

    names: list[str]
    losses: list[Any]
    weights: list[float]
    tracked: list[Tracked]

    @property
    def has_losses(self) -> bool:
        """Whether an output has a loss; without one, `y` may have any structure that an overridden `compute_loss` wants."""
        return any(fn is not None for fn in self.losses)

    def loss(self, y: Any, y_pred: Any, sample_weight: Any) -> tuple[Any, dict[str, Any]]:
        """The weighted sum of the outputs' losses, and for several outputs each one by name."""
        total = jnp.zeros((), jnp.float32)
        parts: dict[str, Any] = {}
        if not self.has_losses:
            return total, parts
        targets = split_targets("y", y, self.names)
        weights = split_targets("sample_weight", sample_weight, self.names)
        for name, fn, scale, target, prediction, weight in zip(
            self.names, self.losses, self.weights, targets, jax.tree.leaves(y_pred), weights
        ):
            if fn is None:
                continue
            if target is None:
                raise ValueError(f"The output {name!r} has the loss {_name(fn)}, but there is no target y for it. Pass y=...")
            value = fn(target, prediction, sample_weight=weight)
            parts[name] = value
            total = total + value * scale
        return total, parts if len(self.names) > 1 else {}

    @property
    def log_names(self) -> list[str]:
        """Names of the results in the order of the logs."""
        several = [f"{name}_loss" for name, fn in zip(self.names, self.losses) if fn is not None] if len(self.names) > 1 else []
        return ["loss", *several, *(t.name for t in self.tracked)]

    def init_metrics(self) -> dict[str, Any]:
        """Accumulators at their start, as numpy arrays."""
        started: dict[str, Any] = {"loss": {"total": np.zeros((), np.float32), "count": np.zeros((), np.float32)}}
        if len(self.names) > 1:
            for name, fn in zip(self.names, self.losses):
                if fn is not None:
                    started[f"{name}_loss"] = dict(started["loss"])
        for tracked in self.tracked:
            started[tracked.name] = jax.tree.map(np.asarray, tracked.metric.init())
        return started

    def update_metrics(self, state: dict[str, Any], y: Any, outcome: Outcome, sample_weight: Any) -> dict[str, Any]:
        """Accumulators after a batch; the losses' are added by `add_loss`."""
        if not self.tracked:
            return state
        targets, weights = split_targets("y", y, self.names), split_targets("sample_weight", sample_weight, self.names)
        predictions = jax.tree.leaves(outcome.y_pred)
        state = dict(state)
        token = push(substitute({}))
        try:
            for prediction, mask in zip(predictions, outcome.masks):
                if mask is not None:
                    set_mask(prediction, mask)
            for tracked in self.tracked:
                weight = _weight_of_rows(weights[tracked.output] if tracked.weighted else None, outcome.rows)
                args = targets[tracked.output], predictions[tracked.output]
                state[tracked.name] = tracked.metric.update(state[tracked.name], *args, sample_weight=weight)
        finally:
            pop(token)
        return state

    def update_metric_objects(self, y: Any, y_pred: Any, sample_weight: Any) -> None:
        """`update_metrics` in the metrics' own variables."""
        targets, weights = split_targets("y", y, self.names), split_targets("sample_weight", sample_weight, self.names)
        predictions = jax.tree.leaves(y_pred)
        for tracked in self.tracked:
            weight = weights[tracked.output] if tracked.weighted else None
            tracked.metric.update_state(targets[tracked.output], predictions[tracked.output], sample_weight=weight)

    def results(self, state: dict[str, Any]) -> dict[str, Any]:
        """The logs: the mean losses and the metrics so far."""
        by_name = {t.name: t.metric for t in self.tracked}
        return {
            name: by_name[name].compute(value) if name in by_name else value["total"] / jnp.maximum(value["count"], 1)
            for name, value in state.items()
        }

    def check_targets(self, y: Any, y_pred_spec: Any) -> None:
        """Hold host data against the losses once, before anything is compiled."""
        if not self.has_losses:
            return
        for fn, target, spec in zip(self.losses, split_targets("y", y, self.names), jax.tree.leaves(y_pred_spec)):
            check = getattr(fn, "check_targets", None)
            if check is not None and target is not None:
                target = np.asarray(target)
                check(target, jax.ShapeDtypeStruct((*target.shape[:1], *spec.shape[1:]), spec.dtype))


def add_loss(state: dict[str, Any], values: dict[str, Any], count: Any) -> dict[str, Any]:
    """Mean accumulators with the losses of a batch of `count` rows added."""
    return {
        **state,
        **{k: {"total": state[k]["total"] + v * count, "count": state[k]["count"] + count} for k, v in values.items()},
    }


def make_objective(config: Any, names: list[str], y_spec: Any, y_pred_spec: Any) -> Objective:
    """The objective for outputs of known names and shapes.

    Args:
        config: has `loss`, `loss_weights`, `metrics`, `weighted_metrics` as given to `compile`.
        names: of the outputs.
        y_spec, y_pred_spec: pytrees of specs of a batch; `y_spec` None where there are no targets.
    """
    given = config.loss
    if given is not None and not isinstance(given, (list, tuple, dict)):
        given = [given] * len(names)
    wanted = per_output("loss", given, names) if given is not None else [None] * len(names)
    scales = config.loss_weights
    if isinstance(scales, (int, float)):
        scales = [scales] * len(names)
    weights = [1.0 if w is None else w for w in (per_output("loss_weights", scales, names) if scales else [1.0] * len(names))]
    compares = config.loss is not None or config.metrics or config.weighted_metrics
    targets = split_targets("y", y_spec if compares else None, names)
    predictions = jax.tree.leaves(y_pred_spec)
    fns = [losses.resolve(fn, target, pred) for fn, target, pred in zip(wanted, targets, predictions)]
    tracked: list[Tracked] = []
    for field, weighted in (("metrics", False), ("weighted_metrics", True)):
        for i, entries in enumerate(_metrics_per_output(getattr(config, field), names, field)):
            for entry in entries:
                metric = metrics.resolve(entry, targets[i], predictions[i], _name(fns[i]))
                name = metric.name if len(names) == 1 else f"{names[i]}_{metric.name}"
                twin = weighted and any(t.name == name and not t.weighted for t in tracked)
                tracked.append(Tracked(_free(f"weighted_{name}" if twin else name, tracked), metric, i, weighted))
    return Objective(names, fns, weights, tracked)


def _weight_of_rows(weight: Any, rows: Any) -> Any:
    if rows is None:
        return weight
    if weight is None:
        return rows.astype(jnp.float32)
    return weight * rows.reshape(-1, *(1,) * (weight.ndim - 1))


def _metrics_per_output(given: Any, names: list[str], field: str) -> list[Sequence[Any]]:
    if given is None:
        return [[] for _ in names]
    if isinstance(given, dict):
        return [_as_list(m) for m in per_output(field, given, names)]
    given = _as_list(given)
    nested = any(isinstance(m, (list, tuple, dict)) or m is None for m in given)
    if len(names) == 1:
        return [_as_list(given[0]) if nested and len(given) == 1 else given]
    if nested or len(given) == len(names):
        return [_as_list(m) for m in per_output(field, given, names)]
    return [given for _ in names]


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _free(name: str, tracked: list[Tracked]) -> str:
    used = {"loss"} | {t.name for t in tracked}
    candidate, n = name, 0
    while candidate in used:
        n += 1
        candidate = f"{name}_{n}"
    return candidate


def _name(loss: Any) -> str | None:
    return None if loss is None else getattr(loss, "name", None) or getattr(loss, "__name__", describe(loss))
