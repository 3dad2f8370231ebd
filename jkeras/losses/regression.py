"""Losses on numbers, as classes. The maths is in `nn/losses_regression.py`."""

from __future__ import annotations

from typing import Any

from jkeras._base.registry import export
from jkeras.losses.functions import (
    cosine_similarity,
    huber,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
)
from jkeras.losses.wrapper import LossFunctionWrapper


@export("keras.losses.MeanSquaredError")
class MeanSquaredError(LossFunctionWrapper):
    """The mean of squared differences, `mean (y - p)^2`.

    Args:
        reduction: see `Loss`; default `sum_over_batch_size`.
        name: default `mean_squared_error`.
        dtype: what to compute in; default `floatx()`.

    Example:
        >>> float(MeanSquaredError()([[0.0], [2.0]], [[1.0], [2.0]]))
        0.5
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_squared_error",
        dtype: Any = None,
    ):
        super().__init__(mean_squared_error, reduction=reduction, name=name, dtype=dtype)


@export("keras.losses.MeanAbsoluteError")
class MeanAbsoluteError(LossFunctionWrapper):
    """The mean of absolute differences, `mean |y - p|`.

    Args:
        reduction: see `Loss`; default `sum_over_batch_size`.
        name: default `mean_absolute_error`.
        dtype: what to compute in; default `floatx()`.

    Example:
        >>> float(MeanAbsoluteError()([[0.0], [2.0]], [[1.0], [2.0]]))
        0.5
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_absolute_error",
        dtype: Any = None,
    ):
        super().__init__(mean_absolute_error, reduction=reduction, name=name, dtype=dtype)


@export("keras.losses.MeanAbsolutePercentageError")
class MeanAbsolutePercentageError(LossFunctionWrapper):
    """The mean of relative differences in percent, `100 mean |y - p| / |y|`.

    Args:
        reduction: see `Loss`; default `sum_over_batch_size`.
        name: default `mean_absolute_percentage_error`.
        dtype: what to compute in; default `floatx()`.

    Example:
        >>> float(MeanAbsolutePercentageError()([[2.0]], [[1.0]]))
        50.0
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_absolute_percentage_error",
        dtype: Any = None,
    ):
        super().__init__(mean_absolute_percentage_error, reduction=reduction, name=name, dtype=dtype)


@export("keras.losses.MeanSquaredLogarithmicError")
class MeanSquaredLogarithmicError(LossFunctionWrapper):
    """The mean of squared differences of logarithms, `mean (log(1 + y) - log(1 + p))^2`.

    Args:
        reduction: see `Loss`; default `sum_over_batch_size`.
        name: default `mean_squared_logarithmic_error`.
        dtype: what to compute in; default `floatx()`.

    Example:
        >>> round(float(MeanSquaredLogarithmicError()([[1.718281828]], [[0.0]])), 4)
        1.0
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_squared_logarithmic_error",
        dtype: Any = None,
    ):
        super().__init__(mean_squared_logarithmic_error, reduction=reduction, name=name, dtype=dtype)


@export("keras.losses.Huber")
class Huber(LossFunctionWrapper):
    """Half the squared error where it is at most delta, `delta |e| - delta^2 / 2` beyond.

    Args:
        delta: where the parabola ends, > 0.
        reduction: see `Loss`; default `sum_over_batch_size`.
        name: default `huber_loss`.
        dtype: what to compute in; default `floatx()`.

    Example:
        >>> float(Huber()([[0.0], [0.0]], [[1.0], [3.0]]))
        1.5
    """

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "huber_loss",
        dtype: Any = None,
    ):
        super().__init__(huber, reduction=reduction, name=name, dtype=dtype, delta=delta)


@export("keras.losses.LogCosh")
class LogCosh(LossFunctionWrapper):
    """The mean of `log(cosh(p - y))`.

    Args:
        reduction: see `Loss`; default `sum_over_batch_size`.
        name: default `log_cosh`.
        dtype: what to compute in; default `floatx()`.

    Example:
        >>> round(float(LogCosh()([[0.0]], [[1.0]])), 4)
        0.4338
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "log_cosh",
        dtype: Any = None,
    ):
        super().__init__(log_cosh, reduction=reduction, name=name, dtype=dtype)


@export("keras.losses.CosineSimilarity")
class CosineSimilarity(LossFunctionWrapper):
    """The negative cosine between targets and predictions: -1 for equal directions.

    Args:
        axis: of the vectors.
        reduction: see `Loss`; default `sum_over_batch_size`.
        name: default `cosine_similarity`.
        dtype: what to compute in; default `floatx()`.

    Example:
        >>> float(CosineSimilarity()([[0.0, 2.0]], [[0.0, 3.0]]))
        -1.0
    """

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "cosine_similarity",
        dtype: Any = None,
    ):
        super().__init__(cosine_similarity, reduction=reduction, name=name, dtype=dtype, axis=axis)
