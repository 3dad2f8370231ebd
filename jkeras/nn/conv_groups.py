"""Convolutions with groups, taken apart into convolutions that need none, or one for each channel."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import reduce
from operator import add
from typing import TypeAlias

import jax.numpy as jnp
from jax import lax

from jkeras._base.types import Array
from jkeras.nn.conv_geometry import Geometry

Compute: TypeAlias = Callable[[Array, Array, Geometry], Array]

# More groups than this go through a loop instead of being written out.
_GROUPS_WRITTEN_OUT = 8


def by_group(compute: Compute, a: Array, b: Array, g: Geometry) -> Array:
    """One ungrouped operation per group; groups are blocks of the last axis of operands and result."""
    one = dataclasses.replace(g, groups=1)
    if g.groups <= _GROUPS_WRITTEN_OUT:
        pairs = zip(jnp.split(a, g.groups, -1), jnp.split(b, g.groups, -1))
        return lax.concatenate([compute(left, right, one) for left, right in pairs], a.ndim - 1)
    blocks = [jnp.moveaxis(v.reshape(*v.shape[:-1], g.groups, -1), -2, 0) for v in (a, b)]
    out = jnp.moveaxis(lax.map(lambda pair: compute(pair[0], pair[1], one), tuple(blocks)), 0, -2)
    return out.reshape(*out.shape[:-2], -1)


def output_on_devices(convolve: Compute, x: Array, kernel: Array, g: Geometry) -> Array:
    """A convolution in parts which XLA's partitioner computes where the rows lie; others it gathers first."""
    x, last = _channels_last(x, g)
    if kernel.shape[-2] > 1:
        return _as_before(by_group(convolve, x, kernel, last), g)
    parts = [convolve(x, part, last) for part in _filters_apart(kernel, g)]
    out = jnp.stack(parts, -1)
    return _as_before(out.reshape(*out.shape[:-2], -1), g)


def input_gradient_on_devices(spread: Compute, dy: Array, kernel: Array, g: Geometry) -> Array:
    """Its transpose for the images."""
    dy, last = _channels_last(dy, g)
    if kernel.shape[-2] > 1:
        return _as_before(by_group(spread, dy, kernel, last), g)
    parts = zip(_filters_apart(dy, g), _filters_apart(kernel, g))
    return _as_before(reduce(add, (spread(*part, last) for part in parts)), g)


def _filters_apart(a: Array, g: Geometry) -> list[Array]:
    """The first filter of each channel, the second of each, and so on; a channel's filters lie side by side."""
    each = a.shape[-1] // g.groups
    return [a[..., number::each] for number in range(each)]


def _channels_last(images: Array, g: Geometry) -> tuple[Array, Geometry]:
    return (images, g) if g.channels_last else (jnp.moveaxis(images, 1, -1), dataclasses.replace(g, channels_last=True))


def _as_before(images: Array, g: Geometry) -> Array:
    return images if g.channels_last else jnp.moveaxis(images, -1, 1)
