"""Accuracies: the share of predictions that are right."""

from __future__ import annotations

from jax.typing import DTypeLike

from jkeras._base.registry import export
from jkeras.metrics.functions import (
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from jkeras.metrics.reduction import MeanMetricWrapper
from jkeras.nn.metrics import accuracy


@export("keras.metrics.Accuracy", aliases=("accuracy",))
class Accuracy(MeanMetricWrapper):
    """The share of entries that are equal.

    Args:
        name: default `accuracy`.
        dtype: see `Metric`.

    Example:
        >>> metric = Accuracy()
        >>> metric.update_state([1, 2], [1, 3])
        >>> float(metric.result())
        0.5
    """

    def __init__(self, name: str | None = "accuracy", dtype: DTypeLike | None = None):
        super().__init__(accuracy, name=name, dtype=dtype)


@export("keras.metrics.BinaryAccuracy", aliases=("binary_accuracy",))
class BinaryAccuracy(MeanMetricWrapper):
    """The share of entries where `y = (p > threshold)`.

    Args:
        name: default `binary_accuracy`.
        dtype: see `Metric`.
        threshold: where class 1 begins.

    Example:
        >>> metric = BinaryAccuracy()
        >>> metric.update_state([1, 1], [0.9, 0.2])
        >>> float(metric.result())
        0.5
    """

    def __init__(self, name: str | None = "binary_accuracy", dtype: DTypeLike | None = None, threshold: float = 0.5):
        super().__init__(binary_accuracy, name=name, dtype=dtype, threshold=threshold)


@export("keras.metrics.CategoricalAccuracy", aliases=("categorical_accuracy",))
class CategoricalAccuracy(MeanMetricWrapper):
    """The share of samples whose likeliest class is the one-hot target's.

    Args:
        name: default `categorical_accuracy`.
        dtype: see `Metric`.

    Example:
        >>> metric = CategoricalAccuracy()
        >>> metric.update_state([[0, 1], [1, 0]], [[0.1, 0.9], [0.4, 0.6]])
        >>> float(metric.result())
        0.5
    """

    def __init__(self, name: str | None = "categorical_accuracy", dtype: DTypeLike | None = None):
        super().__init__(categorical_accuracy, name=name, dtype=dtype)


@export("keras.metrics.SparseCategoricalAccuracy", aliases=("sparse_categorical_accuracy",))
class SparseCategoricalAccuracy(MeanMetricWrapper):
    """The share of samples whose likeliest class is the label.

    Args:
        name: default `sparse_categorical_accuracy`.
        dtype: see `Metric`.

    Example:
        >>> metric = SparseCategoricalAccuracy()
        >>> metric.update_state([1, 0], [[0.1, 0.9], [0.4, 0.6]])
        >>> float(metric.result())
        0.5
    """

    def __init__(self, name: str | None = "sparse_categorical_accuracy", dtype: DTypeLike | None = None):
        super().__init__(sparse_categorical_accuracy, name=name, dtype=dtype)


@export("keras.metrics.TopKCategoricalAccuracy", aliases=("top_k_categorical_accuracy",))
class TopKCategoricalAccuracy(MeanMetricWrapper):
    """The share of samples whose k likeliest classes contain the one-hot target's.

    Args:
        k: how many guesses count.
        name: default `top_k_categorical_accuracy`.
        dtype: see `Metric`.

    Example:
        >>> metric = TopKCategoricalAccuracy()
        >>> metric.update_state([[0, 0, 1]], [[0.5, 0.1, 0.4]])
        >>> float(metric.result())
        1.0
    """

    def __init__(self, k: int = 5, name: str | None = "top_k_categorical_accuracy", dtype: DTypeLike | None = None):
        super().__init__(top_k_categorical_accuracy, name=name, dtype=dtype, k=k)


@export("keras.metrics.SparseTopKCategoricalAccuracy", aliases=("sparse_top_k_categorical_accuracy",))
class SparseTopKCategoricalAccuracy(MeanMetricWrapper):
    """The share of samples whose k likeliest classes contain the label.

    Args:
        k: how many guesses count.
        name: default `sparse_top_k_categorical_accuracy`.
        dtype: see `Metric`.
        from_sorted_ids: whether predictions are class ids, the best first.

    Example:
        >>> metric = SparseTopKCategoricalAccuracy()
        >>> metric.update_state([2], [[0.5, 0.1, 0.4]])
        >>> float(metric.result())
        1.0
    """

    def __init__(
        self,
        k: int = 5,
        name: str | None = "sparse_top_k_categorical_accuracy",
        dtype: DTypeLike | None = None,
        from_sorted_ids: bool = False,
    ):
        super().__init__(sparse_top_k_categorical_accuracy, name=name, dtype=dtype, k=k, from_sorted_ids=from_sorted_ids)
