"""Adadelta: steps in the units of the weights, from running means of squared gradients and squared steps."""

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
from jkeras.optimizers.state import zeros_like


class AdadeltaSlots(NamedTuple):
    """Running means of the squares of gradients and of steps."""

    accumulated_grad: Tree
    accumulated_delta_var: Tree


@export("keras.optimizers.Adadelta")
class Adadelta(Optimizer):
    """The gradient divided by the root of its mean square, times the root of the mean square of the steps so far.

        a <- rho * a + (1 - rho) * g^2
        s  = -sqrt(d + epsilon) / sqrt(a + epsilon) * g
        d <- rho * d + (1 - rho) * s^2
        w <- w + learning_rate * s

    In the paper the learning rate is 1; Keras' default is small.

    Args:
        learning_rate: number or schedule. Default 0.001.
        rho: share of the old means. Default 0.95.
        epsilon: added under the roots. Default 1e-7.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor,
        gradient_accumulation_steps, name: as in `Optimizer`.

    Example:
        >>> optimizer = Adadelta(1.0, rho=0.75, epsilon=0.04)
        >>> params, grads = {"w": jnp.asarray(2.0)}, {"w": jnp.asarray(3.0)}
        >>> params, state = optimizer.update(grads, optimizer.init(params), params)
        >>> round(float(params["w"]), 4)
        1.6035

    Source: Zeiler, "ADADELTA: An adaptive learning rate method", 2012.
    """

    slot_groups = (("accumulated_grad", "accumulated_delta_var"),)

    @expand_kwargs()
    def __init__(
        self,
        learning_rate: object = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-7,
        **kwargs: Unpack[OptimizerArguments],
    ):
        super().__init__(learning_rate, **kwargs)
        self.rho = rho
        self.epsilon = epsilon

    def rule(self) -> optax.GradientTransformationExtraArgs:
        """Adadelta in optax form."""
        rho, epsilon = self.rho, self.epsilon

        def init(params: Tree) -> AdadeltaSlots:
            return AdadeltaSlots(zeros_like(params), zeros_like(params))

        def update(
            grads: Tree, slots: AdadeltaSlots, params: Tree = None, *, learning_rate: jax.Array, step: jax.Array
        ) -> tuple[Tree, AdadeltaSlots]:
            def moved(mean: jax.Array, x: jax.Array) -> jax.Array:
                return rho * mean + (1 - rho) * jnp.square(x)

            def change(d: jax.Array, a: jax.Array, g: jax.Array) -> jax.Array:
                return -(jnp.sqrt(d + epsilon) * g / jnp.sqrt(a + epsilon))

            squares = jax.tree.map(moved, slots.accumulated_grad, grads)
            steps = jax.tree.map(change, slots.accumulated_delta_var, squares, grads)
            slots = AdadeltaSlots(squares, jax.tree.map(moved, slots.accumulated_delta_var, steps))
            return jax.tree.map(lambda s: learning_rate * s, steps), slots

        return optax.GradientTransformationExtraArgs(init, update)
