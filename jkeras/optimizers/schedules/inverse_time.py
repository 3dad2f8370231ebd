"""Inverse time decay: the learning rate falls as one over the time, which is what `decay=` meant in Keras 2."""

from __future__ import annotations

import jax

from jkeras._base.registry import export
from jkeras._base.types import Scalar
from jkeras.optimizers.schedules.base import LearningRateSchedule, as_float, check_decay_steps, whole_periods


@export("keras.optimizers.schedules.InverseTimeDecay")
class InverseTimeDecay(LearningRateSchedule):
    """A learning rate that falls hyperbolically.

    `rate(t) = initial_learning_rate / (1 + decay_rate * t / decay_steps)`; with `staircase` the quotient is rounded down.

    Args:
        initial_learning_rate: the rate at step 0.
        decay_steps: the unit of time, in steps; > 0.
        decay_rate: growth of the denominator per unit of time.
        staircase: change only at multiples of `decay_steps`. Default False.
        name: a name for the schedule.

    Raises:
        ValueError: `decay_steps` is not positive.

    Example:
        >>> float(InverseTimeDecay(0.5, decay_steps=1, decay_rate=0.1)(10))
        0.25
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
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
        return self.initial_learning_rate / (1.0 + self.decay_rate * periods)
