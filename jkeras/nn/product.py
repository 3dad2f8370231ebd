"""`x @ kernel` and `x @ kernel + bias`, with a gradient of the kernel that a platform may compute in its own way for many rows.

All leading axes are batch axes; they become one, so that the product and both of its gradients are products of two matrices, the
one form that is fast everywhere. The product runs in the dtype of its operands.

The kernel's gradient, `x^T dy`, sums over the rows, which some platforms do more slowly than the product itself. So the tangent
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
from jkeras.nn.kernel import Kernel
from jkeras.nn.operation import Operation, is_known

# With fewer, no platform gains by a way of its own.
_FEWEST_ROWS = 256


def product(x: Float[Array, " *batch inputs"], kernel: Float[Array, " inputs units"] | Kernel) -> Float[Array, " *batch units"]:
    """`x @ kernel` over the last axis, as one product of two matrices.

    Flat operands matter for the gradient: on CPU the kernel's gradient of a product with two batch axes copies its operand.

    Args:
        x: `(..., inputs)`.
        kernel: `(inputs, units)`, or what stands for it.

    Returns:
        `(..., units)`.

    Example:
        >>> product(jnp.ones((2, 3, 4)), jnp.ones((4, 5))).shape
        (2, 3, 5)
    """
    if isinstance(kernel, Kernel):
        return kernel.product(x, "...i,io->...o")
    shape = x.shape
    count = math.prod(shape[:-1])
    many = isinstance(count, int) and count >= _FEWEST_ROWS and x.dtype == kernel.dtype and is_known(x)
    if len(shape) <= 2:
        return (_product if many else jnp.matmul)(x, kernel)
    return (_product if many else jnp.matmul)(x.reshape(-1, shape[-1]), kernel).reshape(*shape[:-1], kernel.shape[-1])


def dense(
    x: Float[Array, " *batch inputs"],
    kernel: Float[Array, " inputs units"] | Kernel,
    bias: Float[Array, " units"] | None = None,
) -> Float[Array, " *batch units"]:
    """The affine map of the last axis: `y[..., j] = sum_i x[..., i] kernel[i, j] + bias[j]`.

    Args:
        x: `(..., inputs)`.
        kernel: `(inputs, units)`, or what stands for it.
        bias: `(units,)`, or None for none.

    Returns:
        `(..., units)` in the common dtype of the operands.

    Example:
        >>> import jax.numpy as jnp
        >>> dense(jnp.array([[1.0, 2.0]]), jnp.eye(2), jnp.array([0.5, 0.0])).tolist()
        [[1.5, 2.0]]
    """
    y = product(x, kernel)
    return y if bias is None else _plus(y, bias)


# Outside of a compiled program, a compiled sum is called in a tenth of the time.
_plus = jax.jit(jnp.add, inline=True)


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


tangent: Operation = Operation(
    "product_tangent",
    lambda x, d_kernel, precision: (x.shape[0], d_kernel.shape[1]),
    lambda x, d_kernel, precision: lax.dot_general(x, d_kernel, (((1,), (0,)), ((), ())), precision=precision),
    lambda dy, kernel, precision: lax.dot_general(dy, kernel, (((1,), (1,)), ((), ())), precision=precision),
    lambda dy, x, precision: kernel_gradient(x, dy, precision=precision),
)
kernel_gradient: Operation = Operation(
    "product_gradient",
    lambda x, dy, precision: (x.shape[1], dy.shape[1]),
    # As JAX transposes a product.
    lambda x, dy, precision: lax.dot_general(dy, x, (((0,), (0,)), ((), ())), precision=precision).T,
    lambda dk, dy, precision: lax.dot_general(dy, dk, (((1,), (1,)), ((), ())), precision=precision),
    lambda dk, x, precision: tangent(x, dk, precision=precision),
)
