"""Losses on probabilities, as classes. The maths is in `nn/losses_crossentropy.py`."""

from __future__ import annotations

from typing import Any

from jkeras._base.registry import export
from jkeras.losses.functions import (
    binary_crossentropy,
    categorical_crossentropy,
    kl_divergence,
    poisson,
    sparse_categorical_crossentropy,
)
from jkeras.losses.wrapper import LossFunctionWrapper


@export("keras.losses.BinaryCrossentropy")
class BinaryCrossentropy(LossFunctionWrapper):
    """The mean of `-y log p - (1 - y) log(1 - p)`, for targets of 0 and 1.

    Args:
        from_logits: whether predictions are logits rather than probabilities.
        label_smoothing: s in [0, 1]; targets become `(1 - s) y + s / 2`.
        axis: to take the mean over.
        reduction: see `Loss`; default `sum_over_batch_size`.
        name: default `binary_crossentropy`.
        dtype: what to compute in; default `floatx()`.

    Example:
        >>> round(float(BinaryCrossentropy()([[1.0]], [[0.5]])), 4)
        0.6931
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "binary_crossentropy",
        dtype: Any = None,
    ):
        super().__init__(
            binary_crossentropy,
            reduction=reduction,
            name=name,
            dtype=dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


@export("keras.losses.CategoricalCrossentropy")
class CategoricalCrossentropy(LossFunctionWrapper):
    """`-sum_k y_k log p_k`, for one-hot targets.

    Args:
        from_logits: whether predictions are logits rather than probabilities.
        label_smoothing: s in [0, 1]; targets become `(1 - s) y + s / classes`.
        axis: of the classes.
        reduction: see `Loss`; default `sum_over_batch_size`.
        name: default `categorical_crossentropy`.
        dtype: what to compute in; default `floatx()`.

    Example:
        >>> round(float(CategoricalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
        0.6931
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_crossentropy",
        dtype: Any = None,
    ):
        super().__init__(
            categorical_crossentropy,
            reduction=reduction,
            name=name,
            dtype=dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


@export("keras.losses.SparseCategoricalCrossentropy")
class SparseCategoricalCrossentropy(LossFunctionWrapper):
    """`-log p_y`, for integer labels y.

    Args:
        from_logits: whether predictions are logits rather than probabilities.
        ignore_class: a label whose samples neither cost nor count.
        axis: of the classes.
        reduction: see `Loss`; default `sum_over_batch_size`.
        name: default `sparse_categorical_crossentropy`.
        dtype: what to compute in; default `floatx()`.

    Example:
        >>> round(float(SparseCategoricalCrossentropy()([1], [[0.5, 0.5]])), 4)
        0.6931
    """

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: Any = None,
    ):
        super().__init__(
            sparse_categorical_crossentropy,
            reduction=reduction,
            name=name,
            dtype=dtype,
            from_logits=from_logits,
            ignore_class=ignore_class,
            axis=axis,
        )


@export("keras.losses.KLDivergence")
class KLDivergence(LossFunctionWrapper):
    """`sum_k y_k log(y_k / p_k)`, for targets that are distributions.

    Args:
        reduction: see `Loss`; default `sum_over_batch_size`.
        name: default `kl_divergence`.
        dtype: what to compute in; default `floatx()`.

    Example:
        >>> round(float(KLDivergence()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
        0.6931
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "kl_divergence",
        dtype: Any = None,
    ):
        super().__init__(kl_divergence, reduction=reduction, name=name, dtype=dtype)


@export("keras.losses.Poisson")
class Poisson(LossFunctionWrapper):
    """The mean of `p - y log p`, for targets that are counts.

    Args:
        reduction: see `Loss`; default `sum_over_batch_size`.
        name: default `poisson`.
        dtype: what to compute in; default `floatx()`.

    Example:
        >>> float(Poisson()([[0.0]], [[1.0]]))
        1.0
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "poisson",
        dtype: Any = None,
    ):
        super().__init__(poisson, reduction=reduction, name=name, dtype=dtype)
