"""`FullySharded`: each device has a part of each large weight and a part of each batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jkeras._base.registry import export
from jkeras.distribution import devices
from jkeras.distribution.base import Distribution, own_layout
from jkeras.distribution.mesh import DeviceMesh, TensorLayout
from jkeras.distribution.sharding_rule import SMALL, layout_of_largest_axis


@export("jkeras.distribution.FullySharded")
class FullySharded(Distribution):
    """Large weights are cut over the devices, and gathered where a layer needs them; batches are dealt out ("FSDP").

    What the optimizer keeps is cut like its weight. Weights below 4 MiB, and those without an axis that divides, stay whole on
    each device: `model.layouts()` says which.

    Args:
        device_mesh: the devices; default all along one axis, `"data"`.
        batch_dim_name: the axis along which batches are dealt out, and weights are cut first; default the mesh's first.
        smallest: bytes from which on a weight is cut.
        auto_shard_dataset: True where all processes give the same whole batches, and take their parts; False where each
            gives its own rows: in what yields batches, arrays and single batches.

    Example:
        >>> import numpy as np
        >>> mesh = DeviceMesh((8,), ["data"], [f"cpu:{i}" for i in range(8)])
        >>> FullySharded(mesh).get_variable_layout(np.zeros((1024, 4096), np.float32)).axes
        (None, 'data')

    Source: Zhao et al., "PyTorch FSDP: Experiences on scaling fully sharded data parallel", 2023.
    """

    def __init__(
        self,
        device_mesh: DeviceMesh | None = None,
        batch_dim_name: str | None = None,
        smallest: int = SMALL,
        auto_shard_dataset: bool = True,
    ):
        if device_mesh is None:
            found: Sequence[str] = devices.list_devices()
            device_mesh = DeviceMesh((len(found),), ["data"], found)
        self.smallest = smallest
        super().__init__(device_mesh, batch_dim_name or device_mesh.axis_names[0], auto_shard_dataset)

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        """The largest axis that divides is cut along the axis of the batches, the next ones along the others."""
        rest = [name for name in self.device_mesh.axis_names if name != self.batch_dim_name]
        names = [str(self.batch_dim_name), *rest]
        return own_layout(variable) or layout_of_largest_axis(variable, self.device_mesh, names, self.smallest)
