"""Losses on pairs of samples, as classes. The maths is in `nn/losses_pairs.py`."""

from __future__ import annotations

from typing import Unpack

from jkeras._base.registry import export
from jkeras._base.shared_arguments import expand_kwargs
from jkeras._base.types import Array, Tree
from jkeras.losses.checks import check_row_labels
from jkeras.losses.functions import publish
from jkeras.losses.wrapper import LossArguments, LossFunctionWrapper
from jkeras.nn import losses_pairs as nn
from jkeras.state.scope import set_mask

circle = publish(nn.circle, check=check_row_labels, takes_labels=True)


@export("keras.losses.Circle")
class Circle(LossFunctionWrapper):
    """Draws embeddings of one class together and those of different classes apart, the more the further they are off.

    Predictions are embeddings of length 1, such as after `Dense` and `UnitNormalization`; targets are integer labels. What a
    batch contains decides what is compared, so take batches with several samples of a class. The mean is over the samples whose
    loss is not 0: those without a partner do not count.

    Args:
        gamma: scale of the cosines.
        margin: samples of one class are drawn together up to the cosine `1 - margin`, others apart down to `margin`.
        remove_diagonal: whether a sample is no partner of itself.
        reduction: see `Loss`; default `sum_over_batch_size`.
        name: default `circle`.
        dtype: what to compute in; default `floatx()`.

    Example:
        >>> round(float(Circle(gamma=2.0)([0, 0, 1], [[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])), 4)
        0.6141

    Source: Sun and others, "Circle Loss: A Unified Perspective of Pair Similarity Optimization", 2020.
    """

    @expand_kwargs(name="circle")
    def __init__(self, gamma: float = 80.0, margin: float = 0.4, remove_diagonal: bool = True, **kwargs: Unpack[LossArguments]):
        super().__init__(circle, gamma=gamma, margin=margin, remove_diagonal=remove_diagonal, **kwargs)
        self.gamma, self.margin, self.remove_diagonal = gamma, margin, remove_diagonal

    def call(self, y_true: Tree, y_pred: Tree) -> Array:
        """One loss per sample; those of 0 have a mask, and do not count in the mean."""
        values = super().call(y_true, y_pred)
        set_mask(values, values > 0)
        return values
