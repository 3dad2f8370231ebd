"""Crossentropies and likelihoods, averaged over all samples seen."""

from __future__ import annotations

from jax.typing import DTypeLike

from jkeras._base.registry import export
from jkeras._base.types import Tree
from jkeras.metrics.base import State
from jkeras.metrics.reduction import MeanMetricWrapper
from jkeras.nn.losses_align import merge_mask
from jkeras.nn.losses_crossentropy import (
    binary_crossentropy,
    categorical_crossentropy,
    kl_divergence,
    labels_that_count,
    poisson,
    sparse_categorical_crossentropy,
)


@export("keras.metrics.BinaryCrossentropy", aliases=("binary_crossentropy", "bce", "BCE"))
class BinaryCrossentropy(MeanMetricWrapper):
    """The mean of `-y log p - (1 - y) log(1 - p)`.

    Args:
        name: default `binary_crossentropy`.
        dtype: see `Metric`.
        from_logits: whether predictions are logits rather than probabilities.
        label_smoothing: moves targets towards the uniform distribution.

    Example:
        >>> metric = BinaryCrossentropy()
        >>> metric.update_state([[1.0]], [[0.5]])
        >>> round(float(metric.result()), 4)
        0.6931
    """

    def __init__(
        self,
        name: str | None = "binary_crossentropy",
        dtype: DTypeLike | None = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ):
        super().__init__(binary_crossentropy, name=name, dtype=dtype, from_logits=from_logits, label_smoothing=label_smoothing)


@export("keras.metrics.CategoricalCrossentropy", aliases=("categorical_crossentropy",))
class CategoricalCrossentropy(MeanMetricWrapper):
    """The mean of `-sum_k y_k log p_k`, for one-hot targets.

    Args:
        name: default `categorical_crossentropy`.
        dtype: see `Metric`.
        from_logits: whether predictions are logits rather than probabilities.
        label_smoothing: moves targets towards the uniform distribution.
        axis: of the classes.

    Example:
        >>> metric = CategoricalCrossentropy()
        >>> metric.update_state([[0.0, 1.0]], [[0.5, 0.5]])
        >>> round(float(metric.result()), 4)
        0.6931
    """

    def __init__(
        self,
        name: str | None = "categorical_crossentropy",
        dtype: DTypeLike | None = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ):
        super().__init__(
            categorical_crossentropy, name=name, dtype=dtype, from_logits=from_logits, label_smoothing=label_smoothing, axis=axis
        )


@export("keras.metrics.SparseCategoricalCrossentropy", aliases=("sparse_categorical_crossentropy",))
class SparseCategoricalCrossentropy(MeanMetricWrapper):
    """The mean of `-log p_y`, for integer labels y.

    Args:
        name: default `sparse_categorical_crossentropy`.
        dtype: see `Metric`.
        from_logits: whether predictions are logits rather than probabilities.
        ignore_class: a label whose samples neither cost nor count. (Keras counts them in the mean, unless there are weights.)
        axis: of the classes.

    Example:
        >>> metric = SparseCategoricalCrossentropy()
        >>> metric.update_state([1], [[0.5, 0.5]])
        >>> round(float(metric.result()), 4)
        0.6931
    """

    def __init__(
        self,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: DTypeLike | None = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ):
        super().__init__(
            sparse_categorical_crossentropy, name=name, dtype=dtype, from_logits=from_logits, ignore_class=ignore_class, axis=axis
        )

    def update(self, state: State, y_true: Tree, y_pred: Tree, sample_weight: Tree = None) -> State:  # type: ignore[override]
        """Add one batch."""
        if self.ignore_class is not None:
            counts = labels_that_count(y_true, y_pred, self.ignore_class, self.axis)
            sample_weight = merge_mask(sample_weight, counts, self.accumulator_dtype, rescale=False)
        return super().update(state, y_true, y_pred, sample_weight)


@export("keras.metrics.KLDivergence", aliases=("kl_divergence", "kld", "KLD", "kullback_leibler_divergence"))
class KLDivergence(MeanMetricWrapper):
    """The mean of `sum_k y_k log(y_k / p_k)`.

    Args:
        name: default `kl_divergence`.
        dtype: see `Metric`.

    Example:
        >>> metric = KLDivergence()
        >>> metric.update_state([[0.0, 1.0]], [[0.5, 0.5]])
        >>> round(float(metric.result()), 4)
        0.6931
    """

    def __init__(self, name: str | None = "kl_divergence", dtype: DTypeLike | None = None):
        super().__init__(kl_divergence, name=name, dtype=dtype)


@export("keras.metrics.Poisson", aliases=("poisson",))
class Poisson(MeanMetricWrapper):
    """The mean of `p - y log p`, for targets that are counts.

    Args:
        name: default `poisson`.
        dtype: see `Metric`.

    Example:
        >>> metric = Poisson()
        >>> metric.update_state([[0.0]], [[1.0]])
        >>> float(metric.result())
        1.0
    """

    def __init__(self, name: str | None = "poisson", dtype: DTypeLike | None = None):
        super().__init__(poisson, name=name, dtype=dtype)
