"""Nadam: Adam that looks ahead, as Nesterov's momentum does."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.typing import ArrayLike

from jkeras._base.registry import export
from jkeras._base.types import Tree
from jkeras.optimizers.moments import MomentOptimizer
from jkeras.optimizers.state import zeros_like

_DECAY = 0.96  # the paper's, of the momentum's schedule


class NadamSlots(NamedTuple):
    """Running means of the gradients and of their squares, and the product of the momenta so far."""

    momentums: Tree
    velocities: Tree
    u_product: jax.Array


@export("keras.optimizers.Nadam")
class Nadam(MomentOptimizer):
    """Adam with Nesterov's momentum, whose share grows to `beta_1` over the first hundred steps.

        u(t) = beta_1 * (1 - 0.96^t / 2)
        p <- p * u(t)
        m <- m + (1 - beta_1) * (g - m)
        v <- v + (1 - beta_2) * (g^2 - v)
        d  = u(t + 1) * m / (1 - p * u(t + 1)) + (1 - u(t)) * g / (1 - p)
        w <- w - learning_rate * d / (sqrt(v / (1 - beta_2^t)) + epsilon)

    with `t` counted from 1.

    Args:
        learning_rate: number or schedule. Default 0.001.
        beta_1: share of the old mean of gradients. Default 0.9.
        beta_2: share of the old mean of squares. Default 0.999.
        epsilon: added to the root of the mean of squares. Default 1e-7.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor,
        gradient_accumulation_steps, name: as in `Optimizer`.

    Example:
        >>> optimizer = Nadam(0.1)
        >>> params, grads = {"w": jnp.asarray(1.0)}, {"w": jnp.asarray(20.0)}
        >>> params, state = optimizer.update(grads, optimizer.init(params), params)
        >>> round(float(params["w"]), 4)
        0.8937

    Source: Dozat, "Incorporating Nesterov momentum into Adam", 2016.
    """

    slot_groups = (("momentums", "velocities"), ("u_product",))

    def rule(self) -> optax.GradientTransformationExtraArgs:
        """Nadam in optax form."""
        beta_1, beta_2, epsilon = self.beta_1, self.beta_2, self.epsilon

        def init(params: Tree) -> NadamSlots:
            return NadamSlots(zeros_like(params), zeros_like(params), self.slot_after("u_product", 0))

        def update(
            grads: Tree, slots: NadamSlots, params: Tree = None, *, learning_rate: jax.Array, step: jax.Array
        ) -> tuple[Tree, NadamSlots]:
            t = (step + 1).astype(jnp.float32)
            now, ahead = _momentum(beta_1, t), _momentum(beta_1, t + 1)
            product = slots.u_product * now

            def moved(mean: jax.Array, x: jax.Array, beta: float) -> jax.Array:
                # 1 - 0.999 of float32 is not 0.001: as in Keras, which writes such numbers to files that both go on from.
                return mean + (x - mean) * (1 - jnp.asarray(beta, mean.dtype))

            def change(m: jax.Array, v: jax.Array, g: jax.Array) -> jax.Array:
                left = jnp.power(jnp.asarray(beta_2, v.dtype), t.astype(v.dtype))
                mean = ahead * m / (1 - product * ahead) + (1 - now) * g / (1 - product)
                return -(mean * learning_rate / (jnp.sqrt(v / (1 - left)) + epsilon)).astype(m.dtype)

            momentums = jax.tree.map(lambda m, g: moved(m, g, beta_1), slots.momentums, grads)
            velocities = jax.tree.map(lambda v, g: moved(v, jnp.square(g), beta_2), slots.velocities, grads)
            return jax.tree.map(change, momentums, velocities, grads), NadamSlots(momentums, velocities, product)

        return optax.GradientTransformationExtraArgs(init, update)

    def slot_after(self, slot: str, steps: int) -> jax.Array:
        """The product of the momenta after some steps: the only slot that is not in files of Keras 2."""
        factors = [_momentum(self.beta_1, t) for t in range(1, min(steps, 10_000) + 1)]  # by then it is 0
        return jnp.asarray(math.prod(factors), jnp.float32)


def _momentum(beta_1: float, t: ArrayLike) -> Any:
    return beta_1 * (1 - 0.5 * _DECAY**t)
