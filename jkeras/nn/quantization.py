"""Numbers as small integers, with what is needed to get back at the numbers.

Symmetric: `q = round(x scale)`, where one `scale` serves all entries along some axes, and the largest of them becomes the largest
integer. Affine: `q = round(w / scale + zero_point)`, where the range of a group of entries becomes all the integers that there
are; the range holds 0, so that 0 comes back as 0. Groups lie along the first axis of a matrix `(n, units)`, which is the axis
that a layer sums over: each column of each group has a scale and a zero point of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jkeras._base.types import Array, DTypeLike, Float, Int

Levels = tuple[int, int]


@partial(jax.jit, static_argnames=("axis", "value_range", "dtype"))
def abs_max_quantize(
    x: Float[Array, "*shape"],
    axis: int | Sequence[int] | None,
    value_range: Levels = (-127, 127),
    dtype: DTypeLike = "int8",
    epsilon: float = 1e-7,
) -> tuple[Int[Array, "*shape"], Float[Array, "*kept"]]:
    """`q = round(x scale)` with `scale = value_range[1] / (max |x| + epsilon)`, the maximum over some axes.

    Args:
        x: floats of any shape.
        axis: the axis or axes that share a scale; None for all.
        value_range: the least and the largest integer.
        dtype: of the integers.
        epsilon: keeps the scale of zeros finite.

    Returns:
        The integers in the shape of `x`; the scale in its dtype, with size 1 along the axes. `q / scale` is near `x`.

    Example:
        >>> q, scale = abs_max_quantize(jnp.array([[-1.0, 0.25], [4.0, 2.0]]), axis=1)
        >>> q.tolist(), scale.round(2).tolist()
        ([[-127, 32], [127, 64]], [[127.0], [31.75]])
    """
    exact = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    scale = value_range[1] / (jnp.max(jnp.abs(exact), axis=axis, keepdims=True) + epsilon)
    scale = jnp.minimum(scale, float(jnp.finfo(x.dtype).max)).astype(x.dtype)
    return jnp.clip(jnp.round(exact * scale), *value_range).astype(dtype), scale


def group_index(n: int, group_size: int) -> Int[Array, " n"]:
    """The group that each of `n` rows belongs to; -1 as the size means one group for all.

    Example:
        >>> group_index(5, 2).tolist(), group_index(3, -1).tolist()
        ([0, 0, 1, 1, 2], [0, 0, 0])
    """
    return jnp.arange(n) // (n if group_size == -1 else group_size)


@partial(jax.jit, static_argnames=("levels", "group_size", "symmetric", "per_channel"))
def affine_parameters(
    w: Float[Array, "n units"],
    levels: Levels,
    *,
    group_size: int = -1,
    symmetric: bool = False,
    per_channel: bool = True,
    epsilon: float = 0.0,
) -> tuple[Float[Array, "groups units"], Int[Array, "groups units"]]:
    """The scale and the zero point of each group of rows: `scale = (max - min + epsilon) / (high - low)`, and the zero point
    is the integer nearest to `low - min / scale`, where `min <= 0 <= max`.

    Args:
        w: `(n, units)`.
        levels: `(low, high)`, the least and the largest integer.
        group_size: rows of a group, of which the last may have fewer; -1: one group.
        symmetric: widen the range to `(-m, m)`, so that the zero point is in the middle of the integers.
        per_channel: False: all columns of a group share scale and zero point.
        epsilon: added to each range.

    Returns:
        Scales in the dtype of `w`; zero points as int8, or as uint8 where the integers are not negative.

    Example:
        >>> scale, zero_point = affine_parameters(jnp.array([[-1.0], [2.0], [0.5], [1.0]]), (0, 15), group_size=2)
        >>> print(scale.ravel().round(3), zero_point.ravel())
        [0.2   0.067] [5 0]
    """
    low, high = levels
    groups = _grouped(w.astype(jnp.promote_types(w.dtype, jnp.float32)), group_size)
    axes = (1,) if per_channel else (1, 2)
    least = jnp.minimum(jnp.min(groups, axis=axes, keepdims=True), 0)
    largest = jnp.maximum(jnp.max(groups, axis=axes, keepdims=True), 0)
    if symmetric:
        largest = jnp.maximum(-least, largest)
        least = -largest
    zeros = least == largest
    least, largest = jnp.where(zeros, -1, least), jnp.where(zeros, 1, largest)
    scale = ((largest - least + epsilon) / (high - low)).astype(w.dtype)
    zero_point = jnp.full_like(least, (low + high + 1) // 2) if symmetric else jnp.clip(low - jnp.round(least / scale), low, high)
    shape = (groups.shape[0], w.shape[1])
    kind = "int8" if low < 0 else "uint8"
    return jnp.broadcast_to(scale[:, 0], shape), jnp.broadcast_to(zero_point[:, 0].astype(kind), shape)


def _grouped(w: Float[Array, "n units"], group_size: int) -> Float[Array, "groups size units"]:
    """The rows by groups; zeros, which change no range, fill the last one."""
    n, units = w.shape
    size = n if group_size == -1 else group_size
    return jnp.pad(w, ((0, -n % size), (0, 0))).reshape(-1, size, units)


@partial(jax.jit, static_argnames=("levels", "dtype"))
def affine_quantize(
    w: Float[Array, "n units"],
    scale: Float[Array, "groups units"],
    zero_point: Int[Array, "groups units"],
    index: Int[Array, " n"],
    levels: Levels,
    dtype: DTypeLike | None = None,
) -> Int[Array, "n units"]:
    """`q = clip(round(w / scale + zero_point), low, high)`, each row with the numbers of its group.

    Args:
        w: `(n, units)`.
        scale, zero_point: of each group, as `affine_parameters` gives them.
        index: the group of each row, as from `group_index`.
        levels: `(low, high)`.
        dtype: of the integers; None: that of the zero points.

    Example:
        >>> w = jnp.array([[-1.0], [2.0], [0.5], [1.0]])
        >>> scale, zero_point = affine_parameters(w, (0, 15), group_size=2)
        >>> q = affine_quantize(w, scale, zero_point, group_index(4, 2), (0, 15))
        >>> print(q.ravel(), affine_dequantize(q, scale, zero_point, group_index(4, 2)).ravel().round(2))
        [ 0 15  7 15] [-1.    2.    0.47  1.  ]
    """
    exact = w.astype(jnp.promote_types(w.dtype, jnp.float32)) / scale[index] + zero_point[index]
    return jnp.clip(jnp.round(exact), *levels).astype(zero_point.dtype if dtype is None else dtype)


@jax.jit
def affine_dequantize(
    q: Int[Array, "n units"],
    scale: Float[Array, "groups units"],
    zero_point: Int[Array, "groups units"],
    index: Int[Array, " n"],
) -> Float[Array, "n units"]:
    """`(q - zero_point) scale`, each row with the numbers of its group: what the integers of `affine_quantize` stand for."""
    return (q.astype(scale.dtype) - zero_point[index].astype(scale.dtype)) * scale[index]


class AffineKernel(NamedTuple):
    """A kernel `(n, units)` as integers, and what they stand for.

    Attributes:
        q: `(n, units)`.
        scale, zero_point: `(groups, units)`.
        groups: `(n,)`, the group of each row.
    """

    q: Int[Array, "n units"]
    scale: Float[Array, "groups units"]
    zero_point: Int[Array, "groups units"]
    groups: Int[Array, " n"]

    def dequantized(self) -> Float[Array, "n units"]:
        """`(q - zero_point) scale`."""
        return affine_dequantize(*self)


def affine_kernel(w: Float[Array, "n units"], levels: Levels, group_size: int = -1) -> AffineKernel:
    """A kernel rounded to the nearest, with a scale and a zero point for each column of each group of rows.

    Example:
        >>> affine_kernel(jnp.array([[-1.0], [2.0], [0.5], [1.0]]), (0, 15), group_size=2).q.ravel().tolist()
        [0, 15, 7, 15]
    """
    scale, zero_point = affine_parameters(w, levels, group_size=group_size)
    index = group_index(w.shape[0], group_size)
    return AffineKernel(affine_quantize(w, scale, zero_point, index, levels), scale, zero_point, index)
