"""Ftrl: weights that follow from the sums of all gradients, and are exactly zero where an L1 penalty outweighs them."""

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
from jkeras.optimizers.state import full_like, zeros_like


class FtrlSlots(NamedTuple):
    """Sums of squared gradients, and the linear terms."""

    accumulator: Tree
    linear: Tree


@export("keras.optimizers.Ftrl")
class Ftrl(Optimizer):
    """Follow the regularized leader, per coordinate.

        b  = a + g^2
        z <- z + (g + 2 * l2_shrinkage * w) - (b^-power - a^-power) / learning_rate * w
        w <- (clip(z, -l1, l1) - z) / (b^-power / learning_rate + 2 * l2 + beta / learning_rate)
        a <- b

    Args:
        learning_rate: number or schedule, not 0. Default 0.001.
        learning_rate_power: `power`, not positive: how fast steps become smaller; 0 for a constant rate. Default -0.5.
        initial_accumulator_value: what `a` starts at, not negative. Default 0.1.
        l1_regularization_strength: `l1`, not negative. Default 0.
        l2_regularization_strength: `l2`, not negative. Default 0.
        l2_shrinkage_regularization_strength: `l2_shrinkage`, a penalty on the gradient alone, not negative. Default 0.
        beta: the paper's beta. Default 0.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor,
        gradient_accumulation_steps, name: as in `Optimizer`.

    Raises:
        ValueError: one of these numbers has the wrong sign.

    Example:
        >>> optimizer = Ftrl(0.5, initial_accumulator_value=0.0, l1_regularization_strength=1.0)
        >>> params, grads = {"w": jnp.asarray([0.0, 0.0])}, {"w": jnp.asarray([3.0, 0.5])}
        >>> params, state = optimizer.update(grads, optimizer.init(params), params)
        >>> [round(w, 4) for w in params["w"].tolist()]
        [-0.3333, 0.0]

    Source: McMahan and others, "Ad click prediction: a view from the trenches", 2013.
    """

    slot_groups = (("accumulator", "linear"),)

    @expand_kwargs()
    def __init__(
        self,
        learning_rate: object = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
        **kwargs: Unpack[OptimizerArguments],
    ):
        super().__init__(learning_rate, **kwargs)
        if learning_rate_power > 0:
            raise ValueError(f"learning_rate_power must be 0 or less, such as -0.5; received {learning_rate_power!r}.")
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        for name in ("initial_accumulator_value", *(n for n in vars(self) if n.endswith("_strength"))):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be 0 or more; received {getattr(self, name)!r}.")
        self.beta = beta

    def rule(self) -> optax.GradientTransformationExtraArgs:
        """Ftrl in optax form."""
        power, initial, beta = -self.learning_rate_power, self.initial_accumulator_value, self.beta
        l1, l2 = self.l1_regularization_strength, self.l2_regularization_strength
        shrinkage = self.l2_shrinkage_regularization_strength

        def init(params: Tree) -> FtrlSlots:
            return FtrlSlots(full_like(params, initial), zeros_like(params))

        def update(
            grads: Tree, slots: FtrlSlots, params: Tree = None, *, learning_rate: jax.Array, step: jax.Array
        ) -> tuple[Tree, FtrlSlots]:
            def pulled(z: jax.Array, a: jax.Array, b: jax.Array, g: jax.Array, w: jax.Array) -> jax.Array:
                grown = jnp.power(b, power) - jnp.power(a, power)
                return z + (g + 2 * shrinkage * w - grown / learning_rate * w)

            def change(w: jax.Array, z: jax.Array, b: jax.Array) -> jax.Array:
                curvature = jnp.power(b, power) / learning_rate + 2 * (l2 + beta / (2 * learning_rate))
                return (jnp.clip(z, -l1, l1) - z) / curvature - w

            sums = jax.tree.map(lambda a, g: a + jnp.square(g), slots.accumulator, grads)
            linear = jax.tree.map(pulled, slots.linear, slots.accumulator, sums, grads, params)
            return jax.tree.map(change, params, linear, sums), FtrlSlots(sums, linear)

        return optax.GradientTransformationExtraArgs(init, update)
