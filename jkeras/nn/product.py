"""`x @ kernel` for many rows, with a gradient of the kernel that is fast on a CPU.

That gradient, `x^T dy`, sums over the rows, and XLA:CPU computes it more slowly than the product itself where there are many.
oneDNN has no such weakness (`onednn.py`). So the tangent `x @ d kernel` is an
operation of its own to JAX, whose transpose for the kernel is another one, computed by the library where that pays. All else is
JAX's own product: the result, the gradient of x, and what derivatives of derivatives need.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.interpreters import ad, batching, mlir

from jkeras.nn import onednn

if TYPE_CHECKING:
    from jaxtyping import Array, Float

# Below either, XLA's own product is as fast.
_FEWEST_ROWS, _FEWEST_MULTIPLICATIONS = 256, 1 << 22


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
    rows = x if x.ndim <= 2 else x.reshape(-1, x.shape[-1])
    y = _product(rows, kernel) if many_rows(rows.shape) and _suits(rows, kernel) else jnp.matmul(rows, kernel)
    return y if x.ndim <= 2 else y.reshape(*x.shape[:-1], kernel.shape[-1])


def many_rows(shape: tuple[int, ...]) -> bool:
    """Whether an array of this shape has so many rows, over all axes but the last, that `product` may gain by them.

    Example:
        >>> many_rows((16, 128, 64)), many_rows((32, 784))
        (True, False)
    """
    rows = math.prod(shape[:-1])
    return isinstance(rows, int) and rows >= _FEWEST_ROWS


def _suits(x: Any, kernel: Any) -> bool:
    """Whether the library may be the better choice for the kernel's gradient. It knows nothing of programs per device."""
    work = math.prod(x.shape) * kernel.shape[1]
    enough = isinstance(work, int) and work >= _FEWEST_MULTIPLICATIONS
    return enough and x.dtype == kernel.dtype == "float32" and jax.sharding.get_abstract_mesh().empty and onednn.is_there()


@jax.custom_jvp
def _product(x: Array, kernel: Array) -> Array:
    return jnp.matmul(x, kernel)


@partial(_product.defjvp, symbolic_zeros=True)
def _product_jvp(primals: Any, tangents: Any) -> tuple[Array, Array]:
    (x, kernel), (dx, d_kernel) = primals, tangents
    y, precision = jnp.matmul(x, kernel), jax.config.jax_default_matmul_precision  # type: ignore[attr-defined]
    parts = []
    if not isinstance(dx, jax.custom_derivatives.SymbolicZero):
        parts.append(jnp.matmul(dx, kernel))
    if not isinstance(d_kernel, jax.custom_derivatives.SymbolicZero):
        parts.append(_tangent_p.bind(x, d_kernel, precision=precision))
    return y, sum(parts[1:], parts[0]) if parts else jnp.zeros_like(y)


def _tangent(x: Array, d_kernel: Array, *, precision: Any) -> Array:
    return lax.dot_general(x, d_kernel, (((1,), (0,)), ((), ())), precision=precision)


def _gradient(x: Array, dy: Array, *, precision: Any) -> Array:
    return lax.dot_general(x, dy, (((0,), (0,)), ((), ())), precision=precision)


def _gradient_on_cpu(x: Array, dy: Array, *, precision: Any) -> Array:
    return _library_p.bind(x, dy)


def _define(name: str, compute: Any, on_cpu: Any) -> Any:
    """A bilinear operation of two matrices: the program for any platform, and for a CPU."""
    primitive: Any = type(lax.conv_general_dilated_p)(name)

    def abstract(a: Any, b: Any, *, precision: Any) -> Any:
        out = jax.eval_shape(partial(compute, precision=None), *(jax.ShapeDtypeStruct(v.shape, v.dtype) for v in (a, b)))
        return jax.core.ShapedArray(out.shape, out.dtype)

    def batch(args: Any, axes: Any, *, precision: Any) -> tuple[Array, int]:
        return jax.vmap(partial(compute, precision=precision), axes)(*args), 0

    primitive.def_abstract_eval(abstract)
    primitive.def_impl(jax.jit(primitive.bind, static_argnames="precision"))
    mlir.register_lowering(primitive, mlir.lower_fun(compute, multiple_results=False))
    mlir.register_lowering(primitive, mlir.lower_fun(on_cpu, multiple_results=False), platform="cpu")
    batching.primitive_batchers[primitive] = batch
    return primitive


_tangent_p = _define("product_tangent", _tangent, _tangent)
_gradient_p = _define("product_gradient", _gradient, _gradient_on_cpu)

# Of the two functions the first is the transpose for the left operand, the second for the right one.
ad.defbilinear(
    _tangent_p,
    lambda dy, x, kernel, precision: lax.dot_general(dy, kernel, (((1,), (1,)), ((), ())), precision=precision),
    lambda dy, x, kernel, precision: _gradient_p.bind(x, dy, precision=precision),
)
ad.defbilinear(
    _gradient_p,
    lambda dk, x, dy, precision: lax.dot_general(dy, dk, (((1,), (1,)), ((), ())), precision=precision),
    lambda dk, x, dy, precision: _tangent_p.bind(x, dk, precision=precision),
)


_library_p = onednn.operation(
    "product_library",
    "__onednn$matmul",
    lambda x, dy: (x.shape[1], dy.shape[1]),
    lambda: {"onednn_matmul_config": {"transpose_a": True, "transpose_b": False}},
    partial(_gradient, precision=None),
)
