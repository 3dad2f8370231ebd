"""Depthwise convolution: each channel meets kernels of its own, so there is no matrix product to make.

The sum over the window's entries of scaled, shifted images is one fused loop; XLA's grouped convolution is up to twenty times
slower. Kernels are `(*window, 1, channels * multiplier)`; the filters of a channel lie side by side.
"""

from __future__ import annotations

import math
from functools import reduce
from operator import add

import jax.numpy as jnp
from jax import lax

from jkeras._base.types import Array
from jkeras.nn.conv_geometry import Geometry
from jkeras.nn.cpu.conv_forms import over_chunks, pad, taps

# Above this many entries per window the sum makes programs that are slow to compile.
LONGEST_SUM = 64


def output(x: Array, kernel: Array, g: Geometry) -> Array:
    """The convolution: scaled, shifted images, added up."""
    factors = kernel.reshape(-1, kernel.shape[-1])
    return reduce(add, (piece * factor for piece, factor in zip(taps(_repeat(x, kernel.shape[-1]), g), factors)))


def input_gradient(dy: Array, kernel: Array, g: Geometry) -> Array:
    """The same with the output gradient spread and the kernel reversed, then the sum over a channel's filters."""
    t = g.transposed()
    back = output(pad(dy, ((0, 0),) * g.rank, g.strides), lax.rev(kernel, range(g.rank)), t)
    return back if back.shape[-1] == g.groups else back.reshape(*back.shape[:-1], g.groups, -1).sum(-1)


def kernel_gradient(x: Array, dy: Array, g: Geometry) -> Array:
    """Per entry of the window: shifted images times the output gradient, added up over all positions."""
    axes = tuple(range(x.ndim - 1))

    def some(x: Array, dy: Array) -> Array:
        return jnp.stack([jnp.sum(piece * dy, axes) for piece in taps(_repeat(x, dy.shape[-1]), g)])

    return over_chunks(some, x, dy, math.prod(g.out) * dy.shape[-1]).reshape(*g.window, 1, dy.shape[-1])


def _repeat(x: Array, filters: int) -> Array:
    times = filters // x.shape[-1]
    return x if times == 1 else jnp.broadcast_to(x[..., None], (*x.shape, times)).reshape(*x.shape[:-1], filters)
