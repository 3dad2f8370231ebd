"""Piecewise constant: a table of steps at which the learning rate jumps."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jkeras._base.registry import export
from jkeras._base.types import Scalar
from jkeras.optimizers.schedules.base import LearningRateSchedule


@export("keras.optimizers.schedules.PiecewiseConstantDecay")
class PiecewiseConstantDecay(LearningRateSchedule):
    """A learning rate that is constant between boundaries.

    `rate(t) = values[k]`, where `k` is the number of boundaries below `t`; a boundary belongs to the interval before it.

    Args:
        boundaries: increasing steps.
        values: learning rates, one more than there are boundaries.
        name: a name for the schedule.

    Raises:
        ValueError: the lengths do not fit.

    Example:
        >>> schedule = PiecewiseConstantDecay([100, 200], [0.5, 0.25, 0.125])
        >>> [float(schedule(t)) for t in (0, 100, 101, 500)]
        [0.5, 0.5, 0.25, 0.125]
    """

    def __init__(self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant"):
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                f"values must have one entry more than boundaries; received {len(boundaries)} boundaries {list(boundaries)} "
                f"and {len(values)} values {list(values)}."
            )
        self.boundaries = boundaries
        self.values = values
        self.name = name

    def __call__(self, step: Scalar) -> jax.Array:
        """The learning rate at a step."""
        passed = sum((jnp.asarray(step > b, jnp.int32) for b in self.boundaries), jnp.int32(0))
        return jnp.asarray(self.values, jnp.float32)[passed]
