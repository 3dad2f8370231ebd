"""A learning rate schedule: a pure function from the step to the learning rate, with a config.

`schedule(step)` takes a Python int or a traced int32 scalar, so it is computed inside the compiled training step and costs no
recompilation. A schedule of your own overrides `__call__`.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jkeras._base.configurable import Configurable
from jkeras._base.registry import export
from jkeras._base.types import Array, Scalar


@export("keras.optimizers.schedules.LearningRateSchedule")
class LearningRateSchedule(Configurable):
    """The base of all schedules.

    Example:
        >>> class Halving(LearningRateSchedule):
        ...     def __init__(self, initial_learning_rate):
        ...         self.initial_learning_rate = initial_learning_rate
        ...     def __call__(self, step):
        ...         return self.initial_learning_rate * 0.5 ** (step // 10)
        >>> Halving(0.8)(20)
        0.2
    """

    def __call__(self, step: Scalar) -> Array:
        """The learning rate at a step.

        Args:
            step: int scalar, counted from 0.

        Returns:
            A float scalar.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `__call__(self, step)` and return the learning rate.")


def as_float(step: Scalar) -> jax.Array:
    """The step as a float32 scalar."""
    return jnp.asarray(step).astype(jnp.float32)


def whole_periods(step: jax.Array, length: ArrayLike) -> jax.Array:
    """How many whole periods of a length are over at a step, exactly.

    Compiled code divides by a constant by multiplying with its rounded reciprocal, which can land just beside a whole number: the
    quotient's floor is corrected by what it leaves over.
    """
    periods = jnp.floor(step / length)
    rest = step - periods * length
    return periods + (rest >= length) - (rest < 0)


def check_decay_steps(name: str, value: float) -> None:
    """ValueError where a number of steps is not positive."""
    if value <= 0:
        raise ValueError(f"{name} must be > 0, the number of optimizer steps to decay over; received {name}={value!r}.")
