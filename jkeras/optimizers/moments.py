"""What Adam and its relatives share: their arguments, and running means of gradients and of what is made of them."""

from __future__ import annotations

from typing import Unpack

import jax
import jax.numpy as jnp

from jkeras._base.shared_arguments import expand_kwargs
from jkeras._base.types import Array, Tree
from jkeras.optimizers.arguments import OptimizerArguments
from jkeras.optimizers.base import Optimizer


class MomentOptimizer(Optimizer):
    """An optimizer with two running means, or a mean and a decaying maximum.

    Args:
        learning_rate: number or schedule. Default 0.001.
        beta_1: share of the old mean of gradients. Default 0.9.
        beta_2: share of the other. Default 0.999.
        epsilon: added to what is divided by. Default 1e-7.
        kwargs: as in `Optimizer`.
    """

    @expand_kwargs()
    def __init__(
        self,
        learning_rate: object = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **kwargs: Unpack[OptimizerArguments],
    ):
        super().__init__(learning_rate, **kwargs)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon


def running_mean(old: Tree, new: Tree, beta: float) -> Tree:
    """`old + (1 - beta) (new - old)`, leaf by leaf; `beta` is the share of the old mean."""

    def moved(mean: Array, x: Array) -> Array:
        return mean + (x - mean) * (1 - beta)

    return jax.tree.map(moved, old, new)


def running_mean_of_squares(old: Tree, new: Tree, beta: float) -> Tree:
    """`running_mean` of squares."""
    return running_mean(old, jax.tree.map(jnp.square, new), beta)
