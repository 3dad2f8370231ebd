"""`DataParallel`: each device has the whole model and a part of each batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax

from jkeras._base.errors import describe
from jkeras._base.registry import export
from jkeras.distribution import devices as known_devices
from jkeras.distribution.base import Distribution
from jkeras.distribution.mesh import DeviceMesh, TensorLayout
from jkeras.distribution.sharding_rule import layout_of_largest_axis


@export("keras.distribution.DataParallel")
class DataParallel(Distribution):
    """Each device has the whole model and computes a part of each batch; the gradients are summed over all.

    Args:
        device_mesh: a mesh with one axis; or
        devices: names of devices. With neither, all devices.
        auto_shard_dataset: True where all processes give the same whole batches, and take their parts; False where each
            gives its own rows: in what yields batches, arrays and single batches.
        shards_optimizer: whether what the optimizer keeps for weights from 4 MiB on is cut over the devices, which saves memory
            ("ZeRO", stage 1).

    Raises:
        ValueError: `device_mesh` is no DeviceMesh, or has several axes.

    Example:
        >>> distribution = DataParallel(devices=["cpu:0"])
        >>> distribution.get_data_layout((32, 10)).axes
        ('batch', None)

    Source: Rajbhandari, Rasley, Ruwase, He, "ZeRO: Memory optimizations toward training trillion parameter models", 2020.
    """

    def __init__(
        self,
        device_mesh: DeviceMesh | None = None,
        devices: Sequence[str | jax.Device] | None = None,
        auto_shard_dataset: bool = True,
        *,
        shards_optimizer: bool = False,
    ):
        if device_mesh is not None and not isinstance(device_mesh, DeviceMesh):
            raise ValueError(f"device_mesh is a DeviceMesh. Received: {describe(device_mesh)}.")
        if device_mesh is None:
            found = known_devices.list_devices() if devices is None else list(devices)
            device_mesh = DeviceMesh((len(found),), ["batch"], found)
        if len(device_mesh.shape) != 1:
            raise ValueError(
                f"DataParallel takes a mesh with one axis. Received: {device_mesh}. "
                "Write ModelParallel(layout_map=LayoutMap(device_mesh), batch_dim_name=...) for several."
            )
        self.shards_optimizer = shards_optimizer
        super().__init__(device_mesh, device_mesh.axis_names[0], auto_shard_dataset)

    def get_slot_layout(self, variable: Any) -> TensorLayout:
        """Cut over the devices with `shards_optimizer`, else whole."""
        if not self.shards_optimizer:
            return self.get_variable_layout(variable)
        return layout_of_largest_axis(variable, self.device_mesh, [str(self.batch_dim_name)])
