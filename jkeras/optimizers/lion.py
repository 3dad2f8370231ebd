"""Lion: steps of one size, along the sign of a mean of the gradients."""

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


class LionSlots(NamedTuple):
    """The running means of the gradients."""

    momentums: Tree


@export("keras.optimizers.Lion")
class Lion(Optimizer):
    """Evolved sign momentum.

        w <- w - learning_rate * sign(beta_1 * m + (1 - beta_1) * g)
        m <- beta_2 * m + (1 - beta_2) * g

    Every weight moves by the learning rate, so it should be 3 to 10 times smaller than Adam's, and the weight decay as much
    larger.

    Args:
        learning_rate: number or schedule. Default 0.001.
        beta_1: share of the mean in the step, in (0, 1]. Default 0.9.
        beta_2: share of the old mean. Default 0.99.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor,
        gradient_accumulation_steps, name: as in `Optimizer`.

    Raises:
        ValueError: `beta_1` is outside (0, 1].

    Example:
        >>> optimizer = Lion(0.25)
        >>> params, grads = {"w": jnp.asarray([1.0, 2.0])}, {"w": jnp.asarray([20.0, -0.1])}
        >>> params, state = optimizer.update(grads, optimizer.init(params), params)
        >>> params["w"].tolist()
        [0.75, 2.25]

    Source: Chen and others, "Symbolic discovery of optimization algorithms", 2023.
    """

    slot_groups = (("momentums",),)

    @expand_kwargs()
    def __init__(
        self,
        learning_rate: object = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        **kwargs: Unpack[OptimizerArguments],
    ):
        super().__init__(learning_rate, **kwargs)
        if not 0 < beta_1 <= 1:
            raise ValueError(f"beta_1 must be a number in (0, 1], such as 0.9; received {beta_1!r}. With 0 no mean would count.")
        self.beta_1 = beta_1
        self.beta_2 = beta_2

    def rule(self) -> optax.GradientTransformationExtraArgs:
        """Lion in optax form."""
        beta_1, beta_2 = self.beta_1, self.beta_2

        def init(params: Tree) -> LionSlots:
            return LionSlots(zeros_like(params))

        def update(
            grads: Tree, slots: LionSlots, params: Tree = None, *, learning_rate: jax.Array, step: jax.Array
        ) -> tuple[Tree, LionSlots]:
            def mixed(share: float) -> Tree:
                return jax.tree.map(lambda m, g: m * share + g * (1 - share), slots.momentums, grads)

            return jax.tree.map(lambda d: -(learning_rate * jnp.sign(d)), mixed(beta_1)), LionSlots(mixed(beta_2))

        return optax.GradientTransformationExtraArgs(init, update)
