"""The exact forms in which convolutions are fast on a CPU; all of them take channels last and no groups.

* *canonical*: `lax.conv_general_dilated` with images `(batch, *space, channels)` and kernels `(*window, in, out)`, no dilation of
  the images. XLA runs that form, and no other, through a good kernel inside a loop body.
* *patches*: every window copied into a row of `prod(window) * channels` numbers, then one matrix product. Worth it where rows
  are short or windows few (strides).
* *pairs*: patches that hold the windows of two neighbours, times a matrix that holds the kernel twice. A few more products with
  zero, for half as many rows, copied in longer pieces: worth it for few channels.
* *shifted sums*: every position times the whole kernel, and what belongs to one output added up. Worth it for few filters, since
  the kernel's entries are filters of that product.
* *row windows*: only the last axis is unrolled, `window[-1] * channels` numbers side by side; for the other axis there are
  shifted copies of the output gradient. Six times the memory traffic of the images instead of nine for a 3x3 kernel.

Patches are written for a few images at a time, so that they are read back from the cache and not from memory.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
from jax import lax

from jkeras._base.types import Array
from jkeras.nn.conv_geometry import Geometry
from jkeras.nn.cpu import products

_NUMBERS = {1: ("NWC", "WIO", "NWC"), 2: ("NHWC", "HWIO", "NHWC"), 3: ("NDHWC", "DHWIO", "NDHWC")}
# Entries that patches of one chunk of images may have: 2 MiB of float32, the second-level cache of a core.
_CHUNK = 1 << 19


def pad(x: Array, padding: tuple[tuple[int, int], ...], strides: tuple[int, ...] = ()) -> Array:
    """Margins of zeros around images (negative ones cut off), and `strides - 1` zeros between neighbours."""
    steps = strides or (1,) * len(padding)
    if not any(map(any, padding)) and max(steps) == 1:
        return x
    inner = [(low, high, s - 1) for (low, high), s in zip(padding, steps)]
    return lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *inner, (0, 0, 0)])


def taps(x: Array, g: Geometry) -> Iterator[Array]:
    """For each entry of the window, in the kernel's order, the inputs that it meets: `(batch, *out, channels)`."""
    x = pad(x, g.padding)
    for entry in itertools.product(*map(range, g.window)):
        start = [i * d for i, d in zip(entry, g.dilation)]
        limit = [a + (o - 1) * s + 1 for a, o, s in zip(start, g.out, g.strides)]
        yield lax.slice(x, [0, *start, 0], [x.shape[0], *limit, x.shape[-1]], [1, *g.strides, 1])


def patches(x: Array, g: Geometry) -> Array:
    """All windows as rows, `(batch, *out, prod(window) * channels)`."""
    pieces = list(taps(x, g))
    return lax.concatenate(pieces, x.ndim - 1) if len(pieces) > 1 else pieces[0]


def canonical(x: Array, kernel: Array, g: Geometry) -> Array:
    """The convolution in the one layout that XLA knows well."""
    padding = g.padding
    if min(map(min, padding)) < 0:
        x, padding = pad(x, padding), ((0, 0),) * g.rank
    return lax.conv_general_dilated(x, kernel, g.strides, padding, rhs_dilation=g.dilation, dimension_numbers=_NUMBERS[g.rank])


def product(x: Array, kernel: Array, g: Geometry) -> Array:
    """The convolution as patches times kernel."""
    matrix = kernel.reshape(-1, kernel.shape[-1])

    def some(x: Array) -> Array:
        rows = patches(x, g)
        return (rows.reshape(-1, rows.shape[-1]) @ matrix).reshape(*rows.shape[:-1], -1)

    count = chunks(x.shape[0], math.prod(g.out) * matrix.shape[0]) if g.rank == 3 else 1
    if count == 1:
        return some(x)
    parts = x.reshape(count, x.shape[0] // count, *x.shape[1:])
    return lax.map(some, parts).reshape(x.shape[0], *g.out, kernel.shape[-1])


def pairs(x: Array, kernel: Array, g: Geometry) -> Array:
    """Two spatial axes, stride 1, an even number of columns: patches of two neighbours times the kernel of both."""
    (height, width), (rows, columns), filters = g.window, g.out, kernel.shape[-1]
    x = pad(x, g.padding)
    strips = jnp.stack([x[:, :, i : i + width + 1] for i in range(0, columns, 2)], 2)  # batch, rows, pairs, width + 1, channels
    strips = strips.reshape(*strips.shape[:3], -1)
    both = lax.concatenate([strips[:, i : i + rows] for i in range(height)], 3)
    twice = jnp.stack([jnp.pad(kernel, ((0, 0), (i, 1 - i), (0, 0), (0, 0))) for i in range(2)], 3)
    return (both.reshape(-1, both.shape[-1]) @ twice.reshape(-1, 2 * filters)).reshape(x.shape[0], rows, columns, filters)


def shifted_sums(x: Array, kernel: Array, g: Geometry) -> Array:
    """Two spatial axes, stride 1, no dilation: each position times all entries of the kernel, then for each output their sum."""
    entries, (batch, channels), filters = math.prod(g.window), (x.shape[0], x.shape[-1]), kernel.shape[-1]
    matrix = kernel.reshape(entries, channels, filters).transpose(1, 0, 2).reshape(channels, -1)
    # Entries first, so that what is added lies side by side. The product itself is twice as fast the other way round.
    products = (x.reshape(-1, channels) @ matrix).T.reshape(*g.window, filters, batch, *g.size)
    products = lax.pad(products, jnp.zeros((), x.dtype), [(0, 0, 0)] * 4 + [(low, high, 0) for low, high in g.padding])
    rows, columns = g.out
    terms = [products[i, j, ..., i : i + rows, j : j + columns] for i, j in itertools.product(*map(range, g.window))]
    return jnp.moveaxis(functools.reduce(jnp.add, terms), 0, -1)


def shifted_kernel_gradient(x: Array, dy: Array, g: Geometry) -> Array:
    """Two spatial axes, stride 1, no dilation: the output gradient, shifted by each entry of the kernel, times the images."""
    margins = [(k - 1 - low, n - o + low) for (low, _), k, n, o in zip(g.padding, g.window, g.size, g.out)]
    (height, width), (rows, columns) = g.window, g.size

    def some(x: Array, dy: Array) -> Array:
        dy = jnp.moveaxis(pad(dy, tuple(margins)), -1, 0)
        shifts = itertools.product(range(height - 1, -1, -1), range(width - 1, -1, -1))
        shifted = jnp.stack([dy[..., i : i + rows, j : j + columns] for i, j in shifts])
        return shifted.reshape(height * width * dy.shape[0], -1) @ x.reshape(-1, x.shape[-1])

    both = math.prod(x.shape[1:]) + math.prod(g.size) * math.prod(g.window) * dy.shape[-1]
    dk = over_chunks(some, x, dy, both // 2)
    return jnp.moveaxis(dk.reshape(*g.window, dy.shape[-1], x.shape[-1]), -2, -1)


def canonical_kernel_gradient(x: Array, dy: Array, g: Geometry) -> Array:
    """A convolution with the roles exchanged: images' channels are its batch, the batch its channels, `dy` its kernel."""
    return exchanged(canonical, x, dy, g, chunks(x.shape[0], math.prod(x.shape[1:]) + math.prod(dy.shape[1:])))


def exchanged(convolve: Callable[[Array, Array, Geometry], Array], x: Array, dy: Array, g: Geometry, count: int) -> Array:
    """The kernel's gradient as a convolution.

    It loops over parts of the batch, so that what is transposed is read from the cache. And since a loop takes arrays, XLA does
    not recompute what the images come from within the transposition, number by number across memory.
    """
    extents = [(k - 1) * d + (o - 1) * s + 1 for k, d, o, s in zip(g.window, g.dilation, g.out, g.strides)]
    padding = tuple((low, e - n - low) for (low, _), e, n in zip(g.padding, extents, g.size))
    roles = Geometry(g.size, g.out, g.dilation, g.strides, padding)
    space = range(1, g.rank + 1)

    def some(x: Array, dy: Array) -> Array:
        return convolve(x.transpose(x.ndim - 1, *space, 0), dy.transpose(*space, 0, dy.ndim - 1), roles)

    return jnp.moveaxis(in_parts(some, x, dy, count), 0, -2)


def product_kernel_gradient(x: Array, dy: Array, g: Geometry) -> Array:
    """Patches, transposed, times the output gradient."""
    width = math.prod(g.window) * x.shape[-1]
    # A window of one entry copies nothing that would have to stay in the cache.
    unrolled = math.prod(g.out) * width if math.prod(g.window) > 1 else 0
    dk = over_chunks(lambda x, dy: _contract(patches(x, g), dy), x, dy, unrolled)
    return dk.reshape(*g.window, x.shape[-1], dy.shape[-1])


def entry_kernel_gradient(x: Array, dy: Array, g: Geometry) -> Array:
    """For each entry of the window the inputs that it meets, transposed, times the output gradient."""
    both = math.prod(x.shape[1:]) + math.prod(dy.shape[1:])
    dk = over_chunks(lambda x, dy: jnp.stack([_contract(tap, dy) for tap in taps(x, g)]), x, dy, both)
    return dk.reshape(*g.window, x.shape[-1], dy.shape[-1])


def row_kernel_gradient(x: Array, dy: Array, g: Geometry) -> Array:
    """Two spatial axes, stride 1: row windows of x times copies of dy, shifted by the rows of the kernel."""
    (height, width), channels, filters = g.window, x.shape[-1], dy.shape[-1]

    def some(x: Array, dy: Array) -> Array:
        x = pad(x, g.padding)
        rows = lax.concatenate([x[:, :, i : i + g.out[1]] for i in range(width)], 3)
        dy = pad(dy, ((height - 1, height - 1), (0, 0)))
        shifted = [dy[:, height - 1 - i : height - 1 - i + g.out[0] + height - 1] for i in range(height)]
        return _contract(rows, lax.concatenate(shifted, 3))

    dk = over_chunks(some, x, dy, (g.out[0] + height - 1) * g.out[1] * width * channels)
    return dk.reshape(width, channels, height, filters).transpose(2, 0, 1, 3)


def over_chunks(f: Callable[[Array, Array], Array], x: Array, dy: Array, per_example: int) -> Array:
    """The sum of `f(images, gradients)` over chunks of a batch; `per_example` is what an example unrolls to."""
    return in_parts(f, x, dy, chunks(x.shape[0], per_example))


def in_parts(f: Callable[[Array, Array], Array], x: Array, dy: Array, count: int) -> Array:
    """The sum of `f(images, gradients)` over `count` equal parts of a batch."""
    if count == 1:
        return f(x, dy)
    size = x.shape[0] // count

    # Slices of the arrays as they are: a reshaped copy of x would make XLA compute what x comes from a second time.
    def add(i: Array, total: Array) -> Array:
        return total + f(*(lax.dynamic_slice_in_dim(a, i * size, size) for a in (x, dy)))

    start = jax.eval_shape(lambda x, dy: f(x[:size], dy[:size]), x, dy)
    return lax.fori_loop(0, count, add, jnp.zeros(start.shape, start.dtype))


def chunks(batch: int, per_example: int, least: int = 1) -> int:
    """Into how many equal parts, of at least `least` examples, to cut a batch so that what each unrolls to stays in the cache."""
    if not isinstance(batch, int):
        return 1
    counts = [n for n in range(1, batch + 1) if batch % n == 0 and (n == 1 or batch // n >= least)]
    return next((n for n in counts if batch // n * per_example <= _CHUNK), counts[-1] if counts else 1)


def _contract(rows: Array, dy: Array) -> Array:
    """`rows^T dy` over everything but the last axis, as of a product with many rows."""
    return products.kernel_gradient(rows.reshape(-1, rows.shape[-1]), dy.reshape(-1, dy.shape[-1]))
