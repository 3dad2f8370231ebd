"""Gradient descent, with momentum and Nesterov's variant."""

from __future__ import annotations

from typing import NamedTuple, Unpack

import jax
import optax

from jkeras._base.registry import export
from jkeras._base.shared_arguments import expand_kwargs
from jkeras._base.types import Tree
from jkeras.optimizers.arguments import OptimizerArguments
from jkeras.optimizers.base import Optimizer
from jkeras.optimizers.state import zeros_like


class SGDSlots(NamedTuple):
    """The velocities of SGD; None without momentum."""

    momentums: Tree = None


@export("keras.optimizers.SGD")
class SGD(Optimizer):
    """Gradient descent.

        v <- momentum * v - learning_rate * g
        w <- w + v                                          (plain)
        w <- w + momentum * v - learning_rate * g           (nesterov)

    The learning rate is inside the velocity, as in Keras; in optax it is outside.

    Args:
        learning_rate: number or schedule. Default 0.01.
        momentum: share of the old velocity, in [0, 1]. Default 0.
        nesterov: look ahead along the velocity. Default False.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor,
        gradient_accumulation_steps, name: as in `Optimizer`.

    Raises:
        ValueError: `momentum` is outside [0, 1].

    Example:
        >>> optimizer = SGD(0.5)
        >>> params, grads = {"w": jax.numpy.asarray(2.0)}, {"w": jax.numpy.asarray(1.0)}
        >>> params, state = optimizer.update(grads, optimizer.init(params), params)
        >>> float(params["w"]), int(state.iterations)
        (1.5, 1)

    Source: Sutskever, Martens, Dahl, Hinton, "On the importance of initialization and momentum in deep learning", 2013.
    """

    slot_groups = (("momentums",),)

    @expand_kwargs()
    def __init__(
        self,
        learning_rate: object = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        **kwargs: Unpack[OptimizerArguments],
    ):
        super().__init__(learning_rate, **kwargs)
        if not 0 <= momentum <= 1:
            raise ValueError(f"momentum must be a number in [0, 1], such as 0.9; received {momentum!r}.")
        self.momentum = momentum
        self.nesterov = nesterov

    def rule(self) -> optax.GradientTransformationExtraArgs:
        """SGD in optax form."""
        momentum, nesterov = self.momentum, self.nesterov

        def init(params: Tree) -> SGDSlots:
            return SGDSlots(zeros_like(params) if momentum else None)

        def update(
            grads: Tree, slots: SGDSlots, params: Tree = None, *, learning_rate: jax.Array, step: jax.Array
        ) -> tuple[Tree, SGDSlots]:
            if not momentum:
                return jax.tree.map(lambda g: -(g * learning_rate), grads), slots
            velocities = jax.tree.map(lambda v, g: v * momentum - g * learning_rate, slots.momentums, grads)
            if not nesterov:
                return velocities, SGDSlots(velocities)
            return jax.tree.map(lambda v, g: v * momentum - g * learning_rate, velocities, grads), SGDSlots(velocities)

        return optax.GradientTransformationExtraArgs(init, update)
