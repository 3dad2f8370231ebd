"""`Distribution`: how the arrays of a model lie on the devices of a mesh."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Sequence
from typing import Any

import jax
from jax.sharding import PartitionSpec

from jkeras._base.config import settings
from jkeras.distribution.mesh import DeviceMesh, TensorLayout
from jkeras.state.placement import Placement, Weight


class Distribution:
    """Base of the ways to spread a model. A subclass defines `get_variable_layout`, and `get_slot_layout` where it differs.

    Args:
        device_mesh: the devices.
        batch_dim_name: the axis of the mesh along which batches are dealt out; None deals none out.
        auto_shard_dataset: True where all processes give the same whole batches, and take their parts; False where each
            gives its own rows: in what yields batches, arrays and single batches.
    """

    def __init__(self, device_mesh: DeviceMesh, batch_dim_name: str | None = None, auto_shard_dataset: bool = True):
        self._device_mesh, self._batch_dim_name, self._auto_shard_dataset = device_mesh, batch_dim_name, auto_shard_dataset

    @property
    def device_mesh(self) -> DeviceMesh:
        """The devices."""
        return self._device_mesh

    @property
    def batch_dim_name(self) -> str | None:
        """The axis of the mesh along which batches are dealt out."""
        return self._batch_dim_name

    @property
    def auto_shard_dataset(self) -> bool:
        """Whether all processes give the same whole batches, and take their parts."""
        return self._auto_shard_dataset

    @property
    def num_processes(self) -> int:
        """How many processes work together."""
        return jax.process_count()

    @property
    def num_model_replicas(self) -> int:
        """Into how many parts a batch is dealt out."""
        if self._batch_dim_name is None:
            return 1
        mesh = self._device_mesh
        return int(mesh.shape[list(mesh.axis_names).index(self._batch_dim_name)])

    @property
    def data_shard_id(self) -> int:
        """Which part of the data this process computes."""
        replicas, processes = self.num_model_replicas, self.num_processes
        return self._process_id if replicas >= processes else self._process_id // (processes // replicas)

    @property
    def _process_id(self) -> int:
        return jax.process_index()

    @property
    def _is_multi_process(self) -> bool:
        return self.num_processes > 1

    def get_data_layout(self, data_shape: tuple[int | None, ...]) -> TensorLayout:
        """How an array of inputs or targets is cut: its first axis is dealt out."""
        return TensorLayout((self._batch_dim_name, *(None for _ in data_shape[1:])), self._device_mesh)

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        """How a weight is cut: not at all.

        Args:
            variable: with a `path` and a `shape`.
        """
        return own_layout(variable) or TensorLayout((None,) * len(variable.shape), self._device_mesh)

    def get_slot_layout(self, variable: Any) -> TensorLayout:
        """How the arrays that an optimizer keeps for a weight, in its shape, are cut: as the weight."""
        return self.get_variable_layout(variable)

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """How a layer's output is cut, by its path such as `"block/dense/output"`: None, the partitioner decides that."""
        return None

    def distribute_dataset(self, dataset: Any) -> Any:
        """The dataset as it is: `fit` deals out its batches, whose size is that of all devices together."""
        return dataset

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """A block in which this is the current distribution."""
        before, settings.distribution = settings.distribution, self
        try:
            yield
        finally:
            settings.distribution = before

    @functools.cached_property
    def placement(self) -> Placement:
        """The same for the core."""

        def spec_from(layout_of: Any) -> Any:
            def spec(weight: Weight) -> PartitionSpec:
                found: PartitionSpec = layout_of(weight).spec
                return found

            return spec

        def output(path: str) -> PartitionSpec | None:
            layout = self.get_tensor_layout(path)
            return None if layout is None else layout.spec

        weight, slot = spec_from(self.get_variable_layout), spec_from(self.get_slot_layout)
        mesh = self._device_mesh.backend_mesh
        outputs = None if type(self).get_tensor_layout is Distribution.get_tensor_layout else output
        return Placement(mesh, weight, slot, self._batch_dim_name, outputs, parts=not self._auto_shard_dataset)

    def __getstate__(self) -> dict[str, object]:
        """For a pickle or a copy: what the core needs is made anew."""
        return {name: value for name, value in self.__dict__.items() if name != "placement"}

    def check(self, weights: Sequence[Weight], outputs: Sequence[str], complete: bool) -> None:
        """Check that the rules fit a model's weights, before anything is moved.

        Args:
            weights: of the model.
            outputs: paths of its layers' outputs.
            complete: whether the rules are for this model alone, so that each must match one of them.
        """

    def __repr__(self) -> str:
        return f"<{type(self).__name__} on {self._device_mesh.sizes}>"


def own_layout(variable: Any) -> TensorLayout | None:
    """The layout that somebody gave this variable alone."""
    layout = getattr(variable, "_layout", None)
    return layout if isinstance(layout, TensorLayout) else None
