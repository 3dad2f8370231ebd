"""Losses on numbers, as classes. The maths is in `nn/losses_regression.py`."""

from __future__ import annotations

from typing import Unpack

from jkeras._base.registry import export
from jkeras._base.shared_arguments import expand_kwargs
from jkeras.losses.functions import publish
from jkeras.losses.wrapper import LossArguments, LossFunctionWrapper
from jkeras.nn import losses_regression as nn

cosine_similarity = publish(nn.cosine_similarity)
huber = publish(nn.huber, "huber_loss")
log_cosh = publish(nn.log_cosh, "logcosh")
mean_absolute_error = publish(nn.mean_absolute_error, "mae", "MAE")
mean_absolute_percentage_error = publish(nn.mean_absolute_percentage_error, "mape", "MAPE")
mean_squared_error = publish(nn.mean_squared_error, "mse", "MSE")
mean_squared_logarithmic_error = publish(nn.mean_squared_logarithmic_error, "msle", "MSLE")


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

    @expand_kwargs(name="mean_squared_error")
    def __init__(self, **kwargs: Unpack[LossArguments]):
        super().__init__(mean_squared_error, **kwargs)


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

    @expand_kwargs(name="mean_absolute_error")
    def __init__(self, **kwargs: Unpack[LossArguments]):
        super().__init__(mean_absolute_error, **kwargs)


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

    @expand_kwargs(name="mean_absolute_percentage_error")
    def __init__(self, **kwargs: Unpack[LossArguments]):
        super().__init__(mean_absolute_percentage_error, **kwargs)


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

    @expand_kwargs(name="mean_squared_logarithmic_error")
    def __init__(self, **kwargs: Unpack[LossArguments]):
        super().__init__(mean_squared_logarithmic_error, **kwargs)


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

    @expand_kwargs(name="huber_loss")
    def __init__(self, delta: float = 1.0, **kwargs: Unpack[LossArguments]):
        super().__init__(huber, delta=delta, **kwargs)


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

    @expand_kwargs(name="log_cosh")
    def __init__(self, **kwargs: Unpack[LossArguments]):
        super().__init__(log_cosh, **kwargs)


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

    @expand_kwargs(name="cosine_similarity")
    def __init__(self, axis: int = -1, **kwargs: Unpack[LossArguments]):
        super().__init__(cosine_similarity, axis=axis, **kwargs)
