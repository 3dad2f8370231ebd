"""What may be given as a learning rate: a number, a schedule or its config, a function of nothing or of the step.

A number becomes an array of the optimizer's state; everything else is a function that the step evaluates at its iteration.
"""

from __future__ import annotations

import inspect
import numbers
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from jkeras._base.configurable import is_object_config, resolve
from jkeras._base.errors import describe
from jkeras._base.types import Scalar
from jkeras.optimizers.schedules.base import LearningRateSchedule
from jkeras.optimizers.state_number import StateNumber
from jkeras.state.variable import Variable


def as_learning_rate(value: object) -> float | Callable[..., ArrayLike]:
    """What a user gave as learning rate, as a float or a function.

    Args:
        value: a number, a variable (whose present value counts, as in Keras), a `LearningRateSchedule`, its config, or a
            function of nothing or of the step.

    Raises:
        ValueError: for anything else.
    """
    if is_object_config(value):
        value = resolve("optimizers.schedules", value)
    if callable(value):
        return value
    if isinstance(value, (numbers.Real, np.ndarray, jax.Array, StateNumber, Variable)) and getattr(value, "shape", ()) == ():
        return float(value)
    raise ValueError(
        f"learning_rate must be a number, a LearningRateSchedule or a function of the step; received {describe(value)}. "
        "Write learning_rate=0.001, say."
    )


def rate_at(source: Callable[..., ArrayLike], step: Scalar) -> jax.Array:
    """The value of a schedule or function at a step, as a float32 scalar."""
    return jnp.asarray(source(step) if _takes_step(source) else source(), jnp.float32)


def _takes_step(source: Callable[..., ArrayLike]) -> bool:
    if isinstance(source, LearningRateSchedule):
        return True
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return any(p.kind in kinds and p.default is p.empty for p in inspect.signature(source).parameters.values())


def check_decay(rate: float | Callable[..., ArrayLike] | None, decay: float | None) -> float:
    """Keras 2's `decay` as a float, 0 for none: the step takes `learning_rate / (1 + decay * iterations)`.

    Raises:
        ValueError: `decay` is no number, or there is a schedule already.
    """
    if not decay:
        return 0.0
    if not isinstance(decay, numbers.Real) or callable(rate):
        raise ValueError(
            f"decay={describe(decay)} needs a number and a numeric learning_rate; with a schedule, put the decay into it, "
            "as in InverseTimeDecay(0.01, decay_steps=1, decay_rate=1e-4)."
        )
    return float(decay)
