"""The compiled losses and metrics as objects, which steps in Keras' forms call.

A step for Keras 2 uses `model.compiled_loss` and `model.compiled_metrics`:

    loss = self.compiled_loss(y, y_pred, regularization_losses=self.losses)
    self.compiled_metrics.update_state(y, y_pred)
    return {m.name: m.result() for m in self.metrics}

A step for Keras 3 walks over `self.metrics` and updates each but the loss by `(y, y_pred, sample_weight)`. Which output a metric
is for, and whether it takes weights, only the objective knows. So `model.metrics` shows the compiled metrics as one:

| where `model.metrics` is read   | what it begins with                                                |
|---------------------------------|--------------------------------------------------------------------|
| in a step in a form of Keras    | the mean of the loss, and an `AllButLoss`                          |
| elsewhere                       | the mean of the loss, a `CompiledMetrics`, the other losses' means |

The result of the one is a dict, whose entries stand in the logs on their own: so the step for Keras 2 reports what it did there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Literal

import jax

from jkeras._base.types import Array, Logs, Tree
from jkeras.metrics.base import Metric
from jkeras.state.variable import Variable
from jkeras.training.objective.logs import flat_results

if TYPE_CHECKING:
    from jkeras.training.trainer import Trainer


Shown = Literal["outside", "in a step"]
"""Where `model.metrics` is read."""


class CompiledLoss:
    """The losses of a compiled model; called with a batch, it gives their sum and adds it to the means in the logs."""

    def __init__(self, trainer: Trainer):
        self._trainer = trainer

    def __call__(
        self, y_true: Tree, y_pred: Tree, sample_weight: Tree = None, regularization_losses: Iterable[Array] | None = None
    ) -> Array:
        """The weighted sum of the compiled losses and the regularization.

        Args:
            y_true, y_pred, sample_weight: targets, outputs and weights of a batch.
            regularization_losses: scalars to add, such as `model.losses`.
        """
        self._trainer.met_outputs(y_true, y_pred)
        with self._trainer.noting_losses(y_true, y_pred, sample_weight) as parts:
            total, _ = self._trainer.compiled_loss(y_true, y_pred, sample_weight)
        total = sum(regularization_losses or (), total)
        count = jax.tree.leaves(y_pred)[0].shape[0]
        for name, value in {"loss": total, **parts}.items():
            self._trainer.objective.loss_means[name].update_state(value, sample_weight=count)
        return total

    @property
    def metrics(self) -> list[Metric]:
        """The means of the losses."""
        return list(self._trainer.objective.loss_means.values()) if self._trainer.is_prepared else []

    def reset_state(self) -> None:
        """Forget all batches."""
        for metric in self.metrics:
            metric.reset_state()


def without_containers(metrics: Tree) -> Tree:
    """What `compile(metrics=model.metrics)` means: in place of the compiled metrics, what was given for them.

    Args:
        metrics: as `compile` takes them; only a list is looked through.
    """
    if not isinstance(metrics, list) or not any(isinstance(one, CompiledMetrics) for one in metrics):
        return metrics
    return [part for one in metrics for part in (one.given() if isinstance(one, CompiledMetrics) else [one])]


class CompiledMetrics(Metric):
    """The metrics that `compile` was given, as one.

    Args:
        trainer: of a compiled model.
    """

    def __init__(self, trainer: Trainer):
        super().__init__(name="compile_metrics")
        self._trainer = trainer

    def given(self) -> list[Any]:
        """What `compile` was given for them, as a list.

        Raises:
            ValueError: it was a dict, whose outputs a list cannot name.
        """
        config = self._trainer.config
        metrics = [] if config is None else config.metrics
        if isinstance(metrics, dict):
            raise ValueError(
                "metrics=model.metrics takes over a list. Received metrics that were compiled by outputs, in a dict."
            )
        return [*metrics] if isinstance(metrics, (list, tuple)) else [] if metrics is None else [metrics]

    def _named(self) -> list[tuple[str, Metric]]:
        tracked = self._trainer.objective.tracked if self._trainer.is_prepared else []
        return [(one.name, one.metric) for one in tracked]

    @property
    def metrics(self) -> list[Metric]:
        """The metrics."""
        return [metric for _, metric in self._named()]

    @property
    def variables(self) -> list[Variable]:
        """Where they accumulate."""
        return [variable for metric in self.metrics for variable in metric.variables]

    def update_state(self, y_true: Tree, y_pred: Tree, sample_weight: Tree = None) -> None:
        """Add a batch to them."""
        self._trainer.met_outputs(y_true, y_pred)
        self._trainer.objective.update_metric_objects(y_true, y_pred, sample_weight)

    def result(self) -> Logs:
        """Their values by name."""
        return flat_results((name, metric.result()) for name, metric in self._named())

    def reset_state(self) -> None:
        """Forget all batches."""
        for metric in self.metrics:
            metric.reset_state()


class AllButLoss(CompiledMetrics):
    """The compiled metrics and, where there are several outputs, the means of their losses: all but that of the whole loss."""

    def _named(self) -> list[tuple[str, Metric]]:
        return [*super()._named(), *((name, self._trainer.objective.loss_means[name]) for name in self._loss_names)]

    @property
    def _loss_names(self) -> list[str]:
        """Of the outputs' losses; none where the model's own `compute_loss` makes something else of the outputs."""
        prepared = self._trainer.is_prepared and self._trainer.objective.handed is None
        return self._trainer.objective.loss_names if prepared else []

    def update_state(self, y_true: Tree, y_pred: Tree, sample_weight: Tree = None) -> None:
        """Add a batch to them."""
        self._trainer.met_outputs(y_true, y_pred)
        objective = self._trainer.objective
        if self._loss_names:
            for name, value in objective.loss(y_true, y_pred, sample_weight)[1].items():
                objective.loss_means[name].update_state(value)
        super().update_state(y_true, y_pred, sample_weight)


def one_by_one(metrics: Iterable[Any]) -> Iterator[Any]:
    """The metrics of a model, with those that it was compiled with each on its own."""
    for metric in metrics:
        yield from metric.metrics if isinstance(metric, CompiledMetrics) else (metric,)
