"""`ModelParallel`: weights, and outputs of layers, are cut by rules."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from jkeras._base.errors import describe
from jkeras._base.registry import export
from jkeras.distribution.base import Distribution, own_layout
from jkeras.distribution.layout_map import LayoutMap
from jkeras.distribution.mesh import DeviceMesh, TensorLayout
from jkeras.state.placement import Weight


@export("keras.distribution.ModelParallel")
class ModelParallel(Distribution):
    """Weights are cut as a LayoutMap says, the others stay whole; batches are dealt out along one axis of the mesh.

    A rule for `"block/dense/output"` cuts what that layer returns, batch axis included; the partitioner decides about the others.

    Args:
        layout_map: the rules, and with them the mesh.
        batch_dim_name: the axis along which batches are dealt out; default the mesh's first.
        auto_shard_dataset: True where all processes give the same whole batches, and take their parts; False where each
            gives its own rows: in what yields batches, arrays and single batches.
        kwargs: `device_mesh`, which must be that of the rules.

    Raises:
        ValueError: no rules, another mesh than theirs, or an axis that the mesh does not have. When a model is placed: a rule
            that matches none of its weights and outputs, has other axes than they, or cuts one that does not divide.

    Example:
        >>> mesh = DeviceMesh((4, 2), ["data", "model"], [f"cpu:{i}" for i in range(8)])
        >>> rules = LayoutMap(mesh)
        >>> rules["dense.*/kernel"] = (None, "model")
        >>> distribution = ModelParallel(layout_map=rules, batch_dim_name="data")
        >>> distribution.get_data_layout((32, 10)).axes
        ('data', None)
    """

    def __init__(
        self,
        *,
        layout_map: LayoutMap | None = None,
        batch_dim_name: str | None = None,
        auto_shard_dataset: bool = True,
        **kwargs: Any,
    ):
        if not isinstance(layout_map, LayoutMap):
            raise ValueError(f"layout_map is a LayoutMap. Received: {describe(layout_map)}. Write LayoutMap(device_mesh).")
        mesh: DeviceMesh = kwargs.pop("device_mesh", None) or layout_map.device_mesh
        if kwargs:
            raise TypeError(f"ModelParallel takes layout_map, batch_dim_name and auto_shard_dataset. Received: {sorted(kwargs)}.")
        if mesh is not layout_map.device_mesh:
            raise ValueError(f"The rules are for another mesh, {layout_map.device_mesh}. Received: device_mesh={mesh}.")
        name = batch_dim_name or mesh.axis_names[0]
        if name not in mesh.axis_names:
            raise ValueError(f"batch_dim_name is an axis of the mesh: {list(mesh.axis_names)}. Received: {name!r}.")
        self._layout_map = layout_map
        super().__init__(mesh, name, auto_shard_dataset)
        replicas, processes = self.num_model_replicas, self.num_processes
        if self._is_multi_process and max(replicas, processes) % min(replicas, processes):
            raise ValueError(
                f"The {processes} processes must divide the {replicas} parts of a batch, or the parts the processes. "
                f"Received: {mesh}, batch_dim_name={name!r}."
            )

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        """As the rule says that matches its path; whole where none does."""
        return own_layout(variable) or self._layout_map[variable.path] or super().get_variable_layout(variable)

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """As the rule says that matches the path of a layer's output; None where none does."""
        return self._layout_map[path]

    def check(self, weights: Sequence[Weight], outputs: Sequence[str], complete: bool) -> None:
        """Check that each rule fits the weights that it matches, and matches one, or an output.

        Args:
            weights: of the model.
            outputs: paths of its layers' outputs.
            complete: whether the rules are for this model alone.

        Raises:
            ValueError: it does not.
        """
        used: set[str] = {key for path in outputs for key in self._layout_map.matching(path)}
        for weight in weights:
            for key in self._layout_map.matching(weight.path):
                used.add(key)
                layout = self._layout_map[weight.path]
                assert layout is not None
                self._check_fit(key, layout.axes, weight)
        missing = [key for key in self._layout_map if key not in used] if complete else []
        if missing:
            paths = [*(weight.path for weight in weights), *outputs]
            near = difflib.get_close_matches(missing[0], paths, n=1, cutoff=0.0)
            raise ValueError(
                f"The rule {missing[0]!r} matches no weight of the model, and no output of a layer"
                + (f"; the nearest path is {near[0]!r}." if near else ".")
                + " A key is a whole path, or a regular expression for it."
            )

    def _check_fit(self, key: str, axes: tuple[Any, ...], weight: Weight) -> None:
        if len(axes) > len(weight.shape):
            raise ValueError(
                f"The rule {key!r} has {len(axes)} axes, {axes}, and the weight {weight.path!r} has the shape {weight.shape}."
            )
        sizes = dict(zip(self.device_mesh.axis_names, self.device_mesh.shape))
        for number, (axis, size) in enumerate(zip(axes, weight.shape)):
            parts = 1 if axis is None else math.prod(sizes[name] for name in np.atleast_1d(axis))
            if size % parts:
                raise ValueError(
                    f"The rule {key!r} cuts axis {number} of the weight {weight.path!r}, of shape {weight.shape}, into {parts} "
                    f"parts, which {size} cannot be divided into. Cut another axis, or leave it whole with None."
                )
