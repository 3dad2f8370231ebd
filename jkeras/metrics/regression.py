"""Distances between numbers, averaged over all samples seen."""

from __future__ import annotations

from typing import Annotated, TypedDict, Unpack

import jax.numpy as jnp
from jax.typing import DTypeLike

from jkeras._base.registry import export
from jkeras._base.shared_arguments import expand_kwargs
from jkeras._base.types import Array, Ints, Tree
from jkeras.metrics.base import State
from jkeras.metrics.reduction import Mean, MeanMetricWrapper
from jkeras.nn.lengths import root
from jkeras.nn.losses_align import match_ranks
from jkeras.nn.losses_regression import (
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
)
from jkeras.nn.metrics import cosine_of_angle
from jkeras.nn.metrics_correlation import concordance_correlation, pearson_correlation


@export("keras.metrics.MeanSquaredError", aliases=("mean_squared_error", "mse", "MSE"))
class MeanSquaredError(MeanMetricWrapper):
    """The mean of squared differences.

    Args:
        name: default `mean_squared_error`.
        dtype: see `Metric`.

    Example:
        >>> metric = MeanSquaredError()
        >>> metric.update_state([[0.0], [2.0]], [[1.0], [2.0]])
        >>> float(metric.result())
        0.5
    """

    def __init__(self, name: str | None = "mean_squared_error", dtype: DTypeLike | None = None):
        super().__init__(mean_squared_error, name=name, dtype=dtype)


@export("keras.metrics.MeanAbsoluteError", aliases=("mean_absolute_error", "mae", "MAE"))
class MeanAbsoluteError(MeanMetricWrapper):
    """The mean of absolute differences.

    Args:
        name: default `mean_absolute_error`.
        dtype: see `Metric`.

    Example:
        >>> metric = MeanAbsoluteError()
        >>> metric.update_state([[0.0], [2.0]], [[1.0], [2.0]])
        >>> float(metric.result())
        0.5
    """

    def __init__(self, name: str | None = "mean_absolute_error", dtype: DTypeLike | None = None):
        super().__init__(mean_absolute_error, name=name, dtype=dtype)


@export("keras.metrics.MeanAbsolutePercentageError", aliases=("mean_absolute_percentage_error", "mape", "MAPE"))
class MeanAbsolutePercentageError(MeanMetricWrapper):
    """The mean of relative differences in percent.

    Args:
        name: default `mean_absolute_percentage_error`.
        dtype: see `Metric`.

    Example:
        >>> metric = MeanAbsolutePercentageError()
        >>> metric.update_state([[2.0]], [[1.0]])
        >>> float(metric.result())
        50.0
    """

    def __init__(self, name: str | None = "mean_absolute_percentage_error", dtype: DTypeLike | None = None):
        super().__init__(mean_absolute_percentage_error, name=name, dtype=dtype)


@export("keras.metrics.MeanSquaredLogarithmicError", aliases=("mean_squared_logarithmic_error", "msle", "MSLE"))
class MeanSquaredLogarithmicError(MeanMetricWrapper):
    """The mean of squared differences of `log(1 + y)` and `log(1 + p)`.

    Args:
        name: default `mean_squared_logarithmic_error`.
        dtype: see `Metric`.

    Example:
        >>> metric = MeanSquaredLogarithmicError()
        >>> metric.update_state([[1.718281828]], [[0.0]])
        >>> round(float(metric.result()), 4)
        1.0
    """

    def __init__(self, name: str | None = "mean_squared_logarithmic_error", dtype: DTypeLike | None = None):
        super().__init__(mean_squared_logarithmic_error, name=name, dtype=dtype)


@export("keras.metrics.RootMeanSquaredError", aliases=("rmse", "RMSE"))
class RootMeanSquaredError(Mean):
    """The square root of the mean of squared differences over everything seen, `sqrt(mean (y - p)^2)`.

    Args:
        name: default `root_mean_squared_error`.
        dtype: see `Metric`.

    Example:
        >>> metric = RootMeanSquaredError()
        >>> metric.update_state([[0.0], [0.0]], [[3.0], [3.0]])
        >>> float(metric.result())
        3.0
    """

    def __init__(self, name: str | None = "root_mean_squared_error", dtype: DTypeLike | None = None):
        super().__init__(name=name, dtype=dtype)

    def update(self, state: State, y_true: Tree, y_pred: Tree, sample_weight: Tree = None) -> State:  # type: ignore[override]
        """Add one batch of squared differences."""
        dtype = self.accumulator_dtype
        y_true, y_pred = match_ranks(jnp.asarray(y_true, dtype), jnp.asarray(y_pred, dtype))
        return super().update(state, jnp.square(y_pred - y_true), sample_weight)

    def compute(self, state: State) -> Array:
        """`sqrt(total / count)`."""
        return root(super().compute(state))


@export("keras.metrics.CosineSimilarity", aliases=("cosine_similarity",))
class CosineSimilarity(MeanMetricWrapper):
    """The mean cosine between targets and predictions: 1 for equal directions (as a loss its sign is opposite).

    Args:
        name: default `cosine_similarity`.
        dtype: see `Metric`.
        axis: of the vectors.

    Example:
        >>> metric = CosineSimilarity()
        >>> metric.update_state([[0.0, 2.0]], [[0.0, 3.0]])
        >>> float(metric.result())
        1.0
    """

    def __init__(self, name: str | None = "cosine_similarity", dtype: DTypeLike | None = None, axis: int = -1):
        super().__init__(cosine_of_angle, name=name, dtype=dtype, axis=axis)


@export("keras.metrics.LogCoshError", aliases=("logcosh", "log_cosh_error", "log_cosh"))
class LogCoshError(MeanMetricWrapper):
    """The mean of `log(cosh(p - y))`.

    Args:
        name: default `logcosh`.
        dtype: see `Metric`.

    Example:
        >>> metric = LogCoshError()
        >>> metric.update_state([[0.0]], [[1.0]])
        >>> round(float(metric.result()), 4)
        0.4338
    """

    def __init__(self, name: str | None = "logcosh", dtype: DTypeLike | None = None):
        super().__init__(log_cosh, name=name, dtype=dtype)


class CorrelationArguments(TypedDict, total=False):
    """Arguments of correlations; `PearsonCorrelation` explains them."""

    name: Annotated[str | None, None]
    dtype: Annotated[DTypeLike | None, None]
    axis: Annotated[Ints, -1]


@export("keras.metrics.PearsonCorrelation", aliases=("pearson_correlation",))
class PearsonCorrelation(MeanMetricWrapper):
    """The mean over the samples of `cov(y, p) / (std(y) std(p))`, along an axis; 0 for a sample that is constant.

    Args:
        name: default `pearson_correlation`.
        dtype: see `Metric`.
        axis: over which targets and predictions vary; several count as one. Default -1.

    Example:
        >>> metric = PearsonCorrelation()
        >>> metric.update_state([[0.0, 1.0, 2.0]], [[5.0, 4.0, 3.0]])
        >>> round(float(metric.result()), 4)
        -1.0

    Source: K. Pearson, "Note on Regression and Inheritance in the Case of Two Parents", 1895.
    """

    @expand_kwargs(name="pearson_correlation")
    def __init__(self, **kwargs: Unpack[CorrelationArguments]):
        super().__init__(pearson_correlation, **kwargs)


@export("keras.metrics.ConcordanceCorrelation", aliases=("concordance_correlation",))
class ConcordanceCorrelation(MeanMetricWrapper):
    """The mean over the samples of `2 cov(y, p) / (var(y) + var(p) + (mean(y) - mean(p))^2)`, along an axis; arguments as
    `PearsonCorrelation`.

    Example:
        >>> metric = ConcordanceCorrelation()
        >>> metric.update_state([[0.0, 1.0, 2.0]], [[1.0, 2.0, 3.0]])
        >>> round(float(metric.result()), 4)
        0.5714

    Source: L. Lin, "A Concordance Correlation Coefficient to Evaluate Reproducibility", 1989.
    """

    @expand_kwargs(name="concordance_correlation")
    def __init__(self, **kwargs: Unpack[CorrelationArguments]):
        super().__init__(concordance_correlation, **kwargs)
