"""Convolution and its two gradients as one family, closed under differentiation.

The number `<y', conv(x, kernel)>` is linear in x, in the kernel and in y'. Leave one of the three out and a bilinear operation
remains, which gives what was left out:

    output(x, kernel) -> y        input_gradient(y', kernel) -> x'        kernel_gradient(x, y') -> kernel'

The transpose of any of them is another of them, so derivatives of every order, forward, reverse or mixed, consist of these three
alone. Each is an operation of its own (`operation.py`), so that a platform may compute it in its own way; without one it is
exactly `lax.conv_general_dilated` and what JAX makes of its transpose.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import jax
from jax import lax

from jkeras._base.types import Array
from jkeras.nn.conv_batching import batch
from jkeras.nn.conv_geometry import Geometry
from jkeras.nn.conv_groups import input_gradient_on_devices, output_on_devices
from jkeras.nn.operation import Operation, is_known, on_many_devices

_SPACE = {1: "W", 2: "HW", 3: "DHW"}


def lax_conv(x: Array, kernel: Array, geometry: Geometry, precision: lax.PrecisionLike = None) -> Array:
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


def _padding(geometry: Geometry) -> str | Sequence[tuple[int, int]]:
    """The margins. Where sizes are symbols, on which only "same" padding depends, the word itself, which XLA accepts."""
    known = all(isinstance(n, int) for pair in geometry.padding for n in pair)
    return geometry.padding if known else "SAME"


def output_shape(x: Array, kernel: Array, *, geometry: Geometry, precision: lax.PrecisionLike = None) -> tuple[int, ...]:
    """The shape of the convolution."""
    return geometry.images(x.shape[0], kernel.shape[-1], geometry.out)


def _input_shape(dy: Array, kernel: Array, *, geometry: Geometry, precision: lax.PrecisionLike = None) -> tuple[int, ...]:
    return geometry.images(dy.shape[0], kernel.shape[-2] * geometry.groups, geometry.size)


def _kernel_shape(x: Array, dy: Array, *, geometry: Geometry, precision: lax.PrecisionLike = None) -> tuple[int, ...]:
    axis = -1 if geometry.channels_last else 1
    return (*geometry.window, x.shape[axis] // geometry.groups, dy.shape[axis])


def _lax_input_gradient(dy: Array, kernel: Array, geometry: Geometry, precision: lax.PrecisionLike) -> Array:
    x = jax.ShapeDtypeStruct(_input_shape(dy, kernel, geometry=geometry), dy.dtype)
    return jax.linear_transpose(lambda x: lax_conv(x, kernel, geometry, precision), x)(dy)[0]


def _lax_kernel_gradient(x: Array, dy: Array, geometry: Geometry, precision: lax.PrecisionLike) -> Array:
    kernel = jax.ShapeDtypeStruct(_kernel_shape(x, dy, geometry=geometry), dy.dtype)
    return jax.linear_transpose(lambda kernel: lax_conv(x, kernel, geometry, precision), kernel)(dy)[0]


output: Operation = Operation(
    "conv",
    output_shape,
    lax_conv,
    lambda dy, kernel, **parameters: input_gradient(dy, kernel, **parameters),
    lambda dy, x, **parameters: kernel_gradient(x, dy, **parameters),
    partial(batch, ("x", "kernel", "y")),
)
input_gradient: Operation = Operation(
    "conv_input_gradient",
    _input_shape,
    _lax_input_gradient,
    output,
    lambda dx, dy, **parameters: kernel_gradient(dx, dy, **parameters),
    partial(batch, ("y", "kernel", "x")),
)
kernel_gradient: Operation = Operation(
    "conv_kernel_gradient",
    _kernel_shape,
    _lax_kernel_gradient,
    lambda dk, dy, **parameters: input_gradient(dy, dk, **parameters),
    lambda dk, x, **parameters: output(x, dk, **parameters),
    partial(batch, ("x", "y", "kernel")),
)


def convolve(x: Array, kernel: Array, geometry: Geometry) -> Array:
    """The convolution of images with a kernel, both of one dtype."""
    return _apply(output, output_on_devices, x, kernel, geometry)


def spread(dy: Array, kernel: Array, geometry: Geometry) -> Array:
    """The transpose of `convolve` for its images: every entry of `dy` is spread over its window."""
    return _apply(input_gradient, input_gradient_on_devices, dy, kernel, geometry)


def _apply(operation: Operation, on_devices: Callable[..., Array], a: Array, b: Array, geometry: Geometry) -> Array:
    precision = jax.config.jax_default_matmul_precision  # type: ignore[attr-defined]
    sizes_are_numbers = all(isinstance(n, int) for n in geometry.size)
    if geometry.groups > 1 and sizes_are_numbers and on_many_devices():
        return on_devices(partial(operation.general, precision=precision), a, b, geometry)
    compute = operation if sizes_are_numbers and is_known(a) else operation.general
    return compute(a, b, geometry=geometry, precision=precision)
