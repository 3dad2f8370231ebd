"""Hinge losses, averaged over all samples seen."""

from __future__ import annotations

from jax.typing import DTypeLike

from jkeras._base.registry import export
from jkeras.metrics.reduction import MeanMetricWrapper
from jkeras.nn.losses_hinge import categorical_hinge, hinge, squared_hinge


@export("keras.metrics.Hinge", aliases=("hinge",))
class Hinge(MeanMetricWrapper):
    """The mean of `max(0, 1 - y p)`.

    Args:
        name: default `hinge`.
        dtype: see `Metric`.

    Example:
        >>> metric = Hinge()
        >>> metric.update_state([[1.0], [-1.0]], [[0.5], [-2.0]])
        >>> float(metric.result())
        0.25
    """

    def __init__(self, name: str | None = "hinge", dtype: DTypeLike | None = None):
        super().__init__(hinge, name=name, dtype=dtype)


@export("keras.metrics.SquaredHinge", aliases=("squared_hinge",))
class SquaredHinge(MeanMetricWrapper):
    """The mean of `max(0, 1 - y p)^2`.

    Args:
        name: default `squared_hinge`.
        dtype: see `Metric`.

    Example:
        >>> metric = SquaredHinge()
        >>> metric.update_state([[1.0], [-1.0]], [[0.5], [-2.0]])
        >>> float(metric.result())
        0.125
    """

    def __init__(self, name: str | None = "squared_hinge", dtype: DTypeLike | None = None):
        super().__init__(squared_hinge, name=name, dtype=dtype)


@export("keras.metrics.CategoricalHinge", aliases=("categorical_hinge",))
class CategoricalHinge(MeanMetricWrapper):
    """The mean of `max(0, 1 + best wrong score - right score)`.

    Args:
        name: default `categorical_hinge`.
        dtype: see `Metric`.

    Example:
        >>> metric = CategoricalHinge()
        >>> metric.update_state([[0.0, 1.0]], [[0.5, 1.0]])
        >>> float(metric.result())
        0.5
    """

    def __init__(self, name: str | None = "categorical_hinge", dtype: DTypeLike | None = None):
        super().__init__(categorical_hinge, name=name, dtype=dtype)
