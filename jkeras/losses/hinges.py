"""Hinge losses, as classes. The maths is in `nn/losses_hinge.py`."""

from __future__ import annotations

from typing import Unpack

from jkeras._base.registry import export
from jkeras._base.shared_arguments import expand_kwargs
from jkeras.losses.checks import check_categorical
from jkeras.losses.functions import publish
from jkeras.losses.wrapper import LossArguments, LossFunctionWrapper
from jkeras.nn import losses_hinge as nn

categorical_hinge = publish(nn.categorical_hinge, check=check_categorical)
hinge = publish(nn.hinge)
squared_hinge = publish(nn.squared_hinge)


@export("keras.losses.Hinge")
class Hinge(LossFunctionWrapper):
    """The mean of `max(0, 1 - y p)`, for targets of -1 and 1 (or 0 and 1).

    Args:
        reduction: see `Loss`; default `sum_over_batch_size`.
        name: default `hinge`.
        dtype: what to compute in; default `floatx()`.

    Example:
        >>> float(Hinge()([[1.0], [-1.0]], [[0.5], [-2.0]]))
        0.25
    """

    @expand_kwargs(name="hinge")
    def __init__(self, **kwargs: Unpack[LossArguments]):
        super().__init__(hinge, **kwargs)


@export("keras.losses.SquaredHinge")
class SquaredHinge(LossFunctionWrapper):
    """The mean of `max(0, 1 - y p)^2`, for targets of -1 and 1 (or 0 and 1).

    Args:
        reduction: see `Loss`; default `sum_over_batch_size`.
        name: default `squared_hinge`.
        dtype: what to compute in; default `floatx()`.

    Example:
        >>> float(SquaredHinge()([[1.0], [-1.0]], [[0.5], [-2.0]]))
        0.125
    """

    @expand_kwargs(name="squared_hinge")
    def __init__(self, **kwargs: Unpack[LossArguments]):
        super().__init__(squared_hinge, **kwargs)


@export("keras.losses.CategoricalHinge")
class CategoricalHinge(LossFunctionWrapper):
    """`max(0, 1 + best wrong score - right score)`, for one-hot targets.

    Args:
        reduction: see `Loss`; default `sum_over_batch_size`.
        name: default `categorical_hinge`.
        dtype: what to compute in; default `floatx()`.

    Example:
        >>> float(CategoricalHinge()([[0.0, 1.0]], [[0.5, 1.0]]))
        0.5
    """

    @expand_kwargs(name="categorical_hinge")
    def __init__(self, **kwargs: Unpack[LossArguments]):
        super().__init__(categorical_hinge, **kwargs)
