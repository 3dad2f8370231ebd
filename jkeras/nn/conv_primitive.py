"""Convolution and its two gradients as one family, closed under differentiation.

The number `<y', conv(x, kernel)>` is linear in x, in the kernel and in y'. Leave one of the three out and a bilinear operation
remains, which gives what was left out:

    output(x, kernel) -> y        input_gradient(y', kernel) -> x'        kernel_gradient(x, y') -> kernel'

The transpose of any of them is another of them, so derivatives of every order, forward, reverse or mixed, consist of these three
alone. Each is an operation of its own to JAX, because then the way to compute it can depend on the platform for which a program
is compiled. On a CPU `conv_lowering` chooses; elsewhere it is exactly `lax.conv_general_dilated` and what JAX makes of its
transpose.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.interpreters import ad, batching, mlir

from jkeras.nn import conv_lowering
from jkeras.nn.conv_batching import Roles, batch
from jkeras.nn.conv_geometry import Geometry

if TYPE_CHECKING:
    from jax import Array

_SPACE = {1: "W", 2: "HW", 3: "DHW"}

# `jax.extend.core` offers the class by name, and loads Pallas with it.
_Primitive: Any = type(lax.conv_general_dilated_p)


def lax_conv(x: Array, kernel: Array, geometry: Geometry, precision: Any = None) -> Array:
    """The convolution as XLA knows it."""
    return lax.conv_general_dilated(
        x,
        kernel,
        geometry.strides,
        _padding(geometry),
        rhs_dilation=geometry.dilation,
        dimension_numbers=dimension_numbers(geometry),
        feature_group_count=geometry.groups,
        precision=precision,
    )


def dimension_numbers(geometry: Geometry) -> tuple[str, str, str]:
    """The layouts of images, kernel and result, in XLA's letters."""
    space = _SPACE[geometry.rank]
    images = f"N{space}C" if geometry.channels_last else f"NC{space}"
    return images, f"{space}IO", images


def _padding(geometry: Geometry) -> Any:
    """The margins; where sizes are symbols, and only "same" depends on them, the word, which XLA's checks let pass."""
    known = all(isinstance(n, int) for pair in geometry.padding for n in pair)
    return geometry.padding if known else "SAME"


def _output_shape(x: Any, kernel: Any, g: Geometry) -> tuple[int, ...]:
    return g.images(x.shape[0], kernel.shape[-1], g.out)


def _input_shape(dy: Any, kernel: Any, g: Geometry) -> tuple[int, ...]:
    return g.images(dy.shape[0], kernel.shape[-2] * g.groups, g.size)


def _kernel_shape(x: Any, dy: Any, g: Geometry) -> tuple[int, ...]:
    axis = -1 if g.channels_last else 1
    return (*g.window, x.shape[axis] // g.groups, dy.shape[axis])


def _lax_input_gradient(dy: Array, kernel: Array, geometry: Geometry, precision: Any) -> Array:
    x = jax.ShapeDtypeStruct(_input_shape(dy, kernel, geometry), dy.dtype)
    return jax.linear_transpose(lambda x: lax_conv(x, kernel, geometry, precision), x)(dy)[0]


def _lax_kernel_gradient(x: Array, dy: Array, geometry: Geometry, precision: Any) -> Array:
    kernel = jax.ShapeDtypeStruct(_kernel_shape(x, dy, geometry), dy.dtype)
    return jax.linear_transpose(lambda kernel: lax_conv(x, kernel, geometry, precision), kernel)(dy)[0]


def _define(
    name: str, roles: Roles, shape: Callable[..., tuple[int, ...]], general: Callable[..., Array], cpu: Callable[..., Array]
) -> Any:
    """A bilinear operation: operands and result, its shape, the program for any platform, the program for a CPU."""
    primitive = _Primitive(name)

    def abstract(a: Any, b: Any, *, geometry: Geometry, precision: Any) -> Any:
        return jax.core.ShapedArray(shape(a, b, geometry), a.dtype)

    def on_cpu(a: Array, b: Array, *, geometry: Geometry, precision: Any) -> Array:
        return cpu(a, b, geometry)

    primitive.def_abstract_eval(abstract)
    primitive.def_impl(jax.jit(primitive.bind, static_argnames=("geometry", "precision")))
    mlir.register_lowering(primitive, mlir.lower_fun(general, multiple_results=False))
    mlir.register_lowering(primitive, mlir.lower_fun(on_cpu, multiple_results=False), platform="cpu")
    batching.primitive_batchers[primitive] = partial(batch, primitive, roles)
    return primitive


output_p = _define("conv", ("x", "kernel", "y"), _output_shape, lax_conv, conv_lowering.output)
input_gradient_p = _define(
    "conv_input_gradient", ("y", "kernel", "x"), _input_shape, _lax_input_gradient, conv_lowering.input_gradient
)
kernel_gradient_p = _define(
    "conv_kernel_gradient", ("x", "y", "kernel"), _kernel_shape, _lax_kernel_gradient, conv_lowering.kernel_gradient
)


# The same operations as XLA knows them, with the parameters of ours: for programs that leave JAX.
GENERAL: dict[Any, Callable[..., Array]] = {
    output_p: lax_conv,
    input_gradient_p: _lax_input_gradient,
    kernel_gradient_p: _lax_kernel_gradient,
}


def convolve(x: Array, kernel: Array, geometry: Geometry) -> Array:
    """The convolution of images with a kernel, both of one dtype."""
    return _apply(output_p, lax_conv, x, kernel, geometry)


def spread(dy: Array, kernel: Array, geometry: Geometry) -> Array:
    """The transpose of `convolve` for its images: every entry of `dy` is spread over its window."""
    return _apply(input_gradient_p, _lax_input_gradient, dy, kernel, geometry)


def _apply(primitive: Any, general: Callable[..., Array], a: Array, b: Array, geometry: Geometry) -> Array:
    precision = jax.config.jax_default_matmul_precision  # type: ignore[attr-defined]
    if _is_plain(a, geometry):
        return general(a, b, geometry, precision)
    return primitive.bind(a, b, geometry=geometry, precision=precision)


def _is_plain(a: Array, geometry: Geometry) -> bool:
    """Whether only XLA's own operation will do: integers, complex numbers, sizes that are symbols, and programs per device or
    with shardings as types, of which our operations know nothing.
    """
    if not jnp.issubdtype(a.dtype, jnp.floating) or not all(isinstance(n, int) for n in geometry.size):
        return True
    mesh = jax.sharding.get_abstract_mesh()
    return not mesh.empty and any(kind != jax.sharding.AxisType.Auto for kind in mesh.axis_types)


# Of the two functions the first is the transpose for the left operand, the second for the right one.
ad.defbilinear(
    output_p,
    lambda dy, x, kernel, **params: input_gradient_p.bind(dy, kernel, **params),
    lambda dy, x, kernel, **params: kernel_gradient_p.bind(x, dy, **params),
)
ad.defbilinear(
    input_gradient_p,
    lambda dx, dy, kernel, **params: output_p.bind(dx, kernel, **params),
    lambda dx, dy, kernel, **params: kernel_gradient_p.bind(dx, dy, **params),
)
ad.defbilinear(
    kernel_gradient_p,
    lambda dk, x, dy, **params: input_gradient_p.bind(dy, dk, **params),
    lambda dk, x, dy, **params: output_p.bind(x, dk, **params),
)
