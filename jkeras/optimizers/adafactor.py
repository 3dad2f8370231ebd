"""Adafactor: an adaptive step that keeps the mean squares of a matrix as the means of its rows and of its columns."""

from __future__ import annotations

from collections.abc import Callable
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


class AdafactorSlots(NamedTuple):
    """Running means of squares: along the last axis, along the one before it, and per entry. As in Keras all three are there for
    all weights. Those of two or more axes read `r` and `c` alone; for the others these are numbers without use.
    """

    r: Tree
    c: Tree
    v: Tree


@export("keras.optimizers.Adafactor")
class Adafactor(Optimizer):
    """Adaptive steps relative to the size of the weights.

        b  = 1 - t^beta_2_decay
        s  = g^2 + epsilon_1
        r <- b * r + (1 - b) * mean_columns(s)              (weights of two or more axes)
        c <- b * c + (1 - b) * mean_rows(s)
        v  = r / mean(r) * c
        v <- b * v + (1 - b) * s                            (other weights)
        d  = g / sqrt(v)
        w <- w - min(learning_rate, 1 / sqrt(t)) * max(epsilon_2, rms(w)) * d / max(1, rms(d) / clip_threshold)

    with `t` counted from 1 and `rms` the root of the mean square of a whole weight array.

    Args:
        learning_rate: number or schedule. Default 0.001.
        beta_2_decay: how the share of the old means grows. Default -0.8.
        epsilon_1: added to the squares. Default 1e-30.
        epsilon_2: the least size of a weight array. Default 0.001.
        clip_threshold: largest rms of a step before it is scaled. Default 1.
        relative_step: the paper's `min(learning_rate, 1 / sqrt(t))`. As in Keras the step is never larger, so False changes
            nothing. Default True.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor,
        gradient_accumulation_steps, name: as in `Optimizer`.

    Example:
        >>> optimizer = Adafactor(0.5)
        >>> params, grads = {"w": jnp.asarray([3.0, 4.0])}, {"w": jnp.asarray([20.0, 20.0])}
        >>> params, state = optimizer.update(grads, optimizer.init(params), params)
        >>> [round(w, 4) for w in params["w"].tolist()]
        [1.2322, 2.2322]

    Source: Shazeer, Stern, "Adafactor: Adaptive learning rates with sublinear memory cost", 2018.
    """

    slot_groups = (("r", "c", "v"),)

    @expand_kwargs()
    def __init__(
        self,
        learning_rate: object = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
        **kwargs: Unpack[OptimizerArguments],
    ):
        super().__init__(learning_rate, **kwargs)
        self.beta_2_decay = beta_2_decay
        self.epsilon_1 = epsilon_1
        self.epsilon_2 = epsilon_2
        self.clip_threshold = clip_threshold
        self.relative_step = relative_step

    def rule(self) -> optax.GradientTransformationExtraArgs:
        """Adafactor in optax form."""
        decay, tiny, least, threshold = self.beta_2_decay, self.epsilon_1, self.epsilon_2, self.clip_threshold

        def init(params: Tree) -> AdafactorSlots:
            r = jax.tree.map(lambda w: jnp.zeros(w.shape[:-1] if w.ndim > 1 else (), w.dtype), params)
            c = jax.tree.map(lambda w: jnp.zeros((*w.shape[:-2], w.shape[-1]) if w.ndim > 1 else (), w.dtype), params)
            return AdafactorSlots(r, c, zeros_like(params))

        def update(
            grads: Tree, slots: AdafactorSlots, params: Tree = None, *, learning_rate: jax.Array, step: jax.Array
        ) -> tuple[Tree, AdafactorSlots]:
            t = (step + 1).astype(jnp.float32)
            rate, kept = jnp.minimum(learning_rate, 1 / jnp.sqrt(t)), 1 - jnp.power(t, decay)

            def mean(axis: int) -> Callable[[jax.Array, jax.Array], jax.Array]:
                def moved(old: jax.Array, g: jax.Array) -> jax.Array:
                    return kept * old + (1 - kept) * jnp.mean(jnp.square(g) + tiny, axis) if g.ndim > 1 else old

                return moved

            def squares(v: jax.Array, r: jax.Array, c: jax.Array, g: jax.Array) -> jax.Array:
                if g.ndim < 2:
                    return kept * v + (1 - kept) * (jnp.square(g) + tiny)
                return (r / jnp.mean(r, -1, keepdims=True))[..., None] * c[..., None, :]

            def change(w: jax.Array, v: jax.Array, r: jax.Array, c: jax.Array, g: jax.Array) -> jax.Array:
                if g.ndim < 2:
                    d = g * _inverse_root(v)
                else:  # in factors, since v itself is too small a number where a row and a column have hardly any gradient
                    d = g * _inverse_root(r)[..., None] * jnp.sqrt(jnp.mean(r, -1))[..., None, None]
                    d = d * _inverse_root(c)[..., None, :]
                return -(rate * jnp.maximum(least, _rms(w)) * (d / jnp.maximum(1, _rms(d) / threshold)))

            r, c = (jax.tree.map(mean(axis), old, grads) for axis, old in ((-1, slots.r), (-2, slots.c)))
            v = jax.tree.map(squares, slots.v, r, c, grads)
            return jax.tree.map(change, params, v, r, c, grads), AdafactorSlots(r, c, v)

        return optax.GradientTransformationExtraArgs(init, update)


def _inverse_root(x: jax.Array) -> jax.Array:
    """`1 / sqrt(x)`, and 1 for 0, where no gradient is."""
    return jax.lax.rsqrt(jnp.where(x > 0, x, 1))


def _rms(x: jax.Array) -> jax.Array:
    return jnp.sqrt(jnp.mean(jnp.square(x)))
