"""`Objective`: a loss for each output of a compiled model, their weights, and the metrics.

`compile` keeps what the user wrote. It becomes an `Objective` as soon as the shapes of the data and the outputs are known.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jkeras import metrics
from jkeras._base.types import Array, Logs, Scalar, Tree
from jkeras.distribution.base import Distribution
from jkeras.layer.base import Layer
from jkeras.losses import Loss
from jkeras.metrics import Metric
from jkeras.state.functionalize import functionalize
from jkeras.state.scope import current, set_mask
from jkeras.training.objective.logs import flat_results
from jkeras.training.objective.outputs import Outputs, outputs_of
from jkeras.training.objective.terms import Term, entries_for, free_name, make_terms, name_of
from jkeras.training.own_loss import Handed
from jkeras.training.state import Outcome

_FIRST = """The metrics compare {outputs}, the model's outputs, with {keys} of y, the first by name, as in Keras. To compare
others, override compute_metrics."""


@dataclasses.dataclass(frozen=True)
class CompileConfig:
    """What `compile` was given.

    Attributes:
        loss, loss_weights, metrics, weighted_metrics: as you wrote them.
        run_eagerly: whether to run operation by operation.
        steps_per_execution: batches of a dispatch; None lets the measured speed decide.
        jit: whether steps are compiled.
        distribution: how the model is spread over devices; None as `set_distribution` says.
        shards: into how many shards a batch is split, for the same bits on any number of devices; None for none.
    """

    loss: object
    loss_weights: object
    metrics: object
    weighted_metrics: object
    run_eagerly: bool
    steps_per_execution: int | None
    jit: bool
    distribution: Distribution | None = None
    shards: int | None = None

    @property
    def losses_alone(self) -> CompileConfig:
        """Without metrics."""
        return dataclasses.replace(self, metrics=None, weighted_metrics=None)


class Tracked(NamedTuple):
    """A metric of one output.

    Attributes:
        name: as in logs.
        metric: the pure triple.
        output: number of the output.
        weighted: whether it takes sample weights.
    """

    name: str
    metric: Metric
    output: int
    weighted: bool


@dataclasses.dataclass(frozen=True)
class Objective:
    """What training minimises and what it reports.

    Attributes:
        outputs: of the model, which the metrics compare.
        compared: what the losses compare: the outputs, or what the model's own `compute_loss` makes of them.
        losses: in the order of the logs.
        tracked: the compiled metrics, in the order of the logs.
        loss_mean: of the whole loss.
        handed: shapes of what the model's own `compute_loss` hands to the losses; None where it has none.
    """

    outputs: Outputs
    compared: Outputs
    losses: list[Term]
    tracked: list[Tracked]
    loss_mean: metrics.Mean
    handed: Handed | None = None

    @property
    def loss_names(self) -> list[str]:
        """Names in the logs of the outputs' own losses; empty for a single loss."""
        return [term.name for term in self.losses] if len(self.losses) > 1 else []

    def targets(self, y: Tree) -> list[Tree]:
        """The target of each output, None where there is none.

        Raises:
            ValueError: another structure than that of the outputs, or of those that have a loss.
        """
        return self._by_output("y", self._first(y), self.outputs)

    def sample_weights(self, sample_weight: Tree) -> list[Tree]:
        """The sample weights of each output: one array is for all of them."""
        return self._by_output("sample_weight", self._first(sample_weight), self.outputs)

    def _first(self, value: Tree) -> Tree:
        """As many entries as there are outputs, where the model's own `compute_loss` knows what the others are for."""
        if self.handed is None:
            return value
        if isinstance(value, dict) and len(self.outputs.foreign_keys(value)) == len(value):
            value = [value[key] for key in sorted(value)]
        return value[: len(self.outputs)] if isinstance(value, (list, tuple)) else value

    def _by_output(self, what: str, value: Tree, outputs: Outputs) -> list[Tree]:
        single = what == "sample_weight" and not isinstance(value, (dict, list, tuple))
        if value is None or single:
            return [value] * len(outputs)
        foreign = outputs.foreign_keys(value)
        if foreign and len(foreign) < len(value):
            value = {key: entry for key, entry in value.items() if key not in foreign}
        parts = value if isinstance(value, (list, tuple)) else [value]
        compared = sorted({number for term in self.losses for number in jax.tree.leaves(term.outputs)})
        if outputs is self.compared and not isinstance(value, dict) and len(parts) == len(compared) < len(outputs):
            found = dict(zip(compared, parts))  # one for each output that has a loss
            return [found.get(i) for i in range(len(outputs))]
        return outputs.per_output(what, value)

    def takes(self, y_pred: Tree) -> bool:
        """Whether the losses are for as many outputs as these."""
        if self.handed is not None and self.handed.y_pred is None:
            return False
        return not self.losses or len(self.compared) == len(jax.tree.leaves(y_pred))

    def loss(self, y: Tree, y_pred: Tree, sample_weight: Tree) -> tuple[Array, dict[str, Array]]:
        """The weighted sum of the outputs' losses, and for several outputs each one by name."""
        total = jnp.zeros((), jnp.float32)
        parts: dict[str, Array] = {}
        if not self.losses:  # an overridden `compute_loss` may take a `y` of any structure
            return total, parts
        targets = self._by_output("y", y, self.compared)
        weights = self._by_output("sample_weight", sample_weight, self.compared)
        predictions = jax.tree.leaves(y_pred)
        for term in self.losses:
            missing = next((i for i in jax.tree.leaves(term.outputs) if targets[i] is None), None)
            if missing is not None:
                name = self.compared.names[missing]
                raise ValueError(
                    f"The output {name!r} has the loss {name_of(term.loss)}, but there is no target y for it. Pass y=..."
                )
            value = term.loss(term.of(targets), term.of(predictions), sample_weight=term.one_weight(weights))
            if self.loss_names:
                parts[term.name] = jnp.mean(value) if jnp.ndim(value) else value
            total = total + value * term.weight
        return total, parts

    @property
    def log_names(self) -> list[str]:
        """Names of the results in the order of the logs."""
        return ["loss", *self.loss_names, *(t.name for t in self.tracked)]

    @functools.cached_property
    def loss_means(self) -> dict[str, metrics.Mean]:
        """The means of the losses, by their names in the logs."""
        return {"loss": self.loss_mean, **{name: metrics.Mean(name=name) for name in self.loss_names}}

    @property
    def metrics(self) -> list[tuple[str, Metric]]:
        """The means of the losses and the compiled metrics, by their names in the logs."""
        return [*self.loss_means.items(), *((tracked.name, tracked.metric) for tracked in self.tracked)]

    def show(self, state: dict[str, Tree]) -> None:
        """Let the metric objects have these accumulators, so that `result()` works on one that you kept."""
        for name, metric in self.metrics:
            metric.set_state(state[name])

    @functools.cached_property
    def result_names(self) -> list[str]:
        """`log_names`, with the entries of results that are dicts in place of the metrics' names, at the end."""
        found = jax.eval_shape(self.results, self.init_metrics())
        known = [name for name in self.log_names if name in found]
        return [*known, *(name for name in found if name not in known)]

    def init_metrics(self) -> dict[str, Tree]:
        """Accumulators at their start, as numpy arrays."""
        started: dict[str, Tree] = {"loss": {"total": np.zeros((), np.float32), "count": np.zeros((), np.float32)}}
        for name in self.loss_names:
            started[name] = dict(started["loss"])
        for tracked in self.tracked:
            started[tracked.name] = jax.tree.map(np.asarray, tracked.metric.init())
        return started

    def restarted(self, start: dict[str, Tree], state: dict[str, Tree]) -> dict[str, Tree]:
        """Accumulators with which another epoch begins.

        Args:
            start: from `init_metrics`.
            state: at the end of the last epoch, of which a metric with a `reset_state` of its own may keep something.
        """
        own = {t.name: t.metric.restart(state[t.name]) for t in self.tracked if t.metric._bridged}
        return {**start, **own}

    def update_metrics(self, state: dict[str, Tree], y: Tree, outcome: Outcome, sample_weight: Tree) -> dict[str, Tree]:
        """Accumulators after a batch; the losses' are added by `add_loss`."""
        if not self.tracked:
            return state

        def updated() -> dict[str, Tree]:
            for prediction, mask in zip(jax.tree.leaves(outcome.y_pred), outcome.masks):
                if mask is not None:
                    set_mask(prediction, mask)
            found = dict(state)
            for name, metric, target, prediction, weight in self._compared(y, outcome.y_pred, sample_weight):
                weight = _weight_of_rows(weight, outcome.rows)
                found[name] = metric.update(state[name], target, prediction, sample_weight=weight)
            return found

        positions = {id(tracked.metric): i for i, tracked in enumerate(self.tracked)}
        found: dict[str, Tree] = functionalize(updated, [], positions)([], rng=current().rng).output
        return found

    def update_metric_objects(self, y: Tree, y_pred: Tree, sample_weight: Tree) -> None:
        """`update_metrics` in the metrics' own variables."""
        for _, metric, target, prediction, weight in self._compared(y, y_pred, sample_weight):
            metric.update_state(target, prediction, sample_weight=weight)

    def _compared(self, y: Tree, y_pred: Tree, sample_weight: Tree) -> Iterator[tuple[str, Metric, Tree, Tree, Tree]]:
        """The tracked metrics with what they take of a batch: name, metric, target, prediction, sample weights."""
        targets, weights, predictions = self.targets(y), self.sample_weights(sample_weight), jax.tree.leaves(y_pred)
        for name, metric, i, weighted in self.tracked:
            yield name, metric, targets[i], predictions[i], weights[i] if weighted else None

    def results(self, state: dict[str, Tree]) -> Logs:
        """The logs: the mean losses and the metrics so far; where a result is a dict, its entries are results of their own."""
        return flat_results(self.results_by_name(state).items())

    def results_by_name(self, state: dict[str, Tree]) -> dict[str, Tree]:
        """The mean losses and the metrics so far, by their own names."""
        by_name = {t.name: t.metric for t in self.tracked}

        def result(name: str, value: Tree) -> Tree:
            return by_name[name].compute(value) if name in by_name else value["total"] / jnp.maximum(value["count"], 1)

        return {name: result(name, value) for name, value in state.items()}

    def check_targets(self, y: Tree, y_pred_spec: Tree) -> None:
        """Check host data against the losses once, before anything is compiled."""
        if self.handed is not None:
            if not _alike(self.handed.y, y):
                return
            y_pred_spec = self.handed.y_pred
        if not self.losses:
            return
        try:
            targets = self._by_output("y", y, self.compared)
        except ValueError:  # the loss will say so when it compares them; an overridden `compute_loss` may never compare them
            return
        specs = jax.tree.leaves(y_pred_spec)
        for term in self.losses:
            i, check = term.outputs, getattr(term.loss, "check_targets", None)
            if isinstance(i, int) and check is not None and targets[i] is not None:
                target, spec = np.asarray(targets[i]), specs[i]
                check(target, jax.ShapeDtypeStruct((*target.shape[:1], *spec.shape[1:]), spec.dtype))


def add_loss(state: dict[str, Tree], values: dict[str, Array], count: Scalar) -> dict[str, Tree]:
    """Mean accumulators with the losses of a batch of `count` rows added."""
    return {
        **state,
        **{k: {"total": state[k]["total"] + v * count, "count": state[k]["count"] + count} for k, v in values.items()},
    }


def make_objective(
    model: Layer,
    config: CompileConfig,
    y_spec: Tree,
    y_pred_spec: Tree,
    loss_mean: metrics.Mean,
    handed: Handed | None = None,
) -> Objective:
    """The objective of a model for outputs of known shapes.

    Args:
        model: compiled.
        config: as given to `compile`.
        y_spec, y_pred_spec: pytrees of specs of a batch; `y_spec` None where there are no targets.
        loss_mean: the metric that the mean of the whole loss is shown by.
        handed: shapes of what the model's own `compute_loss` hands to the losses; None where it has none.

    Raises:
        ValueError: losses, weights, metrics or targets of another structure than what they compare.
    """
    outputs = outputs_of(model, y_pred_spec)
    compared, losses_compare = outputs, (y_spec, y_pred_spec)
    if handed is not None:
        losses_compare = handed
        if handed.y_pred is None:
            config = dataclasses.replace(config, loss=None, loss_weights=None)
        else:
            compared = outputs if _same_nest(handed.y_pred, y_pred_spec) else outputs_of(model, handed.y_pred, numbered=False)
    bare = Objective(outputs, compared, [], [], loss_mean, handed)
    try:
        return _filled(bare, config, (y_spec, y_pred_spec), losses_compare)
    except ValueError:
        methods = [getattr(type(model), name) for name in ("train_step", "test_step", "objective", "compute_loss")]
        if all(method.__module__.startswith("jkeras.") for method in methods):
            raise
        # Overridden methods may make sense of targets of any structure.
        return _filled(bare, config, (None, y_pred_spec), (None, y_pred_spec) if handed is None else handed)


def _filled(bare: Objective, config: CompileConfig, batch: tuple[Tree, Tree], losses_compare: tuple[Tree, Tree]) -> Objective:
    """The objective with its losses and metrics.

    Args:
        bare: without them.
        config: as given to `compile`.
        batch: specs of targets and outputs.
        losses_compare: specs of the targets and outputs of the losses.
    """
    (y, y_pred), (loss_y, loss_y_pred) = batch, losses_compare
    outputs, compared = bare.outputs, bare.compared
    wanted = [entry for entry in entries_for("loss", config.loss, compared) if entry.given is not None]
    objective = dataclasses.replace(bare, losses=[Term("", entry.given, entry.numbers, 1.0) for entry in wanted])
    measures = bool(config.metrics or config.weighted_metrics)
    compares = measures or (config.loss is not None and bare.handed is None)
    targets = objective.targets(y if compares else None)
    foreign = outputs.foreign_keys(y) if compares else []
    if foreign and len(foreign) == len(y):
        warnings.warn(_FIRST.format(outputs=outputs.names, keys=sorted(y)[: len(outputs)]), stacklevel=2)
    elif foreign:
        warnings.warn(f"The targets y for {foreign} are ignored: the model's outputs are {outputs.names}.", stacklevel=2)
    loss_targets = targets if bare.handed is None else objective._by_output("y", loss_y if wanted else None, compared)
    terms = make_terms(config.loss, config.loss_weights, compared, loss_targets, jax.tree.leaves(loss_y_pred))
    fns = {term.outputs: term.loss for term in terms if isinstance(term.outputs, int) and compared is outputs}
    tracked = _tracked(config, outputs, targets, jax.tree.leaves(y_pred), fns)
    return dataclasses.replace(objective, losses=terms, tracked=tracked)


def _tracked(
    config: CompileConfig, outputs: Outputs, targets: list[Tree], predictions: list[Tree], losses: dict[int, Loss]
) -> list[Tracked]:
    """The metrics of the outputs, in the order of the logs; `losses` by the number of the output."""
    tracked: list[Tracked] = []
    for field, weighted in (("metrics", False), ("weighted_metrics", True)):
        for i, entries in enumerate(_metrics_per_output(getattr(config, field), outputs, field)):
            for entry in entries:
                metric = metrics.resolve(entry, targets[i], predictions[i], name_of(losses.get(i)))
                if any(t.metric is metric for t in tracked):  # each has accumulators of its own
                    metric = copy.deepcopy(metric)
                prefix = "" if len(outputs) == 1 else f"{outputs.names[i]}_"
                twin = weighted and any(t.name == prefix + metric.name and not t.weighted for t in tracked)
                name = f"{prefix}weighted_{metric.name}" if twin else prefix + metric.name
                tracked.append(Tracked(free_name(name, {"loss", *(t.name for t in tracked)}), metric, i, weighted))
    if len(outputs) > 1:  # as in Keras
        tracked.sort(key=lambda t: t.name)
    return tracked


def _same_nest(a: Tree, b: Tree) -> bool:
    found, other = jax.tree.structure(a), jax.tree.structure(b)
    return found == other  # type: ignore[no-any-return, operator]


def _alike(spec: Tree, data: Tree) -> bool:
    """Whether data have a structure and shapes, for any number of rows."""
    pairs = zip(jax.tree.leaves(spec), jax.tree.leaves(data))
    return _same_nest(spec, data) and all(np.shape(a)[1:] == np.shape(b)[1:] for a, b in pairs)


def _weight_of_rows(weight: Array | None, rows: Array | None) -> Array | None:
    if rows is None:
        return weight
    if weight is None:
        return rows.astype(jnp.float32)
    return weight * rows.reshape(-1, *(1,) * (weight.ndim - 1))


def _metrics_per_output(given: object, outputs: Outputs, field: str) -> list[Sequence[Any]]:
    if isinstance(given, dict):
        return [_as_list(m) for m in outputs.per_output(field, given)]
    given = _as_list(given)
    nested = any(isinstance(m, (list, tuple, dict)) or m is None for m in given)
    if len(outputs) == 1:
        return [_as_list(given[0]) if nested and len(given) == 1 else given]
    if nested or len(given) == len(outputs):
        return [_as_list(m) for m in outputs.per_output(field, given)]
    return [given for _ in outputs.names]


def _as_list(value: object) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]
