"""Spectral normalization: a kernel divided by an estimate of its largest singular value.

The kernel counts as a matrix W `(rows, units)`. One round of the power iteration takes a row vector u a step nearer to the right
singular vector of the largest singular value:

    v = u W^T / |u W^T|
    u = v W / |v W|
    sigma = v W u^T

u is kept from step to step, so one round per step is enough. Gradients treat u and v as constants.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jkeras._base.types import Array, Float
from jkeras.nn.lengths import unit_vectors


def divided_by_largest_singular_value(
    kernel: Float[Array, "*inputs units"], u: Float[Array, "1 units"], rounds: int, epsilon: float
) -> tuple[Float[Array, "*inputs units"], Float[Array, "1 units"]]:
    """`kernel / sigma`, and u after some rounds of the power iteration. A kernel of zeros leaves both as they are.

    Args:
        kernel: any shape whose last axis are the units.
        u: where the iteration stands.
        rounds: at least 1.
        epsilon: the least length by which a vector is divided.

    Example:
        >>> kernel, u = divided_by_largest_singular_value(jnp.diag(jnp.array([2.0, 8.0])), jnp.array([[0.6, 0.8]]), 20, 1e-7)
        >>> kernel.round(4).tolist(), u.round(4).tolist()
        ([[0.25, 0.0], [0.0, 1.0]], [[0.0, 1.0]])

    Source: Takeru Miyato et al., "Spectral Normalization for Generative Adversarial Networks", 2018.
    """
    matrix = kernel.reshape(-1, kernel.shape[-1])
    fixed, before = jax.lax.stop_gradient(matrix), u
    for _ in range(rounds):
        v = unit_vectors(u @ fixed.T, None, epsilon)
        u = unit_vectors(v @ fixed, None, epsilon)
    is_zero = jnp.all(fixed == 0)
    sigma = jnp.where(is_zero, 1, v @ matrix @ u.T)[0, 0]
    return kernel / sigma, jnp.where(is_zero, before, u)
