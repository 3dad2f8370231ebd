"""What Adam and its relatives share: their arguments, and running means of gradients and of what is made of them."""

from __future__ import annotations

from typing import Annotated, TypedDict, Unpack

import jax
import jax.numpy as jnp

from jkeras._base.shared_arguments import expand_kwargs
from jkeras._base.types import Array, Tree
from jkeras.optimizers.arguments import OptimizerArguments
from jkeras.optimizers.base import Optimizer


class MomentArguments(TypedDict, total=False):
    """The arguments of a pair of running means; `Adam` explains them."""

    beta_1: Annotated[float, 0.9]
    beta_2: Annotated[float, 0.999]
    epsilon: Annotated[float, 1e-7]


class MomentOptimizerArguments(MomentArguments, OptimizerArguments, total=False):
    """The same, and what every optimizer takes."""


class MomentOptimizer(Optimizer):
    """An optimizer with two running means, or a mean and a decaying maximum; arguments as `Adam`, which explains them."""

    @expand_kwargs()
    def __init__(self, learning_rate: object = 0.001, **kwargs: Unpack[MomentOptimizerArguments]):
        self.beta_1, self.beta_2, self.epsilon = kwargs.pop("beta_1"), kwargs.pop("beta_2"), kwargs.pop("epsilon")
        super().__init__(learning_rate, **kwargs)  # type: ignore[misc]


def running_mean(old: Tree, new: Tree, beta: float) -> Tree:
    """`old + (1 - beta) (new - old)`, leaf by leaf; `beta` is the share of the old mean."""

    def moved(mean: Array, x: Array) -> Array:
        return mean + (x - mean) * (1 - beta)

    return jax.tree.map(moved, old, new)


def running_mean_of_squares(old: Tree, new: Tree, beta: float) -> Tree:
    """`running_mean` of squares."""
    return running_mean(old, jax.tree.map(jnp.square, new), beta)
