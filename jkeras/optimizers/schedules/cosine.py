"""Cosine decay, with a warm-up or with warm restarts.

The rate follows half a cosine from its start to `alpha` times its start.

Source: Loshchilov, Hutter, "SGDR: Stochastic gradient descent with warm restarts", 2017.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from jkeras._base.registry import export
from jkeras._base.types import Scalar
from jkeras.optimizers.schedules.base import LearningRateSchedule, as_float, check_decay_steps, whole_periods


@export("keras.optimizers.schedules.CosineDecay")
class CosineDecay(LearningRateSchedule):
    """A learning rate that falls along half a cosine, after an optional linear warm-up.

    With `s = min(t, decay_steps) / decay_steps`:
    `rate(t) = initial_learning_rate * ((1 - alpha) * (1 + cos(pi s)) / 2 + alpha)`.
    With a `warmup_target` the rate first rises linearly from `initial_learning_rate` to it in `warmup_steps`; the decay starts
    from there.

    Args:
        initial_learning_rate: the rate at step 0.
        decay_steps: steps of the decay, without the warm-up; > 0.
        alpha: the last rate as a fraction of the highest one. Default 0.
        name: a name for the schedule.
        warmup_target: the rate at the end of the warm-up; None for no warm-up.
        warmup_steps: steps of the warm-up. Default 0.

    Raises:
        ValueError: `decay_steps` is not positive.

    Example:
        >>> schedule = CosineDecay(0.0, decay_steps=10, warmup_target=1.0, warmup_steps=4)
        >>> [round(float(schedule(t)), 3) for t in (0, 2, 4, 9, 14)]
        [0.0, 0.5, 1.0, 0.5, 0.0]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ):
        check_decay_steps("decay_steps", decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.alpha = alpha
        self.name = name
        self.warmup_target = warmup_target
        self.warmup_steps = warmup_steps

    def __call__(self, step: Scalar) -> jax.Array:
        """The learning rate at a step."""
        step = as_float(step)
        if self.warmup_target is None:
            return self._decayed(step, self.initial_learning_rate)
        decayed = self._decayed(step - self.warmup_steps, self.warmup_target)
        if not self.warmup_steps:
            return decayed
        rise = jnp.float32(self.warmup_target) - jnp.float32(self.initial_learning_rate)
        warming = rise * (step / self.warmup_steps) + self.initial_learning_rate
        return jnp.where(step < self.warmup_steps, warming, decayed)

    def _decayed(self, step: jax.Array, start: float) -> jax.Array:
        share = jnp.minimum(step, self.decay_steps) / self.decay_steps
        cosine = 0.5 * (1.0 + jnp.cos(jnp.float32(math.pi) * share))
        return start * ((1 - self.alpha) * cosine + self.alpha)


@export("keras.optimizers.schedules.CosineDecayRestarts")
class CosineDecayRestarts(LearningRateSchedule):
    """Cosine decay that starts again, each period `t_mul` times as long and `m_mul` times as high as the one before.

    In period `i`, with the share `s` of it done:
    `rate = initial_learning_rate * ((1 - alpha) * m_mul ** i * (1 + cos(pi s)) / 2 + alpha)`.

    Args:
        initial_learning_rate: the rate at step 0.
        first_decay_steps: steps of the first period; > 0.
        t_mul: growth of the periods. Default 2.
        m_mul: growth of their heights. Default 1.
        alpha: the lowest rate as a fraction of the first. Default 0.
        name: a name for the schedule.

    Raises:
        ValueError: `first_decay_steps` is not positive.

    Example:
        >>> schedule = CosineDecayRestarts(1.0, first_decay_steps=10, m_mul=0.5)
        >>> [round(float(schedule(t)), 3) for t in (0, 5, 10, 20)]
        [1.0, 0.5, 0.5, 0.25]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: int,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ):
        check_decay_steps("first_decay_steps", first_decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = first_decay_steps
        self.t_mul = t_mul
        self.m_mul = m_mul
        self.alpha = alpha
        self.name = name

    def __call__(self, step: Scalar) -> jax.Array:
        """The learning rate at a step."""
        period, share = self._period(as_float(step))
        height = jnp.power(jnp.float32(self.m_mul), period)
        cosine = 0.5 * height * (1.0 + jnp.cos(jnp.float32(math.pi) * share))
        return self.initial_learning_rate * ((1 - self.alpha) * cosine + self.alpha)

    def _period(self, step: jax.Array) -> tuple[jax.Array, jax.Array]:
        """The index of the period that a step is in, and the share of the period that is done.

        Period `i` starts at the geometric sum `first_decay_steps * (1 - t_mul ** i) / (1 - t_mul)`.
        """
        first, growth = self.first_decay_steps, jnp.float32(self.t_mul)
        if self.t_mul == 1:
            period = whole_periods(step, first)
            return period, (step - period * first) / first

        def start(i: jax.Array) -> jax.Array:
            return first * (1.0 - jnp.power(growth, i)) / (1.0 - growth)

        # The logarithms round: at a restart they may name the period that has just ended.
        guess = jnp.floor(jnp.log(1.0 - step / first * (1.0 - growth)) / jnp.log(growth))
        period = guess + (step >= start(guess + 1)) - (step < start(guess))
        return period, (step - start(period)) / (first * jnp.power(growth, period))
