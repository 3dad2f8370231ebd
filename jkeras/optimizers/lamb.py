"""Lamb: Adam whose step for each weight array is as long as the array itself, times the learning rate."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from jkeras._base.registry import export
from jkeras._base.types import Tree
from jkeras.nn.lengths import root
from jkeras.optimizers.moments import MomentOptimizer, running_mean, running_mean_of_squares
from jkeras.optimizers.state import zeros_like


class LambSlots(NamedTuple):
    """Running means of the gradients and of their squares."""

    momentums: Tree
    velocities: Tree


@export("keras.optimizers.Lamb")
class Lamb(MomentOptimizer):
    """Layer-wise adaptive moments, for large batches.

        m <- m + (1 - beta_1) * (g - m)
        v <- v + (1 - beta_2) * (g^2 - v)
        d  = m / (1 - beta_1^t) / (sqrt(v / (1 - beta_2^t)) + epsilon)
        w <- w - learning_rate * |w| / |d| * d              (or learning_rate * d, where |w| or |d| is 0)

    with `t` counted from 1 and the Euclidean norms of a whole weight array. As in Keras, weight decay is not part of `d`.

    Args:
        learning_rate: number or schedule. Default 0.001.
        beta_1: share of the old mean of gradients. Default 0.9.
        beta_2: share of the old mean of squares. Default 0.999.
        epsilon: added to the root of the mean of squares. Default 1e-7.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor,
        gradient_accumulation_steps, name: as in `Optimizer`.

    Example:
        >>> optimizer = Lamb(0.25)
        >>> params, grads = {"w": jnp.asarray([3.0, 4.0])}, {"w": jnp.asarray([20.0, 20.0])}
        >>> params, state = optimizer.update(grads, optimizer.init(params), params)
        >>> [round(w, 4) for w in params["w"].tolist()]
        [2.1161, 3.1161]

    Source: You and others, "Large batch optimization for deep learning: training BERT in 76 minutes", 2020.
    """

    slot_groups = (("momentums", "velocities"),)

    def rule(self) -> optax.GradientTransformationExtraArgs:
        """Lamb in optax form."""
        beta_1, beta_2, epsilon = self.beta_1, self.beta_2, self.epsilon

        def init(params: Tree) -> LambSlots:
            return LambSlots(zeros_like(params), zeros_like(params))

        def update(
            grads: Tree, slots: LambSlots, params: Tree = None, *, learning_rate: jax.Array, step: jax.Array
        ) -> tuple[Tree, LambSlots]:
            def change(w: jax.Array, m: jax.Array, v: jax.Array) -> jax.Array:
                t = (step + 1).astype(m.dtype)
                mean = m / (1 - jnp.power(jnp.asarray(beta_1, m.dtype), t))
                square = v / (1 - jnp.power(jnp.asarray(beta_2, m.dtype), t))
                d = mean / (jnp.sqrt(square) + epsilon)
                length, size = root(jnp.sum(jnp.square(d))), root(jnp.sum(jnp.square(w)))
                ratio = jnp.where((size > 0) & (length > 0), size / jnp.where(length > 0, length, 1), 1)
                return -(ratio * learning_rate * d)

            momentums = running_mean(slots.momentums, grads, beta_1)
            velocities = running_mean_of_squares(slots.velocities, grads, beta_2)
            return jax.tree.map(change, params, momentums, velocities), LambSlots(momentums, velocities)

        return optax.GradientTransformationExtraArgs(init, update)
