"""RMSprop: the gradient divided by the root of the running mean of its square."""

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


class RMSpropSlots(NamedTuple):
    """Running means of squares, momentum's moves (or None), running means of gradients (None unless centered)."""

    velocities: Tree
    momentums: Tree = None
    average_gradients: Tree = None


@export("keras.optimizers.RMSprop")
class RMSprop(Optimizer):
    """Root mean square propagation.

        v <- rho * v + (1 - rho) * g^2
        a <- rho * a + (1 - rho) * g                        (centered; else a = 0)
        d  = learning_rate * g / sqrt(v - a^2 + epsilon)
        u <- momentum * u + d
        w <- w - u

    Epsilon is inside the root and the learning rate inside the velocity `u`, as in Keras.

    Args:
        learning_rate: number or schedule. Default 0.001.
        rho: share of the old means. Default 0.9.
        momentum: share of the old velocity. Default 0.
        epsilon: added under the root. Default 1e-7.
        centered: divide by the variance instead of the mean square. Default False.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor,
        gradient_accumulation_steps, name: as in `Optimizer`.

    Example:
        >>> optimizer = RMSprop(0.1)
        >>> params, grads = {"w": jnp.asarray(10.0)}, {"w": jnp.asarray(10.0)}
        >>> params, state = optimizer.update(grads, optimizer.init(params), params)
        >>> round(float(params["w"]), 4)
        9.6838

    Source: Hinton, "Neural networks for machine learning", lecture 6e, 2012; Graves, "Generating sequences with recurrent neural
    networks", 2013 (centered).
    """

    slot_groups = (("velocities",), ("momentums",), ("average_gradients",))

    @expand_kwargs()
    def __init__(
        self,
        learning_rate: object = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        **kwargs: Unpack[OptimizerArguments],
    ):
        super().__init__(learning_rate, **kwargs)
        self.rho = rho
        self.momentum = momentum
        self.epsilon = epsilon
        self.centered = centered

    def rule(self) -> optax.GradientTransformationExtraArgs:
        """RMSprop in optax form."""
        rho, momentum, epsilon, centered = self.rho, self.momentum, self.epsilon, self.centered

        def init(params: Tree) -> RMSpropSlots:
            return RMSpropSlots(
                zeros_like(params),
                zeros_like(params) if momentum > 0 else None,
                zeros_like(params) if centered else None,
            )

        def update(
            grads: Tree, slots: RMSpropSlots, params: Tree = None, *, learning_rate: jax.Array, step: jax.Array
        ) -> tuple[Tree, RMSpropSlots]:
            velocities = jax.tree.map(lambda v, g: rho * v + (1 - rho) * jnp.square(g), slots.velocities, grads)
            averages, spread = None, velocities
            if centered:
                averages = jax.tree.map(lambda a, g: rho * a + (1 - rho) * g, slots.average_gradients, grads)
                spread = jax.tree.map(lambda v, a: v - jnp.square(a), velocities, averages)
            moves = jax.tree.map(lambda g, s: learning_rate * g / jnp.sqrt(s + epsilon), grads, spread)
            momentums = None
            if momentum > 0:
                moves = momentums = jax.tree.map(lambda u, d: momentum * u + d, slots.momentums, moves)
            return jax.tree.map(jnp.negative, moves), RMSpropSlots(velocities, momentums, averages)

        return optax.GradientTransformationExtraArgs(init, update)
