"""Muon: a matrix moves along the nearest orthogonal matrix to its momentum; everything else moves by Adam."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any, NamedTuple, Unpack

import jax
import jax.numpy as jnp
import optax
from jax.tree_util import KeyPath

from jkeras._base.registry import export
from jkeras._base.shared_arguments import expand_kwargs
from jkeras._base.types import Tensor, Tree
from jkeras.nn.lengths import norm
from jkeras.optimizers.adam import Adam, AdamSlots
from jkeras.optimizers.arguments import OptimizerArguments
from jkeras.optimizers.base import Optimizer
from jkeras.optimizers.state import leaf_name, zeros_like


class MuonSlots(NamedTuple):
    """Momenta of all weights, and running means of squares of those that move by Adam; None for the others."""

    momentums: Tree
    velocities: Tree


@export("keras.optimizers.Muon")
class Muon(Optimizer):
    """Momentum, orthogonalized by Newton and Schulz' iteration.

        m <- momentum * m + g
        d  = g + momentum * m                               (nesterov; else d = m)
        x  = d / |d|, then ns_steps times  x <- a x + (b x x^T + c (x x^T)^2) x
        w <- w - learning_rate * x * sqrt(max(rows, columns)) * rms_rate

    for matrices. Weights of other ranks, embeddings and excluded layers move by Adam at `learning_rate * adam_lr_ratio`.

    Args:
        learning_rate: number or schedule. Default 0.001.
        adam_beta_1: Adam's share of the old mean of gradients. Default 0.9.
        adam_beta_2: Adam's share of the old mean of squares. Default 0.999.
        adam_weight_decay: the weight decay of what moves by Adam; None for none. Default 0.004.
        epsilon: Adam's, added to the root of the mean of squares. Default 1e-7.
        weight_decay: of the matrices; None for none. Default 0.004.
        clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor,
        gradient_accumulation_steps, name: as in `Optimizer`.
        exclude_layers: patterns; a weight whose name contains one of them moves by Adam.
        exclude_embeddings: whether weights with "embedding" in their names move by Adam. Default True.
        muon_a, muon_b, muon_c: the iteration's coefficients.
        adam_lr_ratio: Adam's rate per learning rate. Default 1.
        momentum: share of the old momentum. Default 0.95.
        ns_steps: number of iterations. Default 5.
        nesterov: look ahead along the momentum. Default True.
        rms_rate: the size of a step beside Adam's; None leaves out the last two factors. Default 0.2.

    Example:
        >>> optimizer = Muon(0.5, weight_decay=None, rms_rate=None, ns_steps=20, muon_a=1.5, muon_b=-0.5, muon_c=0.0)
        >>> params, grads = {"w": jnp.eye(2)}, {"w": jnp.asarray([[0.0, 3.0], [2.0, 0.0]])}
        >>> params, state = optimizer.update(grads, optimizer.init(params), params)
        >>> params["w"].round(3).tolist()
        [[1.0, -0.5], [-0.5, 1.0]]

    Source: Jordan and others, "Muon: An optimizer for hidden layers in neural networks", 2024; Liu and others, "Muon is scalable
    for LLM training", 2025 (`rms_rate`).
    """

    slot_groups = (("momentums", "velocities"),)

    @expand_kwargs(weight_decay=0.004)
    def __init__(
        self,
        learning_rate: object = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        *,
        exclude_layers: Sequence[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.7750,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
        **kwargs: Unpack[OptimizerArguments],
    ):
        super().__init__(learning_rate, **kwargs)
        self.adam_beta_1 = adam_beta_1
        self.adam_beta_2 = adam_beta_2
        self.adam_weight_decay = adam_weight_decay
        self.epsilon = epsilon
        self.exclude_layers = list(exclude_layers or ())
        self.exclude_embeddings = exclude_embeddings
        self.muon_a, self.muon_b, self.muon_c = muon_a, muon_b, muon_c
        self.adam_lr_ratio = adam_lr_ratio
        self.momentum = momentum
        self.ns_steps = ns_steps
        self.nesterov = nesterov
        self.rms_rate = rms_rate

    def moves_by_adam(self, name: str, weight: jax.Array) -> bool:
        """Whether a weight moves by Adam rather than as a matrix."""
        excluded = self.exclude_embeddings and "embedding" in name.lower()
        return weight.ndim != 2 or excluded or any(re.search(pattern, name) for pattern in self.exclude_layers)

    def decay_of(self, name: str, weight: jax.Array) -> float | None:
        """The weight decay of a weight."""
        return self.adam_weight_decay if self.moves_by_adam(name, weight) else self.weight_decay

    def rule(self) -> optax.GradientTransformationExtraArgs:
        """Muon in optax form."""
        adam = Adam(beta_1=self.adam_beta_1, beta_2=self.adam_beta_2, epsilon=self.epsilon).rule()

        def init(params: Tree) -> MuonSlots:
            def velocity(path: KeyPath, w: jax.Array) -> jax.Array | None:
                return jnp.zeros_like(w) if self.moves_by_adam(leaf_name(path), w) else None

            return MuonSlots(zeros_like(params), jax.tree_util.tree_map_with_path(velocity, params))

        def update(
            grads: Tree, slots: MuonSlots, params: Tree = None, *, learning_rate: jax.Array, step: jax.Array
        ) -> tuple[Tree, MuonSlots]:
            def move(g: jax.Array, m: jax.Array, v: jax.Array | None) -> tuple[jax.Array, jax.Array, jax.Array | None]:
                if v is None:
                    m = self.momentum * m + g
                    d = g + self.momentum * m if self.nesterov else m
                    return -(learning_rate * self.lr_adjust(self.zeropower_via_newtonschulz5(d, self.ns_steps))), m, None
                change, after = adam.update(g, AdamSlots(m, v), learning_rate=learning_rate * self.adam_lr_ratio, step=step)
                return change, after.momentums, after.velocities

            structure: Any
            leaves, structure = jax.tree.flatten(grads)
            moved = [move(*each) for each in zip(leaves, *(structure.flatten_up_to(slot) for slot in slots), strict=True)]
            changes, momentums, velocities = (structure.unflatten(part) for part in zip(*moved)) if moved else (grads, *slots)
            return changes, MuonSlots(momentums, velocities)

        return optax.GradientTransformationExtraArgs(init, update)

    def zeropower_via_newtonschulz5(self, x: Tensor, steps: int) -> jax.Array:
        """The orthogonalized matrix: singular values near 1, by that many iterations. A subclass may override it."""
        return orthogonalize(jnp.asarray(x), steps, (self.muon_a, self.muon_b, self.muon_c))

    def lr_adjust(self, x: Tensor) -> jax.Array:
        """A step of the size that Adam's would have: times `sqrt(max(rows, columns)) * rms_rate`. A subclass may override it."""
        x = jnp.asarray(x)
        return x if self.rms_rate is None else x * (math.sqrt(max(x.shape)) * self.rms_rate)


def orthogonalize(x: jax.Array, steps: int, coefficients: tuple[float, float, float]) -> jax.Array:
    """A matrix with the singular vectors of another one, and singular values near 1.

    Args:
        x: a matrix.
        steps: how often to apply the polynomial `a s + b s^3 + c s^5` to the singular values.
        coefficients: `a`, `b` and `c`.

    Example:
        >>> orthogonalize(jnp.diag(jnp.asarray([3.0, -4.0])), 30, (1.5, -0.5, 0.0)).round(4).tolist()
        [[1.0, 0.0], [0.0, -1.0]]
    """
    a, b, c = coefficients
    high = x.shape[0] > x.shape[1]
    x = x.T if high else x
    x = x / (norm(x) + 1e-7)
    for _ in range(steps):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if high else x
