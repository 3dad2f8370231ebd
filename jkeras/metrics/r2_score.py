"""R2Score: the share of the targets' variance that predictions explain."""

from __future__ import annotations

import jax.numpy as jnp
from jax.typing import DTypeLike

from jkeras._base.errors import unknown_name
from jkeras._base.registry import export
from jkeras._base.types import Array, Tree
from jkeras.metrics.base import Metric, State
from jkeras.nn.losses_align import align_left, match_ranks

_AGGREGATIONS = ("uniform_average", "variance_weighted_average")


@export("keras.metrics.R2Score")
class R2Score(Metric):
    """`1 - sum (y - p)^2 / sum (y - mean y)^2`, per output or averaged over them.

    Args:
        class_aggregation: None for one score per output, `uniform_average` (default) or `variance_weighted_average`.
        num_regressors: k > 0 gives the adjusted score `1 - (1 - R2) (n - 1) / (n - k - 1)` where `n > k + 1`, n being
            the number of rows that weigh anything.
        name: default `r2_score`.
        dtype: see `Metric`.

    Raises:
        ValueError: an unknown aggregation, a negative number of regressors.

    Example:
        >>> metric = R2Score()
        >>> metric.update_state([[1.0], [4.0], [3.0]], [[2.0], [4.0], [4.0]])
        >>> round(float(metric.result()), 4)
        0.5714
    """

    needs_shapes = True

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: DTypeLike | None = None,
    ):
        super().__init__(name=name, dtype=dtype)
        if class_aggregation is not None and class_aggregation not in _AGGREGATIONS:
            raise unknown_name("class_aggregation", class_aggregation, _AGGREGATIONS)
        if num_regressors < 0:
            raise ValueError(f"R2Score takes num_regressors >= 0. Received: num_regressors={num_regressors}.")
        self.class_aggregation, self.num_regressors = class_aggregation, num_regressors

    def build(self, y_true: Tree, y_pred: Tree) -> None:
        """Learn the number of outputs.

        Raises:
            ValueError: predictions that are not `(samples, outputs)`.
        """
        if len(y_pred.shape) != 2 or y_pred.shape[1] is None:
            raise ValueError(f"R2Score takes predictions of shape (samples, outputs). Received: {tuple(y_pred.shape)}.")
        self._outputs = y_pred.shape[1]
        self.built = True

    def init(self) -> State:
        """Sums of 0."""
        if not self.built:
            raise ValueError("R2Score does not know the number of outputs yet. Call build(y_true, y_pred) first.")
        sums = {name: jnp.zeros(self._outputs, self.accumulator_dtype) for name in ("squared_sum", "sum", "residual", "count")}
        return {"num_samples": jnp.zeros((), self.accumulator_dtype), **sums}

    def update(self, state: State, y_true: Tree, y_pred: Tree, sample_weight: Tree = None) -> State:
        """Add one batch."""
        dtype = self.accumulator_dtype
        y_true, y_pred = match_ranks(jnp.asarray(y_true, dtype), jnp.asarray(y_pred, dtype))
        weight = jnp.ones((), dtype) if sample_weight is None else jnp.asarray(sample_weight, dtype)
        weight = jnp.broadcast_to(align_left(weight, y_true)[0], y_true.shape)
        batch = {
            "num_samples": jnp.sum(jnp.any(weight != 0, axis=1)),
            "squared_sum": jnp.sum(y_true * y_true * weight, axis=0),
            "sum": jnp.sum(y_true * weight, axis=0),
            "residual": jnp.sum(jnp.square(y_true - y_pred) * weight, axis=0),
            "count": jnp.sum(weight, axis=0),
        }
        return {name: state[name] + value for name, value in batch.items()}

    def compute(self, state: State) -> Array:
        """The score, aggregated and adjusted as asked."""
        total = state["squared_sum"] - jnp.square(state["sum"]) / state["count"]
        score = 1 - state["residual"] / total
        score = jnp.where(jnp.isinf(score), 0.0, score)
        if self.class_aggregation == "uniform_average":
            score = jnp.mean(score)
        elif self.class_aggregation == "variance_weighted_average":
            score = jnp.sum(total * score) / jnp.sum(total)
        if not self.num_regressors:
            return score
        free = state["num_samples"] - self.num_regressors - 1
        adjusted = 1 - (1 - score) * (state["num_samples"] - 1) / jnp.where(free > 0, free, 1)
        return jnp.where(free > 0, adjusted, score)
