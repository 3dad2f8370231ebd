"""Adamax: Adam with the largest recent gradient in place of the mean square."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from jkeras._base.registry import export
from jkeras._base.types import Tree
from jkeras.optimizers.moments import MomentOptimizer, running_mean
from jkeras.optimizers.state import zeros_like


class AdamaxSlots(NamedTuple):
    """Running means of the gradients, and their decaying maxima."""

    momentums: Tree
    norm: Tree


@export("keras.optimizers.Adamax")
class Adamax(MomentOptimizer):
    """Adam in the maximum norm.

        m <- m + (1 - beta_1) * (g - m)
        u <- max(beta_2 * u, |g|)
        w <- w - learning_rate / (1 - beta_1^t) * m / (u + epsilon)

    with `t` counted from 1.

    Args:
        learning_rate: number or schedule. Default 0.001.
        beta_1: share of the old mean of gradients. Default 0.9.
        beta_2: what is left of the old maximum. Default 0.999.
        epsilon: added to the maximum. Default 1e-7.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor,
        gradient_accumulation_steps, name: as in `Optimizer`.

    Example:
        >>> optimizer = Adamax(0.1)
        >>> params, grads = {"w": jnp.asarray(1.0)}, {"w": jnp.asarray(20.0)}
        >>> params, state = optimizer.update(grads, optimizer.init(params), params)
        >>> round(float(params["w"]), 4)
        0.9

    Source: Kingma, Ba, "Adam: A method for stochastic optimization", 2015, section 7.
    """

    slot_groups = (("momentums", "norm"),)

    def rule(self) -> optax.GradientTransformationExtraArgs:
        """Adamax in optax form."""
        beta_1, beta_2, epsilon = self.beta_1, self.beta_2, self.epsilon

        def init(params: Tree) -> AdamaxSlots:
            return AdamaxSlots(zeros_like(params), zeros_like(params))

        def update(
            grads: Tree, slots: AdamaxSlots, params: Tree = None, *, learning_rate: jax.Array, step: jax.Array
        ) -> tuple[Tree, AdamaxSlots]:
            def change(m: jax.Array, u: jax.Array) -> jax.Array:
                left = jnp.power(jnp.asarray(beta_1, m.dtype), (step + 1).astype(m.dtype))
                return -(learning_rate * m / ((1 - left) * (u + epsilon)))

            momentums = running_mean(slots.momentums, grads, beta_1)
            norm = jax.tree.map(lambda u, g: jnp.maximum(beta_2 * u, jnp.abs(g)), slots.norm, grads)
            return jax.tree.map(change, momentums, norm), AdamaxSlots(momentums, norm)

        return optax.GradientTransformationExtraArgs(init, update)
