"""Hinge losses, as classes. The maths is in `nn/losses_hinge.py`."""

from __future__ import annotations

from typing import Any

from jkeras._base.registry import export
from jkeras.losses.functions import categorical_hinge, hinge, squared_hinge
from jkeras.losses.wrapper import LossFunctionWrapper


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

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "hinge",
        dtype: Any = None,
    ):
        super().__init__(hinge, reduction=reduction, name=name, dtype=dtype)


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

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "squared_hinge",
        dtype: Any = None,
    ):
        super().__init__(squared_hinge, reduction=reduction, name=name, dtype=dtype)


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

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_hinge",
        dtype: Any = None,
    ):
        super().__init__(categorical_hinge, reduction=reduction, name=name, dtype=dtype)
