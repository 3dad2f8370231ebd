"""Focal crossentropies, as classes. The maths is in `nn/losses_focal.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from jkeras._base.registry import export
from jkeras._base.shared_arguments import expand_kwargs
from jkeras.losses.checks import check_categorical, check_same_shape
from jkeras.losses.functions import publish
from jkeras.losses.wrapper import LossArguments, LossFunctionWrapper
from jkeras.nn import losses_focal as nn

binary_focal_crossentropy = publish(nn.binary_focal_crossentropy, check=check_same_shape)
categorical_focal_crossentropy = publish(nn.categorical_focal_crossentropy, check=check_categorical)


@export("keras.losses.BinaryFocalCrossentropy")
class BinaryFocalCrossentropy(LossFunctionWrapper):
    """The binary crossentropy with each term times `(1 - p_t)^gamma`, p_t being the truth's probability.

    Args:
        apply_class_balancing: whether terms are weighted by alpha and `1 - alpha`.
        alpha: weight of class 1.
        gamma: how strongly easy examples are played down, >= 0.
        from_logits: whether predictions are logits rather than probabilities.
        label_smoothing: s in [0, 1]; targets become `(1 - s) y + s / 2`.
        axis: to take the mean over.
        reduction: see `Loss`; default `sum_over_batch_size`.
        name: default `binary_focal_crossentropy`.
        dtype: what to compute in; default `floatx()`.

    Example:
        >>> round(float(BinaryFocalCrossentropy()([[1.0]], [[0.5]])), 4)
        0.1733
    """

    @expand_kwargs(name="binary_focal_crossentropy")
    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        **kwargs: Unpack[LossArguments],
    ):
        super().__init__(
            binary_focal_crossentropy,
            apply_class_balancing=apply_class_balancing,
            alpha=alpha,
            gamma=gamma,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
            **kwargs,
        )
        self.from_logits, self.label_smoothing, self.axis = from_logits, label_smoothing, axis
        self.apply_class_balancing, self.alpha, self.gamma = apply_class_balancing, alpha, gamma


@export("keras.losses.CategoricalFocalCrossentropy")
class CategoricalFocalCrossentropy(LossFunctionWrapper):
    """The categorical crossentropy with each term times `alpha_k (1 - p_k)^gamma`.

    Args:
        alpha: a number, or one weight per class.
        gamma: how strongly easy examples are played down, >= 0.
        from_logits: whether predictions are logits rather than probabilities.
        label_smoothing: s in [0, 1]; targets become `(1 - s) y + s / classes`.
        axis: of the classes.
        reduction: see `Loss`; default `sum_over_batch_size`.
        name: default `categorical_focal_crossentropy`.
        dtype: what to compute in; default `floatx()`.

    Example:
        >>> round(float(CategoricalFocalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
        0.0433
    """

    @expand_kwargs(name="categorical_focal_crossentropy")
    def __init__(
        self,
        alpha: float | Sequence[float] = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        **kwargs: Unpack[LossArguments],
    ):
        super().__init__(
            categorical_focal_crossentropy,
            alpha=alpha,
            gamma=gamma,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
            **kwargs,
        )
        self.from_logits, self.label_smoothing, self.axis = from_logits, label_smoothing, axis
        self.alpha, self.gamma = alpha, gamma
