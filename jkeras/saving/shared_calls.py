"""Calls of a layer that is both in a model and in the model around it, numbered so that Keras 3 finds them.

A `.keras` names a tensor by a layer and the number of its call, counted within the model at hand. While Keras reads, it counts
all calls that the layer object has seen, and the inner model has made some of them already; so Keras refuses its own files of
such models ("Output with path `` is not connected to `inputs`"). Numbers that count as Keras does while reading work for it,
and jkeras' reader accepts both kinds.

In order, Keras makes the layers of a graph, models among them with all their calls; then the calls of the graph. A stack that
begins with its input is called again whenever a layer is added to it. A shared object is made when it is first met.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from jkeras._base.types import Config
from jkeras.saving.graph_config import is_graph_config
from jkeras.saving.nested import with_parts

_SHARED = "shared_object_id"


def number_shared_calls(config: Config) -> dict[str, object]:
    """A copy of a whole model's config, in Keras 3's form, with the calls of shared layers numbered as Keras will count them.

    Example:
        >>> import jkeras
        >>> from jkeras.saving.serialization import model_config
        >>> shared, x, y = jkeras.layers.Dense(4, name="shared"), jkeras.Input((4,)), jkeras.Input((4,))
        >>> config = model_config(jkeras.Model(x, shared(jkeras.Model(y, shared(y))(x))))
        >>> config["config"]["output_layers"], number_shared_calls(config)["config"]["output_layers"]
        (['shared', 0, 0], ['shared', 1, 0])
    """
    numbered: dict[str, object] = _Reading().visit(config)
    return numbered


class _Reading:
    """Keras' walk through a config: how often each shared layer was called so far, and the shared objects met so far."""

    def __init__(self) -> None:
        self.calls, self.made = Counter[int](), set[int]()

    def visit(self, value: object) -> Any:
        """A value with new numbers, visited in the order of reading."""
        if not isinstance(value, Mapping):
            return with_parts(value, self.visit)
        shared = value.get(_SHARED)
        if shared in self.made:
            return dict(value)
        found = {k: self.visit(v) for k, v in value.items()}
        if shared is not None:
            self.made.add(shared)
        inner = found.get("config")
        if isinstance(inner, dict) and is_graph_config(inner):
            found["config"] = self._graph(inner)
        elif found.get("class_name") == "Sequential" and isinstance(inner, Mapping):
            self._stack(inner.get("layers", []))
        return found

    def _graph(self, config: Config) -> Config:
        ids = {layer["name"]: layer[_SHARED] for layer in config["layers"] if _SHARED in layer}
        before = {name: self.calls[shared] for name, shared in ids.items() if self.calls[shared]}
        for layer in config["layers"]:
            if _SHARED in layer:
                self.calls[layer[_SHARED]] += len(layer["inbound_nodes"])
        if not before:
            return config
        layers = [{**layer, "inbound_nodes": _moved(layer["inbound_nodes"], before)} for layer in config["layers"]]
        ends = {key: _moved(config[key], before) for key in ("input_layers", "output_layers")}
        return {**config, "layers": layers, **ends}

    def _stack(self, layers: list[Config]) -> None:
        first = layers[0] if layers else {}
        grows = first.get("class_name") == "InputLayer" or "layers" in first.get("config", {})
        for i, layer in enumerate(layers):
            if _SHARED in layer:
                self.calls[layer[_SHARED]] += len(layers) - max(i, 1) if grows else 1


def _moved(value: object, before: Mapping[str, int]) -> object:
    """Names of tensors, `["dense", 0, 0]`, with the number of earlier calls added."""
    if isinstance(value, list) and len(value) == 3 and isinstance(value[0], str) and value[0] in before:
        return [value[0], value[1] + before[value[0]], value[2]]
    return with_parts(value, lambda part: _moved(part, before))
