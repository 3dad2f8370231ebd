"""`x @ kernel` for many rows, with a gradient of the kernel that a platform may compute in its own way.

That gradient, `x^T dy`, sums over the rows, which some platforms do more slowly than the product itself. So the tangent
`x @ d kernel` is an operation of its own to JAX, whose transpose for the kernel is another one. All else is JAX's own product:
the result, the gradient of x, and what derivatives of derivatives need.
"""

from __future__ import annotations

import math
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from jkeras._base.types import Array, Float, Tree
from jkeras.nn.operation import Operation, is_known

# With fewer, no platform gains by a way of its own.
_FEWEST_ROWS = 256


def product(x: Float[Array, " *batch inputs"], kernel: Float[Array, " inputs units"]) -> Float[Array, " *batch units"]:
    """`x @ kernel` over the last axis, as one product of two matrices.

    Flat operands matter for the gradient: on CPU the kernel's gradient of a product with two batch axes copies its operand.

    Args:
        x: `(..., inputs)`.
        kernel: `(inputs, units)`.

    Returns:
        `(..., units)`.

    Example:
        >>> product(jnp.ones((2, 3, 4)), jnp.ones((4, 5))).shape
        (2, 3, 5)
    """
    shape = x.shape
    count = math.prod(shape[:-1])
    many = isinstance(count, int) and count >= _FEWEST_ROWS and x.dtype == kernel.dtype and is_known(x)
    if len(shape) <= 2:
        return (_product if many else jnp.matmul)(x, kernel)
    return (_product if many else jnp.matmul)(x.reshape(-1, shape[-1]), kernel).reshape(*shape[:-1], kernel.shape[-1])


@jax.custom_jvp
def _product(x: Array, kernel: Array) -> Array:
    return jnp.matmul(x, kernel)


@partial(_product.defjvp, symbolic_zeros=True)
def _product_jvp(primals: Tree, tangents: Tree) -> tuple[Array, Array]:
    (x, kernel), (dx, d_kernel) = primals, tangents
    y, precision = jnp.matmul(x, kernel), jax.config.jax_default_matmul_precision  # type: ignore[attr-defined]
    parts = []
    if not isinstance(dx, jax.custom_derivatives.SymbolicZero):
        parts.append(jnp.matmul(dx, kernel))
    if not isinstance(d_kernel, jax.custom_derivatives.SymbolicZero):
        parts.append(tangent(x, d_kernel, precision=precision))
    return y, sum(parts[1:], parts[0]) if parts else jnp.zeros_like(y)


def _tangent(x: Array, d_kernel: Array, *, precision: lax.PrecisionLike) -> Array:
    return lax.dot_general(x, d_kernel, (((1,), (0,)), ((), ())), precision=precision)


def _kernel_gradient(x: Array, dy: Array, *, precision: lax.PrecisionLike) -> Array:
    """As JAX transposes a product."""
    return lax.dot_general(dy, x, (((0,), (0,)), ((), ())), precision=precision).T


tangent: Operation = Operation(
    "product_tangent",
    lambda x, d_kernel, precision: (x.shape[0], d_kernel.shape[1]),
    _tangent,
    lambda dy, kernel, precision: lax.dot_general(dy, kernel, (((1,), (1,)), ((), ())), precision=precision),
    lambda dy, x, precision: kernel_gradient(x, dy, precision=precision),
)
kernel_gradient: Operation = Operation(
    "product_gradient",
    lambda x, dy, precision: (x.shape[1], dy.shape[1]),
    _kernel_gradient,
    lambda dk, dy, precision: lax.dot_general(dy, dk, (((1,), (1,)), ((), ())), precision=precision),
    lambda dk, x, precision: tangent(x, dk, precision=precision),
)
