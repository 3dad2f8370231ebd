"""AWQ: scales the inputs of a kernel before it is rounded, so that those with large activations are rounded more finely.

`x w = (x / s) (s w)`: rounding `s w` instead of `w` makes the error of row i smaller by `s_i` where the row does not set the
scale of its group. The scales are powers of the size of the activations, `s_i = |x_i|^r`; the best r is found by trying.

Source: Ji Lin et al., "AWQ: Activation-aware Weight Quantization for LLM Compression and Acceleration", 2023.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp

from jkeras._base.types import Array, Float
from jkeras.nn.quantization import AffineKernel, Levels, affine_kernel


@jax.jit
def add_to_magnitudes(magnitudes: Float[Array, " n"], x: Float[Array, "*batch n"]) -> Float[Array, " n"]:
    """The largest `|x|` of each input, of what came before and of a batch.

    Example:
        >>> add_to_magnitudes(jnp.array([1.0, 1.0]), jnp.array([[-2.0, 0.5]])).tolist()
        [2.0, 1.0]
    """
    return jnp.maximum(magnitudes, jnp.max(jnp.abs(x), axis=tuple(range(x.ndim - 1))))


@partial(jax.jit, static_argnames=("levels", "group_size", "num_grid_points"))
def awq(
    w: Float[Array, "n units"],
    magnitudes: Float[Array, " n"],
    levels: Levels,
    *,
    group_size: int = -1,
    num_grid_points: int = 20,
) -> tuple[AffineKernel, Float[Array, " n"]]:
    """The kernel `s w` as integers, and the scales s of its rows: those with the least `sum_i |x_i|^2 |error of w_i|^2`.

    Args:
        w: `(n, units)`.
        magnitudes: the largest absolute value of each input.
        levels: `(low, high)`, the least and the largest integer.
        group_size: rows that share a scale of the integers; -1: all.
        num_grid_points: how many steps to take from r = 0 to r = 1.

    Returns:
        The integers, and s; `dequantized() / s[:, None]` is near `w`.

    Example:
        >>> kernel, s = awq(jnp.array([[0.1], [1.0]]), jnp.array([100.0, 1.0]), (0, 15))
        >>> print((kernel.dequantized() / s[:, None]).ravel().round(3))
        [0.1 1. ]
    """
    exact = w.astype(jnp.promote_types(w.dtype, jnp.float32))
    sizes = jnp.where(magnitudes < 1e-8, 1, magnitudes)

    def attempt(ratio: Array) -> tuple[Array, Array]:
        s = jnp.maximum(sizes**ratio, 1e-4)
        s /= jnp.sqrt(jnp.max(s) * jnp.min(s))
        back = affine_kernel(exact * s[:, None], levels, group_size).dequantized() / s[:, None]
        return jnp.mean(jnp.square((exact - back) * sizes[:, None])), s

    losses, scales = jax.lax.map(attempt, jnp.linspace(0, 1, num_grid_points + 1))
    s = scales[jnp.argmin(losses)]
    kernel = affine_kernel(exact * s[:, None], levels, group_size)
    return kernel._replace(scale=kernel.scale.astype(w.dtype)), s
