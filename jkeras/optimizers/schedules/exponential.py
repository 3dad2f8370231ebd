"""Exponential decay: the learning rate is multiplied by a constant factor every so many steps."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jkeras._base.registry import export
from jkeras._base.types import Scalar
from jkeras.optimizers.schedules.base import LearningRateSchedule, as_float, check_decay_steps, whole_periods


@export("keras.optimizers.schedules.ExponentialDecay")
class ExponentialDecay(LearningRateSchedule):
    """A learning rate that falls geometrically.

    `rate(t) = initial_learning_rate * decay_rate ** (t / decay_steps)`; with `staircase` the exponent is rounded down.

    Args:
        initial_learning_rate: the rate at step 0.
        decay_steps: steps per factor of `decay_rate`; > 0.
        decay_rate: the factor.
        staircase: change only at multiples of `decay_steps`. Default False.
        name: a name for the schedule.

    Raises:
        ValueError: `decay_steps` is not positive.

    Example:
        >>> float(ExponentialDecay(0.5, decay_steps=10, decay_rate=0.5)(20))
        0.125
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ):
        check_decay_steps("decay_steps", decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name

    def __call__(self, step: Scalar) -> jax.Array:
        """The learning rate at a step."""
        step = as_float(step)
        periods = whole_periods(step, self.decay_steps) if self.staircase else step / self.decay_steps
        return self.initial_learning_rate * jnp.power(jnp.float32(self.decay_rate), periods)
