"""Exponential moving average of the weights.

    average <- momentum * average + (1 - momentum) * w        (momentum = 0 in step 0)

The average of the last weights generalises better than the last weights themselves. It is written over the weights every few
steps if asked for, and once at the end of training.

Source: Polyak, Juditsky, "Acceleration of stochastic approximation by averaging", 1992.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jkeras._base.types import Tree
from jkeras.optimizers.state import cast_like, widen


def move_average(average: Tree, params: Tree, momentum: float, step: jax.Array) -> Tree:
    """The average after one more step.

    Args:
        average: pytree like `params`.
        params: the weights of this step.
        momentum: in [0, 1]; the share of the old average.
        step: how often the weights changed before this step; in step 0 the average becomes the weights.

    Returns:
        A pytree like `average`.
    """

    def mix(a: jax.Array, w: jax.Array) -> jax.Array:
        kept = (step != 0).astype(w.dtype) * momentum
        return kept * a + (1 - kept) * w

    return cast_like(jax.tree.map(mix, widen(average), widen(params)), average)


def overwrite(params: Tree, average: Tree, step: jax.Array, frequency: int) -> Tree:
    """The weights, or in each `frequency`-th step their average."""
    due = (step + 1) % frequency == 0
    return jax.tree.map(lambda w, a: jnp.where(due, a, w), params, average)


def check_average(momentum: float, frequency: int | None) -> None:
    """ValueError where momentum is outside [0, 1] or the frequency is not a positive integer."""
    if not 0 <= momentum <= 1:
        raise ValueError(f"ema_momentum must be in [0, 1], such as 0.99; received {momentum!r}.")
    if frequency is not None and (not isinstance(frequency, int) or frequency < 1):
        raise ValueError(f"ema_overwrite_frequency must be an integer >= 1, or None for never; received {frequency!r}.")
