"""A convolution and what follows it as one operation, for programs that only read a model.

    y = conv(x, kernel) + bias (+ added)        and, if rectified, max(y, 0)

Each step by itself would write all of its results to memory and read them back. `fusing.py` puts this operation in the place of
the steps. It has no derivatives, so training keeps the steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jkeras._base.types import Array
from jkeras.nn.conv_geometry import Geometry
from jkeras.nn.conv_primitive import lax_conv, output_shape
from jkeras.nn.operation import Operation


def finished(y: Array, bias: Array, *added: Array, rectified: bool, channels_last: bool = True) -> Array:
    """What follows the convolution.

    Args:
        y: of it, `(batch, *space, filters)`, or `(batch, filters, *space)`.
        bias: `(filters,)`.
        added: nothing, or an array like y.
        rectified: whether negative results become 0.
        channels_last: where the filters are.
    """
    y = y + (bias if channels_last else bias.reshape(-1, *(1,) * (y.ndim - 2)))
    for more in added:
        y = y + more
    return jnp.maximum(y, 0) if rectified else y


def _general(x: Array, kernel: Array, bias: Array, *added: Array, geometry: Geometry, rectified: bool) -> Array:
    last = geometry.channels_last
    return finished(lax_conv(x, kernel, geometry), bias, *added, rectified=rectified, channels_last=last)


def _batch(operation: Operation, arrays: Sequence[Array], axes: Sequence[Any], **parameters: Any) -> tuple[Array, int]:
    """Many images are a larger batch; with weights of their own, the steps one by one."""
    (x, kernel, bias, *added), (x_axis, *weights), others = arrays, axes[:3], axes[3:]
    if x_axis is None or weights != [None, None] or None in others:
        return jax.vmap(lambda *arrays: _general(*arrays, **parameters), tuple(axes))(*arrays), 0
    images = [jnp.moveaxis(a, axis, 0) for a, axis in zip((x, *added), (x_axis, *others))]
    flat = [a.reshape(-1, *a.shape[2:]) for a in images]
    y = operation(flat[0], kernel, bias, *flat[1:], **parameters)
    return y.reshape(*images[0].shape[:2], *y.shape[1:]), 0


output: Operation = Operation(
    "conv_fused",
    lambda x, kernel, *more, geometry, rectified: output_shape(x, kernel, geometry=geometry),
    _general,
    batch=_batch,
)
