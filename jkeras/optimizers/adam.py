"""Adam: every weight has its own step size, from running means of its gradient and of its square."""

from __future__ import annotations

from typing import NamedTuple, Unpack

import jax
import jax.numpy as jnp
import optax

from jkeras._base.registry import export
from jkeras._base.shared_arguments import expand_kwargs
from jkeras._base.types import Tree
from jkeras.optimizers.moments import MomentOptimizer, MomentOptimizerArguments, running_mean, running_mean_of_squares
from jkeras.optimizers.state import zeros_like


class AdamSlots(NamedTuple):
    """Running means of the gradients, of their squares, and the largest of the latter (None without amsgrad)."""

    momentums: Tree
    velocities: Tree
    velocity_hats: Tree = None


@export("keras.optimizers.Adam")
class Adam(MomentOptimizer):
    """Adaptive moments.

        m <- m + (1 - beta_1) * (g - m)
        v <- v + (1 - beta_2) * (g^2 - v)
        w <- w - learning_rate * sqrt(1 - beta_2^t) / (1 - beta_1^t) * m / (sqrt(v) + epsilon)

    with `t` counted from 1. Epsilon is added to the *uncorrected* root, as in Keras (the paper's "epsilon hat"); optax and
    PyTorch add it to the corrected one, which differs for tiny gradients in the first steps.

    Args:
        learning_rate: number or schedule. Default 0.001.
        beta_1: share of the old mean of gradients. Default 0.9.
        beta_2: share of the old mean of squares. Default 0.999.
        epsilon: added to the root of the mean of squares. Default 1e-7.
        amsgrad: divide by the largest mean of squares so far. Default False.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor,
        gradient_accumulation_steps, name: as in `Optimizer`.

    Example:
        >>> optimizer = Adam(0.1)
        >>> params, grads = {"w": jnp.asarray(1.0)}, {"w": jnp.asarray(20.0)}
        >>> params, state = optimizer.update(grads, optimizer.init(params), params)
        >>> round(float(params["w"]), 4)
        0.9

    Source: Kingma, Ba, "Adam: A method for stochastic optimization", 2015; Reddi, Kale, Kumar, "On the convergence of Adam and
    beyond", 2018 (amsgrad).
    """

    # Keras makes m and v together, variable by variable, and the maxima after all of them.
    slot_groups = (("momentums", "velocities"), ("velocity_hats",))

    @expand_kwargs(after={"amsgrad": "epsilon"})
    def __init__(
        self,
        learning_rate: object = 0.001,
        *,
        amsgrad: bool = False,
        **kwargs: Unpack[MomentOptimizerArguments],
    ):
        super().__init__(learning_rate, **kwargs)
        self.amsgrad = amsgrad

    def rule(self) -> optax.GradientTransformationExtraArgs:
        """Adam in optax form."""
        beta_1, beta_2, epsilon, amsgrad = self.beta_1, self.beta_2, self.epsilon, self.amsgrad

        def init(params: Tree) -> AdamSlots:
            return AdamSlots(zeros_like(params), zeros_like(params), zeros_like(params) if amsgrad else None)

        def update(
            grads: Tree, slots: AdamSlots, params: Tree = None, *, learning_rate: jax.Array, step: jax.Array
        ) -> tuple[Tree, AdamSlots]:
            def change(m: jax.Array, v: jax.Array) -> jax.Array:
                t = (step + 1).astype(m.dtype)
                root = jnp.sqrt(1 - jnp.power(jnp.asarray(beta_2, m.dtype), t))
                rate = learning_rate * root / (1 - jnp.power(jnp.asarray(beta_1, m.dtype), t))
                return -(m * rate / (jnp.sqrt(v) + epsilon))

            momentums = running_mean(slots.momentums, grads, beta_1)
            velocities = running_mean_of_squares(slots.velocities, grads, beta_2)
            if not amsgrad:
                return jax.tree.map(change, momentums, velocities), AdamSlots(momentums, velocities)
            largest = jax.tree.map(jnp.maximum, slots.velocity_hats, velocities)
            return jax.tree.map(change, momentums, largest), AdamSlots(momentums, velocities, largest)

        return optax.GradientTransformationExtraArgs(init, update)
