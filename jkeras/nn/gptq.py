"""GPTQ: rounds a kernel row by row, and lets the rows that follow make up for what each rounding changes.

For inputs `x` the error `E` of a kernel changes the output by `x E`, on average by `tr(E^T H E) / 2` with the Hessian
`H = 2 mean(x^T x)`. Once row j is rounded, with error e_j, the best that the rows k > j can do is to move by `-e_j U_jk / U_jj`,
where U is the upper triangular matrix with `U^T U = H^-1`. Inputs that are correlated make up for much, others for nothing.

Rows are taken in blocks: within a block each one moves the others at once, and a product of matrices moves all rows behind it.
Where groups of rows share a scale, a block is a group, and its scale fits the rows as they have become.

Source: Elias Frantar et al., "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers", 2022.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jax.scipy.linalg import block_diag, solve_triangular

from jkeras._base.types import Array, Float
from jkeras.nn.quantization import AffineKernel, Levels, affine_dequantize, affine_parameters, affine_quantize

_BLOCK = 128
_EXACT = jax.lax.Precision.HIGHEST


@jax.jit
def add_to_hessian(
    hessian: Float[Array, "n n"], count: Float[Array, ""], x: Float[Array, "*batch n"]
) -> tuple[Float[Array, "n n"], Float[Array, ""]]:
    """`2 mean(x^T x)` over what came before and a batch.

    Args:
        hessian: the mean so far.
        count: of how many inputs; 0 at first.
        x: further inputs.

    Returns:
        The new mean, and its count.

    Example:
        >>> hessian, count = add_to_hessian(jnp.zeros((2, 2)), jnp.array(0.0), jnp.array([[1.0, 2.0], [1.0, 0.0]]))
        >>> hessian.tolist(), count.item()
        ([[2.0, 2.0], [2.0, 4.0]], 2.0)
    """
    x = x.reshape(-1, x.shape[-1]).astype(hessian.dtype)
    total = count + x.shape[0]
    return hessian * (count / total) + jnp.matmul(x.T, x, precision=_EXACT) * (2 / total), total


@jax.jit
def damped(hessian: Float[Array, "n n"], damping: float) -> Float[Array, "n n"]:
    """The Hessian with a share of its mean diagonal added to the diagonal, and 1 for inputs that are always 0.

    Example:
        >>> damped(jnp.array([[3.0, 1.0], [1.0, 1.0]]), 0.5).tolist()
        [[4.0, 1.0], [1.0, 2.0]]
    """
    diagonal = jnp.diagonal(hessian)
    diagonal = jnp.where(diagonal == 0, 1, diagonal)
    return jnp.fill_diagonal(hessian, diagonal + damping * jnp.mean(diagonal), inplace=False)


@partial(jax.jit, static_argnames=("levels", "group_size", "symmetric", "per_channel", "activation_order"))
def gptq(
    w: Float[Array, "n units"],
    hessian: Float[Array, "n n"],
    levels: Levels,
    *,
    group_size: int = -1,
    symmetric: bool = False,
    per_channel: bool = True,
    activation_order: bool = False,
) -> AffineKernel:
    """The kernel as integers that change its outputs little.

    Args:
        w: `(n, units)`.
        hessian: of its inputs, positive definite: what `damped` gives.
        levels: `(low, high)`, the least and the largest integer.
        group_size: rows that share a scale; -1: all.
        symmetric, per_channel: as for `affine_parameters`.
        activation_order: take the rows in the order of the Hessian's diagonal, largest first; groups are of neighbours in it.

    Example:
        >>> w, hessian = jnp.array([[0.4], [0.7], [0.9]]), jnp.array([[1.0, 0.9, 0.0], [0.9, 1.0, 0.0], [0.0, 0.0, 1.0]])
        >>> kernel = gptq(w, hessian, (0, 3))  # the second row makes up for the first
        >>> print(kernel.q.ravel(), affine_quantize(w, *kernel[1:], (0, 3)).ravel())
        [1 3 3] [1 2 3]
    """
    n, units = w.shape
    order = jnp.argsort(-jnp.diagonal(hessian), stable=True) if activation_order else jnp.arange(n)
    size = min(n, _BLOCK if group_size == -1 else group_size)
    further = -n % size  # rows of zeros fill the last block; they change nothing
    rows = jnp.pad(w[order].astype(hessian.dtype), ((0, further), (0, 0)))
    factor = _inverse_factor(block_diag(hessian[order][:, order], jnp.eye(further, dtype=hessian.dtype)))
    parameters = partial(affine_parameters, levels=levels, symmetric=symmetric, per_channel=per_channel)
    shared = parameters(w) if group_size == -1 else None

    def round_block(rows: Array, block: tuple[Array, Array]) -> tuple[Array, tuple[Array, Array, Array]]:
        start, influence = block
        current = jax.lax.dynamic_slice_in_dim(rows, start, size)
        scale, zero_point = parameters(current) if shared is None else shared
        within = jax.lax.dynamic_slice_in_dim(influence, start, size, axis=1)
        q, errors = _round_rows(current, within, scale, zero_point, levels)
        return rows - jnp.matmul(influence.T, errors, precision=_EXACT), (q, scale, zero_point)

    starts = jnp.arange(0, n, size)
    _, (q, scale, zero_point) = jax.lax.scan(round_block, rows, (starts, factor.reshape(len(starts), size, -1)))
    place = jnp.argsort(order)
    rounded = q.reshape(-1, units)[place]
    if shared is not None:
        return AffineKernel(rounded, shared[0], shared[1], jnp.zeros_like(place))
    return AffineKernel(rounded, scale[:, 0].astype(w.dtype), zero_point[:, 0], place // size)


def _inverse_factor(hessian: Float[Array, "n n"]) -> Float[Array, "n n"]:
    """The upper triangular U with `U^T U = hessian^-1`: the inverse of the upper triangular R with `R R^T = hessian`."""
    r = jnp.linalg.cholesky(hessian[::-1, ::-1])[::-1, ::-1]
    return solve_triangular(r, jnp.eye(len(r), dtype=r.dtype), lower=False)


def _round_rows(
    rows: Float[Array, "size units"],
    influence: Float[Array, "size size"],
    scale: Float[Array, "1 units"],
    zero_point: Float[Array, "1 units"],
    levels: Levels,
) -> tuple[Array, Array]:
    """The integers of a block, and the error of each row over its U_jj."""
    first = jnp.zeros(1, "int32")

    def round_row(rows: Array, step: tuple[Array, Array]) -> tuple[Array, tuple[Array, Array]]:
        j, u = step
        row = rows[j][None]
        q = affine_quantize(row, scale, zero_point, first, levels)
        error = (row - affine_dequantize(q, scale, zero_point, first)) / u[j]
        return rows - u[:, None] * error, (q[0], error[0])

    _, (q, errors) = jax.lax.scan(round_row, rows, (jnp.arange(len(rows)), influence))
    return q, errors
