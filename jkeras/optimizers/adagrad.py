"""Adagrad: the gradient divided by the root of the sum of all its squares so far."""

from __future__ import annotations

from typing import NamedTuple, Unpack

import jax
import jax.numpy as jnp
import optax

from jkeras._base.registry import export
from jkeras._base.shared_arguments import expand_kwargs
from jkeras._base.types import Tree
from jkeras.optimizers.arguments import OptimizerArguments
from jkeras.optimizers.base import Optimizer
from jkeras.optimizers.state import full_like


class AdagradSlots(NamedTuple):
    """The sums of squares."""

    accumulator: Tree


@export("keras.optimizers.Adagrad")
class Adagrad(Optimizer):
    """Steps that become smaller for weights that have moved much.

        a <- a + g^2
        w <- w - learning_rate * g / sqrt(a + epsilon)

    Args:
        learning_rate: number or schedule. Default 0.001.
        initial_accumulator_value: what `a` starts at, not negative. Default 0.1.
        epsilon: added under the root. Default 1e-7.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor,
        gradient_accumulation_steps, name: as in `Optimizer`.

    Example:
        >>> optimizer = Adagrad(0.5, initial_accumulator_value=0.0)
        >>> params, grads = {"w": jnp.asarray(2.0)}, {"w": jnp.asarray(3.0)}
        >>> params, state = optimizer.update(grads, optimizer.init(params), params)
        >>> round(float(params["w"]), 4)
        1.5

    Source: Duchi, Hazan, Singer, "Adaptive subgradient methods for online learning and stochastic optimization", 2011.
    """

    slot_groups = (("accumulator",),)

    @expand_kwargs()
    def __init__(
        self,
        learning_rate: object = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        **kwargs: Unpack[OptimizerArguments],
    ):
        super().__init__(learning_rate, **kwargs)
        self.initial_accumulator_value = initial_accumulator_value
        self.epsilon = epsilon

    def rule(self) -> optax.GradientTransformationExtraArgs:
        """Adagrad in optax form."""
        initial, epsilon = self.initial_accumulator_value, self.epsilon

        def init(params: Tree) -> AdagradSlots:
            return AdagradSlots(full_like(params, initial))

        def update(
            grads: Tree, slots: AdagradSlots, params: Tree = None, *, learning_rate: jax.Array, step: jax.Array
        ) -> tuple[Tree, AdagradSlots]:
            sums = jax.tree.map(lambda a, g: a + jnp.square(g), slots.accumulator, grads)
            return jax.tree.map(lambda g, a: -(learning_rate * g / jnp.sqrt(a + epsilon)), grads, sums), AdagradSlots(sums)

        return optax.GradientTransformationExtraArgs(init, update)
