"""`vmap` of convolutions: many of them as one.

Images carry (batch, channels), the kernel (channels, filters), the output (batch, filters). If one operand has an extra axis,
that axis joins the index which the operand shares with the result: many images are a larger batch, many kernels are more
filters. If both have one, every member becomes a group of its own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
from jax.lax import PrecisionLike

from jkeras._base.types import Array
from jkeras.nn.conv_geometry import Geometry

# What the operands and the result of an operation are: "x", "kernel" or "y".
Roles = tuple[str, str, str]
_INDICES = {"x": ("batch", "channels"), "kernel": ("channels", "filters"), "y": ("batch", "filters")}


def _place(role: str, index: str, ndim: int, geometry: Geometry) -> tuple[int, int]:
    """The axis of an index, and the number of groups it is cut into there."""
    if role == "kernel":
        return (ndim - 2, 1) if index == "channels" else (ndim - 1, geometry.groups)
    return (0, 1) if index == "batch" else (ndim - 1 if geometry.channels_last else 1, geometry.groups)


def _join(a: Array, extra: int, axis: int, groups: int) -> Array:
    """Make an extra axis part of another: between its groups and what a group holds."""
    a = jnp.moveaxis(a, extra, 0)
    members, shape = a.shape[0], a.shape[1:]
    a = a.reshape(members, *shape[:axis], groups, shape[axis] // groups, *shape[axis + 1 :])
    return jnp.moveaxis(a, 0, axis + 1).reshape(*shape[:axis], members * shape[axis], *shape[axis + 1 :])


def _part(a: Array, members: int, axis: int, groups: int) -> Array:
    """Undo `_join`; the extra axis comes first."""
    shape = a.shape
    a = a.reshape(*shape[:axis], groups, members, shape[axis] // members // groups, *shape[axis + 1 :])
    return jnp.moveaxis(a, axis + 1, 0).reshape(members, *shape[:axis], shape[axis] // members, *shape[axis + 1 :])


def batch(
    roles: Roles,
    operation: Callable[..., Array],
    operands: Sequence[Array],
    extras: Sequence[Any],
    *,
    geometry: Geometry,
    precision: PrecisionLike,
) -> tuple[Array, int]:
    """The rule of `vmap` for one operation, and where the extra axis of its result is."""
    result = roles[2]
    ndim = geometry.rank + 2
    batched = [extra is not None for extra in extras]
    members = next(a.shape[extra] for a, extra, b in zip(operands, extras, batched) if b)
    if all(batched):
        # The outermost part of an index is its group, so the members go there.
        indices = {"x": "channels", "kernel": "filters", "y": "filters"}
        operands = [_join(a, e, _place(r, indices[r], ndim, geometry)[0], 1) for a, e, r in zip(operands, extras, roles)]
        grouped = dataclasses.replace(geometry, groups=geometry.groups * members)
        out = operation(*operands, geometry=grouped, precision=precision)
        return _part(out, members, _place(result, indices[result], ndim, geometry)[0], 1), 0
    which = batched.index(True)
    (shared,) = set(_INDICES[roles[which]]) & set(_INDICES[result])
    joined = _join(operands[which], extras[which], *_place(roles[which], shared, ndim, geometry))
    operands = [joined if i == which else a for i, a in enumerate(operands)]
    out = operation(*operands, geometry=geometry, precision=precision)
    return _part(out, members, *_place(result, shared, ndim, geometry)), 0
