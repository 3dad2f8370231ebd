"""Pooling: the maximum or the mean of windows that slide over the spatial axes.

Where windows do not overlap (stride = window) and cover the image, a window's entries are plain slices of a reshaped image.
Max-pooling is then a short chain of maxima, whose gradient is a select per entry. Maxima of other windows are taken along
one axis after the other, the last axis first, as chains of strided slices. The general path, `reduce_window`, is for windows so
long that a chain would not compile quickly: its gradient is a scatter, four to twenty times slower on a CPU. All paths send the
gradient to the first of equal maxima in row-major order. Overlapping means gain nothing by slices and stay `reduce_window`s.
"""

from __future__ import annotations

import functools
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import max_dim

from jkeras._base.errors import describe, unknown_name
from jkeras._base.types import Array, Float, Ints, Shaped, Tree
from jkeras.nn.conv_geometry import spatial

# Above this many entries per window, a chain of slices makes programs that are slow to compile.
_LONGEST_CHAIN = 16


def max_pool(
    x: Shaped[Array, " batch *space channels"],
    pool_size: Ints,
    strides: Ints | None = None,
    padding: str = "valid",
    data_format: str = "channels_last",
) -> Shaped[Array, " batch *out_space channels"]:
    """The maximum of every window; NaN where a window holds a NaN.

    Args:
        x: `(batch, *space, channels)`, or `(batch, channels, *space)` for `channels_first`; floats or integers.
        pool_size: window size, an int or one per spatial axis.
        strides: steps between windows; None means `pool_size`.
        padding: `"valid"` drops windows that stick out, `"same"` keeps them.
        data_format: `"channels_last"` or `"channels_first"`.

    Returns:
        Images of the same layout and dtype, `ceil(size / stride)` positions for `"same"`, `floor((size - pool) / stride) + 1`
        for `"valid"`.

    Example:
        >>> import jax.numpy as jnp
        >>> max_pool(jnp.array([3.0, 1.0, 4.0, 1.0, 5.0]).reshape(1, 5, 1), 2).ravel().tolist()
        [3.0, 4.0]
    """
    return max_windows(x, *_plan(x, pool_size, strides, padding, data_format))


@functools.partial(jax.jit, static_argnums=(1, 2, 3))
def max_windows(x: Array, window: tuple[int, ...], strides: tuple[int, ...], padding: str) -> Array:
    """`max_pool` with an entry for every axis of `x`; a function of this name in traced programs, by which readers know it."""
    if _is_tiling(x, window, strides, padding) and math.prod(window) <= _LONGEST_CHAIN:
        return _tile_max(x, window)
    margins = lax.padtype_to_pads(x.shape, window, strides, padding)
    padded = [size + low + high for size, (low, high) in zip(x.shape, margins)]
    fits = all(max_dim(size, pool) == size for size, pool in zip(padded[1:], window[1:]))
    if fits and max(window) <= _LONGEST_CHAIN:
        for axis in reversed(range(1, x.ndim)):
            x = _max_along(x, axis, window[axis], strides[axis], margins[axis])
        return x
    return lax.reduce_window(x, _lowest(x), lax.max, window, strides, padding)


def avg_pool(
    x: Float[Array, " batch *space channels"],
    pool_size: Ints,
    strides: Ints | None = None,
    padding: str = "valid",
    data_format: str = "channels_last",
) -> Float[Array, " batch *out_space channels"]:
    """The mean of every window; entries beyond the image's edge are left out of the mean.

    Args:
        x: `(batch, *space, channels)`, or `(batch, channels, *space)` for `channels_first`.
        pool_size: window size, an int or one per spatial axis.
        strides: steps between windows; None means `pool_size`.
        padding: `"valid"` drops windows that stick out, `"same"` keeps them.
        data_format: `"channels_last"` or `"channels_first"`.

    Returns:
        Images of the same layout and dtype.

    Example:
        >>> import jax.numpy as jnp
        >>> avg_pool(jnp.arange(5.0).reshape(1, 5, 1), 2, padding="same").ravel().tolist()
        [0.5, 2.5, 4.0]
    """
    window, strides, padding = _plan(x, pool_size, strides, padding, data_format)
    if _is_tiling(x, window, strides, padding):
        return jnp.mean(_tiles(x, window), axis=tuple(range(1, 2 * x.ndim, 2)))
    zero = np.asarray(0, x.dtype)
    total = lax.reduce_window(x, zero, lax.add, window, strides, padding)
    if padding == "VALID":
        return total / math.prod(window)
    ones = jnp.ones([size if pool > 1 else 1 for size, pool in zip(x.shape, window)], x.dtype)
    return total / lax.reduce_window(ones, zero, lax.add, window, strides, padding)


def global_avg_pool(x: Float[Array, " batch *space"], data_format: str = "channels_last", keepdims: bool = False) -> Array:
    """The mean over all spatial axes: `(batch, channels)`, or with ones for the spatial axes if `keepdims`."""
    return jnp.mean(x, axis=spatial_axes(x.ndim, data_format), keepdims=keepdims)


def global_max_pool(x: Shaped[Array, " batch *space"], data_format: str = "channels_last", keepdims: bool = False) -> Array:
    """The maximum over all spatial axes; the gradient is shared evenly among equal maxima."""
    return jnp.max(x, axis=spatial_axes(x.ndim, data_format), keepdims=keepdims)


def spatial_axes(ndim: int, data_format: str) -> tuple[int, ...]:
    """The positions of the spatial axes of images of rank `ndim`."""
    return tuple(range(1, ndim - 1)) if data_format == "channels_last" else tuple(range(2, ndim))


def _plan(x: Array, pool_size, strides, padding: str, data_format: str) -> tuple[tuple[int, ...], tuple[int, ...], str]:
    """Window and strides with an entry for every axis of `x`."""
    if x.ndim < 3:
        raise ValueError(f"pooling takes (batch, *space, channels) with one spatial axis or more, received {describe(x)}.")
    if padding not in ("valid", "same"):
        raise unknown_name("padding", padding, ("valid", "same"))
    rank = x.ndim - 2
    window = spatial(pool_size, rank, "pool_size")
    steps = window if strides is None else spatial(strides, rank, "strides")
    front, back = ((1,), (1,)) if data_format == "channels_last" else ((1, 1), ())
    return (*front, *window, *back), (*front, *steps, *back), padding.upper()


def _is_tiling(x: Array, window: tuple[int, ...], strides: tuple[int, ...], padding: str) -> bool:
    """Whether windows lie side by side and none sticks out."""
    return window == strides and (padding == "VALID" or all(size % pool == 0 for size, pool in zip(x.shape, window)))


def _tiles(x: Array, window: tuple[int, ...]) -> Array:
    """Every axis as (tile, place in the tile); what fills no tile is cut off."""
    counts = [size // pool for size, pool in zip(x.shape, window)]
    x = lax.slice(x, [0] * x.ndim, [count * pool for count, pool in zip(counts, window)])
    return x.reshape([size for pair in zip(counts, window) for size in pair])


def _lowest(x: Array) -> np.ndarray:
    return np.asarray(-np.inf if jnp.issubdtype(x.dtype, jnp.inexact) else jnp.iinfo(x.dtype).min, x.dtype)


def _max_along(x: Array, axis: int, pool: int, stride: int, margins: tuple[int, int]) -> Array:
    """The maxima of windows that extend along one axis."""
    if any(margins):
        x = lax.pad(x, _lowest(x), [(*margins, 0) if a == axis else (0, 0, 0) for a in range(x.ndim)])
    last = (x.shape[axis] - pool) // stride * stride
    return _first([lax.slice_in_dim(x, i, i + last + 1, stride, axis) for i in range(pool)])


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def _tile_max(x: Array, window: tuple[int, ...]) -> Array:
    """The maximum of every tile."""
    return functools.reduce(jnp.maximum, _pieces(x, window))


@_tile_max.defjvp
def _tile_max_jvp(window: tuple[int, ...], primals: Tree, tangents: Tree) -> tuple[Array, Array]:
    # A number for each tile says which of its entries is the largest, the first of equal ones: less to keep and to read than a
    # comparison for each entry, and the gradient is one select over the image.
    (x,), (tangent,) = primals, tangents
    *pieces, last = _pieces(x, window)
    best = _tile_max(x, window)
    chosen = jnp.full(last.shape, len(pieces), jnp.int8)
    for number in reversed(range(len(pieces))):
        chosen = jnp.where(pieces[number] == best, jnp.int8(number), chosen)
    places = range(1, 2 * x.ndim, 2)
    numbers = jnp.arange(math.prod(window), dtype=jnp.int8).reshape([size for pool in window for size in (1, pool)])
    tangent = jnp.where(jnp.expand_dims(chosen, places) == numbers, _tiles(tangent, window), 0)
    return best, jnp.sum(tangent, axis=places)


def _pieces(x: Array, window: tuple[int, ...]) -> list[Array]:
    """For each place in a tile, in row-major order, its entries of all tiles."""
    tiles = _tiles(x, window)
    pieces = []
    for places in itertools.product(*map(range, window)):  # by `lax.slice`: indexing becomes a gather where a size is symbolic
        start = [part for place in places for part in (0, place)]
        stop = [part for size, place in zip(tiles.shape[::2], places) for part in (size, place + 1)]
        pieces.append(lax.squeeze(lax.slice(tiles, start, stop), range(1, tiles.ndim, 2)))
    return pieces


def _first(pieces: list[Array]) -> Array:
    """The maximum of arrays of one shape; of equal ones the first is meant."""
    best, *others = pieces
    for other in others:
        # `other != other` holds for NaN only, and lets it win as it does in `reduce_window`.
        best = jnp.where((other > best) | (other != other), other, best)
    return best
