"""How a CPU computes a convolution and its gradients: the rule that chooses a form by shape.

XLA:CPU has one good convolution kernel, and inside a loop body only the canonical layout reaches it; the gradients, as JAX
transposes them, fall to a plain nest of loops there, 15 to 100 times slower. So each of the operations is brought to a form
that is fast inside and outside of loops. The rule, taken from `bench/convolutions.py`:

| operation | where | form |
|---|---|---|
| all | channels are groups of their own (depthwise) | sums over the window's entries |
| all | other groups | one convolution per group |
| output | two axes, stride 1, at most 4 filters, at least 32 channels | products with the whole kernel, shifted sums |
| output | two axes, windows of several entries, float32, no small amount of work, where jaxlib has it | oneDNN |
| output | two axes, stride 1, an even number of columns, no more channels than the window is wide | pairs and one product |
| output | three spatial axes, windows of one entry, rows of at most 32 numbers | patches and one product |
| output | else | canonical |
| output and what follows it | where the output is oneDNN's | oneDNN, one operation |
| input gradient | stride 1 | the output's rule, with the kernel reversed and transposed |
| input gradient | strides | one stride-1 convolution per phase of the input |
| kernel gradient | few filters, as the output | shifted output gradients and one product |
| kernel gradient | strides, two axes, windows that unroll to more than half a megabyte an image | one product per entry |
| kernel gradient | as the output's patches, or strides | patches and one product |
| kernel gradient | two axes, stride 1, at least 64 windows, at most 16 filters | row windows and one product |
| kernel gradient | as the output in oneDNN, stride 1, at least 16 channels | oneDNN, channels and batch exchanged |
| kernel gradient | else | canonical, channels and batch exchanged |

Half-precision numbers are computed in float32, as XLA does within its kernel: sums over many positions need the digits. A CPU has
one precision of products, so what is asked for changes nothing.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable

import jax.numpy as jnp
from jax import lax

from jkeras._base.types import Array
from jkeras.nn.conv_fused import finished
from jkeras.nn.conv_geometry import Geometry
from jkeras.nn.conv_groups import by_group
from jkeras.nn.cpu import conv_depthwise, conv_forms, conv_onednn

_LONGEST_ROW = 32
_FEWEST_WINDOWS = 64
# The filters become the columns of a kernel gradient's product within XLA's kernel; so few do not fill its registers.
_FEW_FILTERS = 16
# With fewer, oneDNN has too few images when the roles are exchanged.
_ENOUGH_CHANNELS = 16
# So few filters are best taken together with the kernel's entries, if there are enough channels to multiply them with.
_VERY_FEW_FILTERS = 4
_MANY_CHANNELS = 32
# Numbers an image that are too many to be copied: an eighth of a core's second-level cache, which holds more than one of them.
_LONG_PATCHES = 1 << 16


def output(x: Array, kernel: Array, geometry: Geometry, precision: lax.PrecisionLike = None) -> Array:
    """The convolution."""
    return _arranged(_output, x, kernel, geometry, (True, False, True))


def input_gradient(dy: Array, kernel: Array, geometry: Geometry, precision: lax.PrecisionLike = None) -> Array:
    """Its transpose for the images."""
    return _arranged(_input_gradient, dy, kernel, geometry, (True, False, True))


def kernel_gradient(x: Array, dy: Array, geometry: Geometry, precision: lax.PrecisionLike = None) -> Array:
    """Its transpose for the kernel."""
    return _arranged(_kernel_gradient, x, dy, geometry, (True, True, False))


def fused(x: Array, kernel: Array, bias: Array, *added: Array, geometry: Geometry, rectified: bool) -> Array:
    """The convolution and what follows it; in one where oneDNN computes it."""
    if not geometry.channels_last:
        x, *added = (jnp.moveaxis(v, 1, -1) for v in (x, *added))  # type: ignore[assignment]
    g = dataclasses.replace(geometry, channels_last=True)
    compute = conv_onednn.fused if _goes_to_library(x, kernel, g) else _fused
    y = compute(x, kernel, bias, *added, geometry=g, rectified=rectified)
    return y if geometry.channels_last else jnp.moveaxis(y, -1, 1)


def _fused(x: Array, kernel: Array, bias: Array, *added: Array, geometry: Geometry, rectified: bool) -> Array:
    return finished(_output(x, kernel, geometry), bias, *added, rectified=rectified)


def _arranged(
    compute: Callable[[Array, Array, Geometry], Array], a: Array, b: Array, g: Geometry, images: tuple[bool, bool, bool]
) -> Array:
    """Channels last, float32 at least; the result as it was wanted. `images` says which of a, b and the result have channels."""
    dtype, wide = a.dtype, jnp.promote_types(a.dtype, jnp.float32)
    a, b = (jnp.moveaxis(v, 1, -1) if is_image and not g.channels_last else v for v, is_image in zip((a, b), images))
    out = compute(a.astype(wide), b.astype(wide), dataclasses.replace(g, channels_last=True))
    return (jnp.moveaxis(out, -1, 1) if images[2] and not g.channels_last else out).astype(dtype)


def _output(x: Array, kernel: Array, g: Geometry) -> Array:
    if _is_depthwise(kernel.shape[-2], g):
        return conv_depthwise.output(x, kernel, g)
    if g.groups > 1:
        return by_group(_output, x, kernel, g)
    if _has_very_few_filters(kernel.shape[-2], kernel.shape[-1], g):
        return conv_forms.shifted_sums(x, kernel, g)
    if _goes_to_library(x, kernel, g):
        return conv_onednn.output(x, kernel, g)
    if _goes_in_pairs(x.shape[-1], g):
        return conv_forms.pairs(x, kernel, g)
    return (conv_forms.product if _rows_are_cheap(x.shape[-1], g) else conv_forms.canonical)(x, kernel, g)


def _goes_to_library(x: Array, kernel: Array, g: Geometry) -> bool:
    channels, filters = kernel.shape[-2:]
    return conv_onednn.suits(x, channels, filters, g) and not _has_very_few_filters(channels, filters, g)


def _input_gradient(dy: Array, kernel: Array, g: Geometry) -> Array:
    if _is_depthwise(kernel.shape[-2], g):
        return conv_depthwise.input_gradient(dy, kernel, g)
    if g.groups > 1:
        return by_group(_input_gradient, dy, kernel, g)
    if max(g.strides) > 1 and max(g.dilation) == 1:
        return _by_phase(dy, kernel, g)
    dy = conv_forms.pad(dy, ((0, 0),) * g.rank, g.strides)
    return _output(dy, _reversed(kernel), g.transposed())


def _kernel_gradient(x: Array, dy: Array, g: Geometry) -> Array:
    channels = x.shape[-1] // g.groups
    if _is_depthwise(channels, g):
        return conv_depthwise.kernel_gradient(x, dy, g)
    if g.groups > 1:
        return by_group(_kernel_gradient, x, dy, g)
    if _has_very_few_filters(channels, dy.shape[-1], g):
        return conv_forms.shifted_kernel_gradient(x, dy, g)
    cheap = _rows_are_cheap(channels, g)
    if g.rank == 2 and max(g.strides) > 1 and math.prod(g.window) > 1 and math.prod(g.out + g.window) * channels > _LONG_PATCHES:
        return conv_forms.entry_kernel_gradient(x, dy, g)
    if (max(g.strides) > 1 and g.rank > 1) or g.rank == 3 or math.prod(g.window) == 1 or (cheap and g.rank == 1):
        return conv_forms.product_kernel_gradient(x, dy, g)
    rows = not cheap and dy.shape[-1] <= _FEW_FILTERS and math.prod(g.out) >= _FEWEST_WINDOWS
    if g.rank == 2 and max(g.strides + g.dilation) == 1 and rows:
        return conv_forms.row_kernel_gradient(x, dy, g)
    if channels >= _ENOUGH_CHANNELS and max(g.strides) == 1 and conv_onednn.suits(x, channels, dy.shape[-1], g):
        return conv_onednn.kernel_gradient(x, dy, g)
    return conv_forms.canonical_kernel_gradient(x, dy, g)


def _is_depthwise(channels_per_group: int, g: Geometry) -> bool:
    return g.groups > 1 and channels_per_group == 1 and math.prod(g.window) <= conv_depthwise.LONGEST_SUM


def _goes_in_pairs(channels: int, g: Geometry) -> bool:
    """Whether windows are copied best two by two."""
    if g.rank != 2 or max(g.strides + g.dilation) > 1:
        return False
    return 1 < g.window[1] >= channels and g.out[1] % 2 == 0


def _has_very_few_filters(channels: int, filters: int, g: Geometry) -> bool:
    suits = g.rank == 2 and max(g.strides + g.dilation) == 1 and math.prod(g.window) > 1
    return suits and filters <= _VERY_FEW_FILTERS and channels >= _MANY_CHANNELS


def _rows_are_cheap(channels: int, g: Geometry) -> bool:
    """Whether patches cost little, or XLA's kernel much."""
    entries = math.prod(g.window)
    return g.rank == 3 or entries == 1 or entries * channels <= _LONGEST_ROW


def _reversed(kernel: Array) -> Array:
    return jnp.swapaxes(lax.rev(kernel, range(kernel.ndim - 2)), -1, -2)


def _by_phase(dy: Array, kernel: Array, g: Geometry) -> Array:
    """The input gradient for strides: inputs that are a stride apart meet the same entries of the kernel.

    Input `i = q stride + phase` meets the entries `t = offset + u stride` with `offset = (phase + low) mod stride`, and entry u
    belongs to output `q + (phase + low) // stride - u`: for each phase a stride-1 convolution of `dy`.
    """
    counts = tuple(-(-n // s) for n, s in zip(g.size, g.strides))
    phases = [_phase(dy, kernel, g, counts, phase) for phase in itertools.product(*map(range, g.strides))]
    batch, channels = dy.shape[0], kernel.shape[-2]
    dx = jnp.stack(phases).reshape(*g.strides, batch, *counts, channels)
    pairs = (axis for a in range(g.rank) for axis in (g.rank + 1 + a, a))
    dx = dx.transpose(g.rank, *pairs, 2 * g.rank + 1)
    dx = dx.reshape(batch, *(c * s for c, s in zip(counts, g.strides)), channels)
    return lax.slice(dx, [0] * dx.ndim, (batch, *g.size, channels))


def _phase(dy: Array, kernel: Array, g: Geometry, counts: tuple[int, ...], phase: tuple[int, ...]) -> Array:
    shifted = [(p + low, s) for p, (low, _), s in zip(phase, g.padding, g.strides)]
    entries = tuple(slice(i % s, None, s) for i, s in shifted)
    part = kernel[entries]
    window = part.shape[: g.rank]
    if 0 in window:
        return jnp.zeros((dy.shape[0], *counts, kernel.shape[-2]), dy.dtype)
    before = [w - 1 - i // s for w, (i, s) in zip(window, shifted)]
    padding = tuple((b, c + w - 1 - o - b) for b, c, w, o in zip(before, counts, window, g.out))
    ones = (1,) * g.rank
    return _output(dy, _reversed(part), Geometry(g.out, window, ones, ones, padding))
