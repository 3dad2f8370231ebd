"""Losses on probabilities, as classes. The maths is in `nn/losses_crossentropy.py`."""

from __future__ import annotations

from typing import Unpack

from jkeras._base.registry import export
from jkeras._base.shared_arguments import expand_kwargs
from jkeras.losses.checks import check_categorical, check_labels, check_same_shape, check_sparse
from jkeras.losses.functions import publish
from jkeras.losses.wrapper import LossArguments, LossFunctionWrapper
from jkeras.nn import losses_crossentropy as nn

binary_crossentropy = publish(nn.binary_crossentropy, "bce", "BCE", check=check_same_shape)
categorical_crossentropy = publish(nn.categorical_crossentropy, check=check_categorical)
categorical_generalized_cross_entropy = publish(nn.categorical_generalized_cross_entropy, check=check_labels, takes_labels=True)
kl_divergence = publish(nn.kl_divergence, "kld", "KLD", "kullback_leibler_divergence")
poisson = publish(nn.poisson)
sparse_categorical_crossentropy = publish(nn.sparse_categorical_crossentropy, check=check_sparse, takes_labels=True)


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

    @expand_kwargs(name="binary_crossentropy")
    def __init__(self, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1, **kwargs: Unpack[LossArguments]):
        super().__init__(binary_crossentropy, from_logits=from_logits, label_smoothing=label_smoothing, axis=axis, **kwargs)
        self.from_logits, self.label_smoothing, self.axis = from_logits, label_smoothing, axis


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

    @expand_kwargs(name="categorical_crossentropy")
    def __init__(self, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1, **kwargs: Unpack[LossArguments]):
        super().__init__(categorical_crossentropy, from_logits=from_logits, label_smoothing=label_smoothing, axis=axis, **kwargs)
        self.from_logits, self.label_smoothing, self.axis = from_logits, label_smoothing, axis


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

    @expand_kwargs(after={"axis": "reduction"}, name="sparse_categorical_crossentropy")
    def __init__(
        self, from_logits: bool = False, ignore_class: int | None = None, *, axis: int = -1, **kwargs: Unpack[LossArguments]
    ):
        super().__init__(sparse_categorical_crossentropy, from_logits=from_logits, ignore_class=ignore_class, axis=axis, **kwargs)
        self.from_logits, self.ignore_class = from_logits, ignore_class


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

    @expand_kwargs(name="kl_divergence")
    def __init__(self, **kwargs: Unpack[LossArguments]):
        super().__init__(kl_divergence, **kwargs)


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

    @expand_kwargs(name="poisson")
    def __init__(self, **kwargs: Unpack[LossArguments]):
        super().__init__(poisson, **kwargs)


@export("keras.losses.CategoricalGeneralizedCrossEntropy")
class CategoricalGeneralizedCrossEntropy(LossFunctionWrapper):
    """`(1 - p_y^q) / q`, for integer labels y of which some are wrong.

    Args:
        q: in (0, 1); near 0 it is the crossentropy, near 1 the absolute error, which wrong labels disturb least.
        reduction: see `Loss`; default `sum_over_batch_size`.
        name: default `categorical_generalized_cross_entropy`.
        dtype: what to compute in; default `floatx()`.

    Raises:
        ValueError: q is not between 0 and 1.

    Example:
        >>> float(CategoricalGeneralizedCrossEntropy()([1], [[0.75, 0.25]]))
        1.0
    """

    @expand_kwargs(name="categorical_generalized_cross_entropy")
    def __init__(self, q: float = 0.5, **kwargs: Unpack[LossArguments]):
        if not 0 < q < 1:
            raise ValueError(f"q must be between 0 and 1. Received: q={q}. For 0 write CategoricalCrossentropy(), for 1 an mae.")
        super().__init__(categorical_generalized_cross_entropy, q=q, **kwargs)
        self.q = q
