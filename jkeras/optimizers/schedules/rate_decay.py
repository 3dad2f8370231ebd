"""Exponential and inverse time decay: the learning rate falls by a constant rate for every so many steps.

Inverse time decay, as one over the time, is what `decay=` meant in Keras 2.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jkeras._base.registry import export
from jkeras._base.types import Scalar
from jkeras.optimizers.schedules.base import LearningRateSchedule, as_float, check_decay_steps, whole_periods


class _RateDecay(LearningRateSchedule):
    """What both are made with."""

    def __init__(self, initial_learning_rate: float, decay_steps: int, decay_rate: float, staircase: bool, name: str):
        check_decay_steps("decay_steps", decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name

    def _periods(self, step: Scalar) -> jax.Array:
        """How many times `decay_steps` are over at a step."""
        step = as_float(step)
        return whole_periods(step, self.decay_steps) if self.staircase else step / self.decay_steps


@export("keras.optimizers.schedules.ExponentialDecay")
class ExponentialDecay(_RateDecay):
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
        super().__init__(initial_learning_rate, decay_steps, decay_rate, staircase, name)

    def __call__(self, step: Scalar) -> jax.Array:
        """The learning rate at a step."""
        return self.initial_learning_rate * jnp.power(jnp.float32(self.decay_rate), self._periods(step))


@export("keras.optimizers.schedules.InverseTimeDecay")
class InverseTimeDecay(_RateDecay):
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
        super().__init__(initial_learning_rate, decay_steps, decay_rate, staircase, name)

    def __call__(self, step: Scalar) -> jax.Array:
        """The learning rate at a step."""
        return self.initial_learning_rate / (1.0 + self.decay_rate * self._periods(step))
