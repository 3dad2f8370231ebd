"""Devices in a grid with named axes, and how an array is cut along them."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jkeras._base.errors import describe
from jkeras._base.registry import export
from jkeras._base.types import Tree
from jkeras.distribution.devices import device_named, list_devices
from jkeras.graph import KerasTensor
from jkeras.state.spread import put


@export("keras.distribution.DeviceMesh")
class DeviceMesh:
    """Devices in a grid with named axes.

    Args:
        shape: how many devices along each axis.
        axis_names: a name for each axis.
        devices: names of devices or devices of JAX, as many as the grid has places; default all.

    Raises:
        ValueError: no shape or names, names that do not fit the shape, or another number of devices.

    Example:
        >>> mesh = DeviceMesh((4, 2), ["data", "model"], [f"cpu:{i}" for i in range(8)])
        >>> mesh
        <DeviceMesh data=4, model=2>
        >>> mesh.devices[1].tolist()
        ['cpu:2', 'cpu:3']
    """

    def __init__(
        self, shape: Sequence[int], axis_names: Sequence[str], devices: Sequence[str | jax.Device] | np.ndarray | None = None
    ):
        if not shape or not axis_names:
            raise ValueError(f"A mesh has a shape and names of its axes. Received: shape={shape!r}, axis_names={axis_names!r}.")
        if len(shape) != len(axis_names):
            raise ValueError(
                f"Each axis of a mesh has a name. Received: shape={tuple(shape)}, axis_names={axis_names}. "
                "Write as many names as sizes."
            )
        given = devices.ravel().tolist() if isinstance(devices, np.ndarray) else devices
        found = np.array(list_devices() if given is None else list(given), dtype=object)
        if math.prod(shape) != len(found):
            raise ValueError(
                f"A mesh of shape {tuple(shape)} has {math.prod(shape)} devices. Received {len(found)}: {list(found)[:8]}. "
                "Give as many devices as the shape has places."
            )
        self._shape, self._axis_names, self._devices = tuple(shape), axis_names, found.reshape(shape)

    @property
    def shape(self) -> tuple[int, ...]:
        """How many devices along each axis."""
        return self._shape

    @property
    def axis_names(self) -> Sequence[str]:
        """The names of the axes."""
        return self._axis_names

    @property
    def devices(self) -> np.ndarray:
        """The devices in the grid."""
        return self._devices

    def __getstate__(self) -> dict[str, object]:
        """For a pickle or a copy: devices by name."""
        names = [d if isinstance(d, str) else f"{d.platform}:{d.id}" for d in self._devices.flat]
        kept = {name: value for name, value in self.__dict__.items() if name != "backend_mesh"}
        return {**kept, "_devices": np.array(names, dtype=object).reshape(self._shape)}

    @functools.cached_property
    def backend_mesh(self) -> Mesh:
        """The mesh of JAX."""
        devices = np.array([device_named(device) for device in self._devices.flat], dtype=object).reshape(self._shape)
        return Mesh(devices, tuple(self._axis_names), axis_types=(AxisType.Auto,) * len(self._shape))

    @property
    def sizes(self) -> str:
        """The axes and their sizes, as texts show them."""
        return ", ".join(f"{name}={size}" for name, size in zip(self._axis_names, self._shape))

    def __repr__(self) -> str:
        return f"<DeviceMesh {self.sizes}>"


@export("keras.distribution.TensorLayout")
class TensorLayout:
    """How an array is cut: for each of its axes the axis of the mesh along which it is dealt out.

    Args:
        axes: names of the mesh's axes, or None for an axis that stays whole.
        device_mesh: may be given later.

    Raises:
        ValueError: a name that the mesh does not have.

    Example:
        >>> mesh = DeviceMesh((4, 2), ["data", "model"], [f"cpu:{i}" for i in range(8)])
        >>> TensorLayout((None, "model"), mesh)
        <TensorLayout (None, 'model') on data=4, model=2>
    """

    def __init__(self, axes: Sequence[Any], device_mesh: DeviceMesh | None = None):
        self._axes = tuple(axes)
        self._mesh = device_mesh
        self._check()

    @property
    def axes(self) -> tuple[Any, ...]:
        """The mesh's axes along which this array's are cut."""
        return self._axes

    @property
    def device_mesh(self) -> DeviceMesh | None:
        """The mesh, or None while it is not known; it is set once."""
        return self._mesh

    @device_mesh.setter
    def device_mesh(self, mesh: DeviceMesh) -> None:
        if self._mesh is not None:
            raise ValueError(f"The layout {self} has a mesh already. Make another TensorLayout for {mesh}.")
        self._mesh = mesh
        self._check()

    @property
    def spec(self) -> PartitionSpec:
        """The axes as JAX has them."""
        return PartitionSpec(*self._axes)

    @property
    def backend_layout(self) -> NamedSharding:
        """The sharding of JAX.

        Raises:
            ValueError: the mesh is not known yet.
        """
        if self._mesh is None:
            raise ValueError(f"The layout {self} has no mesh yet. Write TensorLayout(axes, device_mesh).")
        return NamedSharding(self._mesh.backend_mesh, self.spec)

    def _check(self) -> None:
        if self._mesh is None:
            return
        names = [name for axis in self._axes if axis is not None for name in ((axis,) if isinstance(axis, str) else axis)]
        unknown = [name for name in names if name not in self._mesh.axis_names]
        if unknown:
            raise ValueError(
                f"A layout names axes of its mesh, which are {list(self._mesh.axis_names)}, or None. "
                f"Received: axes={self._axes}, with {unknown[0]!r}."
            )

    def __repr__(self) -> str:
        where = "" if self._mesh is None else f" on {self._mesh.sizes}"
        return f"<TensorLayout {self._axes}{where}>"


@export("keras.distribution.distribute_tensor")
def distribute_tensor(tensor: Tree, layout: TensorLayout | NamedSharding) -> Tree:
    """An array in a layout; in code that is compiled, a demand on the partitioner. Symbolic tensors stay as they are.

    Args:
        tensor: an array.
        layout: a TensorLayout with a mesh, or a sharding of JAX.

    Example:
        >>> mesh = DeviceMesh((1,), ["data"], ["cpu:0"])
        >>> distribute_tensor(np.ones((2, 3)), TensorLayout(("data", None), mesh)).sharding.spec
        P('data', None)
    """
    if isinstance(tensor, KerasTensor):
        return tensor
    if not isinstance(layout, (TensorLayout, NamedSharding)):
        raise ValueError(f"A layout is a TensorLayout or a sharding of JAX. Received: {describe(layout)}.")
    sharding = layout.backend_layout if isinstance(layout, TensorLayout) else layout
    return jax.lax.with_sharding_constraint(tensor, sharding) if isinstance(tensor, jax.core.Tracer) else put(tensor, sharding)
