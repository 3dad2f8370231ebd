"""Random orthogonal matrices: they keep the length of every vector, however many of them are applied in turn."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from jkeras._base.registry import export
from jkeras.initializers.random import RandomInitializer


@export("keras.initializers.Orthogonal", "keras.initializers.OrthogonalInitializer", "keras.initializers.orthogonal")
class Orthogonal(RandomInitializer):
    """A random matrix whose rows (or columns, whichever are fewer) are orthonormal, times a gain.

    It is Q of the QR decomposition of a normal matrix, its columns signed so that R has a positive diagonal, which makes all
    orthogonal matrices equally likely. Of a kernel with more than two axes, all but the last count as rows.

    Args:
        gain: the factor, 1 by default.
        seed: see `RandomInitializer`.

    Raises:
        ValueError: at the call, for a shape with fewer than two axes.

    Source: Saxe, McClelland and Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks",
    2014.

    Example:
        >>> q = Orthogonal(seed=1)((3, 2))
        >>> bool(jnp.allclose(q.T @ q, jnp.eye(2), atol=1e-6))
        True
    """

    def __init__(self, gain: float = 1.0, seed: object = None):
        self.gain = gain
        super().__init__(seed)

    def sample(self, key: jax.Array, shape: tuple[int, ...], dtype: DTypeLike | None) -> jax.Array:
        """An orthogonal matrix in a weight's shape."""
        if len(shape) < 2:
            raise ValueError(f"Orthogonal makes matrices and kernels: expected two axes or more, received shape {shape}.")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = jnp.linalg.qr(jax.random.normal(key, (max(rows, columns), min(rows, columns)), dtype))
        q = q * jnp.where(jnp.diagonal(r) < 0, -1, 1).astype(dtype)
        return self.gain * (q.T if rows < columns else q).reshape(shape)
