"""Polynomial decay: from one learning rate to another along a power of the remaining time."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jkeras._base.registry import export
from jkeras._base.types import Scalar
from jkeras.optimizers.schedules.base import LearningRateSchedule, as_float, check_decay_steps, whole_periods


@export("keras.optimizers.schedules.PolynomialDecay")
class PolynomialDecay(LearningRateSchedule):
    """A learning rate that reaches `end_learning_rate` after `decay_steps` and stays there.

    `rate(t) = (initial - end) * (1 - t / decay_steps) ** power + end`. With `cycle`, `decay_steps` is stretched to the
    next multiple of itself at or above `t`, so that the rate rises again and again.

    Args:
        initial_learning_rate: the rate at step 0.
        decay_steps: steps until the end; > 0.
        end_learning_rate: the rate at the end. Default 1e-4.
        power: exponent; 1 is a straight line. Default 1.
        cycle: start again beyond `decay_steps`. Default False.
        name: a name for the schedule.

    Raises:
        ValueError: `decay_steps` is not positive.

    Example:
        >>> float(PolynomialDecay(1.0, decay_steps=10, end_learning_rate=0.5)(5))
        0.75
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ):
        check_decay_steps("decay_steps", decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = cycle
        self.name = name

    def __call__(self, step: Scalar) -> jax.Array:
        """The learning rate at a step."""
        step, total = as_float(step), jnp.float32(self.decay_steps)
        if self.cycle:
            cycles = whole_periods(step, total)
            total = total * jnp.maximum(cycles + (cycles * total < step), 1.0)
        else:
            step = jnp.minimum(step, total)
        span = jnp.float32(self.initial_learning_rate) - jnp.float32(self.end_learning_rate)
        return span * jnp.power(1 - step / total, jnp.float32(self.power)) + self.end_learning_rate
