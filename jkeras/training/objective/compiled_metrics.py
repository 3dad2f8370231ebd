"""`CompiledMetrics`: the compiled metrics as one, as Keras' own steps see them.

A step in Keras' form walks over `self.metrics` and updates each but the loss by `(y, y_pred, sample_weight)`. Which output a
metric is for, and whether it takes weights, only the objective knows.
"""

from __future__ import annotations

from jkeras._base.types import Logs, Tree
from jkeras.metrics.base import Metric
from jkeras.metrics.stateless import Stateless
from jkeras.state.variable import Variable
from jkeras.training.objective.objective import Objective


class CompiledMetrics(Stateless):
    """All metrics of an objective but the mean of the whole loss.

    Args:
        objective: of a compiled model.
    """

    name = "compile_metrics"

    def __init__(self, objective: Objective):
        self._objective = objective
        self._metrics: dict[str, Metric] = {name: metric for name, metric in objective.metrics if name != "loss"}

    @property
    def variables(self) -> list[Variable]:
        """Where they accumulate."""
        return [variable for metric in self._metrics.values() for variable in metric.variables]

    def update_state(self, y_true: Tree, y_pred: Tree, sample_weight: Tree = None) -> None:
        """Include one batch: the losses of the outputs, where there are several, and the metrics."""
        _, losses = self._objective.loss(y_true, y_pred, sample_weight) if self._objective.loss_names else (None, {})
        for name, value in losses.items():
            self._metrics[name].update_state(value)
        self._objective.update_metric_objects(y_true, y_pred, sample_weight)

    def result(self) -> Logs:
        """Their results by name."""
        return {name: metric.result() for name, metric in self._metrics.items()}

    def reset_state(self) -> None:
        """Forget all batches."""
        for metric in self._metrics.values():
            metric.reset_state()
