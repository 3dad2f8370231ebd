"""Losses on regions, as classes. The maths is in `nn/losses_overlap.py`."""

from __future__ import annotations

from typing import Unpack

from jkeras._base.registry import export
from jkeras._base.shared_arguments import expand_kwargs
from jkeras.losses.functions import publish
from jkeras.losses.wrapper import LossArguments, LossFunctionWrapper
from jkeras.nn import losses_overlap as nn

dice = publish(nn.dice)
tversky = publish(nn.tversky)


@export("keras.losses.Dice")
class Dice(LossFunctionWrapper):
    """`1 - 2 |y p| / (|y| + |p|)`, for masks in [0, 1].

    Args:
        axis: axes to sum over; None for all, which gives one number for the batch.
        reduction: see `Loss`; default `sum_over_batch_size`.
        name: default `dice`.
        dtype: what to compute in; default `floatx()`.

    Example:
        >>> round(float(Dice()([[1.0, 0.0]], [[0.5, 0.5]])), 4)
        0.5
    """

    @expand_kwargs(after={"axis": "name"}, name="dice")
    def __init__(self, *, axis: object = None, **kwargs: Unpack[LossArguments]):
        super().__init__(dice, axis=axis, **kwargs)
        self.axis = axis


@export("keras.losses.Tversky")
class Tversky(LossFunctionWrapper):
    """`1 - |y p| / (|y p| + alpha |(1 - y) p| + beta |y (1 - p)|)`, for masks in [0, 1].

    Args:
        alpha: weight of what is wrongly claimed, the false positives.
        beta: weight of what is missed, the false negatives.
        axis: axes to sum over; None for all, which gives one number for the batch.
        reduction: see `Loss`; default `sum_over_batch_size`.
        name: default `tversky`.
        dtype: what to compute in; default `floatx()`.

    Example:
        >>> round(float(Tversky()([[1.0, 0.0]], [[0.5, 0.5]])), 4)
        0.5
    """

    @expand_kwargs(after={"axis": "name"}, name="tversky")
    def __init__(self, alpha: float = 0.5, beta: float = 0.5, *, axis: object = None, **kwargs: Unpack[LossArguments]):
        super().__init__(tversky, alpha=alpha, beta=beta, axis=axis, **kwargs)
        self.alpha, self.beta, self.axis = alpha, beta, axis
