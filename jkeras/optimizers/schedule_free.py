"""ScheduleFreeAdamW: steps from one sequence of weights, and a mean of all of them in place of a decaying learning rate."""

from __future__ import annotations

from typing import NamedTuple, Unpack

import jax
import jax.numpy as jnp
import optax

from jkeras._base.registry import export
from jkeras._base.shared_arguments import expand_kwargs
from jkeras._base.types import Array, Tree
from jkeras.optimizers.moments import MomentOptimizer, MomentOptimizerArguments


class ScheduleFreeSlots(NamedTuple):
    """The weights that take the steps, and running means of the squares of gradients."""

    momentums: Tree
    velocities: Tree


@export("keras.optimizers.ScheduleFreeAdamW")
class ScheduleFreeAdamW(MomentOptimizer):
    """Adam's steps without a schedule. The weights w of the model lie between z, which takes the steps, and x, the mean of all z:

        v <- v + (1 - beta_2) * (g^2 - v)
        x  = (w - (1 - beta_1) * z) / beta_1
        z <- z - learning_rate * min(t / warmup_steps, 1) * g / (sqrt(v / (1 - beta_2^t)) + epsilon)
        x <- (1 - 1 / t) * x + z / t
        w <- (1 - beta_1) * z + beta_1 * x

    with `t` counted from 1 and z starting at w. x, the better one after training, is not kept: it follows from w and z.

    Args:
        learning_rate: number or schedule. Default 0.0025.
        beta_1: the share of x in w, above 0. Default 0.9.
        beta_2: share of the old mean of squares. Default 0.999.
        epsilon: added to the root of the mean of squares. Default 1e-8.
        warmup_steps: over how many steps the rate rises from 0; 0 (default) for none.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor,
        gradient_accumulation_steps, name: as in `Optimizer`.

    Example:
        >>> optimizer = ScheduleFreeAdamW(0.1)
        >>> params, grads = {"w": jnp.asarray(1.0)}, {"w": jnp.asarray(20.0)}
        >>> params, state = optimizer.update(grads, optimizer.init(params), params)
        >>> round(float(params["w"]), 4)
        0.9

    Source: Defazio et al., "The road less scheduled", 2024.
    """

    slot_groups = (("momentums", "velocities"),)

    @expand_kwargs(after={"warmup_steps": "epsilon"}, epsilon=1e-8)
    def __init__(self, learning_rate: object = 0.0025, *, warmup_steps: int = 0, **kwargs: Unpack[MomentOptimizerArguments]):
        super().__init__(learning_rate, **kwargs)
        self.warmup_steps = warmup_steps

    def rule(self) -> optax.GradientTransformationExtraArgs:
        """Schedule-free AdamW in optax form."""
        epsilon, warmup = self.epsilon, self.warmup_steps

        def init(params: Tree) -> ScheduleFreeSlots:
            return ScheduleFreeSlots(jax.tree.map(jnp.copy, params), jax.tree.map(jnp.zeros_like, params))

        def update(
            grads: Tree, slots: ScheduleFreeSlots, params: Tree, *, learning_rate: jax.Array, step: jax.Array
        ) -> tuple[Tree, ScheduleFreeSlots]:
            def moved(w: Array, g: Array, z: Array, v: Array) -> tuple[Array, Array, Array]:
                t, beta_1, beta_2 = (jnp.asarray(n, w.dtype) for n in (step + 1, self.beta_1, self.beta_2))
                rate = learning_rate * jnp.minimum(t / warmup, 1) if warmup > 0 else learning_rate
                v = v + (jnp.square(g) - v) * (1 - beta_2)
                x = (w - (1 - beta_1) * z) / beta_1
                z = z - rate * g / (jnp.sqrt(v / (1 - jnp.power(beta_2, t))) + epsilon)
                x = (1 - 1 / t) * x + z / t
                return (1 - beta_1) * z + beta_1 * x - w, z, v

            results = jax.tree.map(moved, params, grads, *slots)
            changes, *new = jax.tree.transpose(jax.tree.structure(params), jax.tree.structure((0, 0, 0)), results)
            return changes, ScheduleFreeSlots(*new)

        return optax.GradientTransformationExtraArgs(init, update)
