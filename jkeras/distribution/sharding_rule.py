"""The rule by which weights are cut where nobody wrote one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from jkeras.distribution.mesh import DeviceMesh, TensorLayout

SMALL = 4 << 20  # bytes of a weight that is not worth its communication


def layout_of_largest_axis(variable: Any, mesh: DeviceMesh, names: Sequence[str], small: int = SMALL) -> TensorLayout:
    """A layout in which the largest axes that divide are cut; small weights, and those that do not divide, stay whole.

    Args:
        variable: with a shape and a dtype.
        mesh: the devices.
        names: axes of the mesh; the first one gets the largest axis, the next one the largest of the others.
        small: bytes from which on a weight is cut.

    Example:
        >>> mesh = DeviceMesh((4, 2), ["data", "model"], [f"cpu:{i}" for i in range(8)])
        >>> weight = np.zeros((3, 3, 64, 128), np.float32)
        >>> layout_of_largest_axis(weight, mesh, ["data", "model"], small=0).axes
        (None, None, 'model', 'data')
    """
    shape = tuple(variable.shape)
    axes: list[str | None] = [None] * len(shape)
    if math.prod(shape) * np.dtype(str(variable.dtype)).itemsize >= small:
        for name in names:
            size = mesh.shape[list(mesh.axis_names).index(name)]
            free = [i for i, n in enumerate(shape) if axes[i] is None and n >= size and n % size == 0]
            if free:
                axes[max(free, key=lambda i: shape[i])] = name
    return TensorLayout(axes, mesh)
