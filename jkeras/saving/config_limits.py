"""How large a config may be, counted before anything is made of it, since making thousands of layers takes a while.

The largest of Keras' own applications have about a thousand layers. A file may have ten times as many; and if many of its layers
hold weights, as many must be stored.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping

from jkeras._base import registry
from jkeras._base.errors import UnsafeFileError
from jkeras.layer.base import Layer
from jkeras.saving.graph_config import MAX_LAYERS
from jkeras.saving.nested import containers, parts

MAX_CALLS = 10_000
MAX_TENSORS = 20_000
MAX_SIZES = 1_000
MAX_PARTS, MAX_VALUES = 2_000, 200_000
# How many more layers with weights a config may name than are stored, for those that were never built.
_UNBUILT = 500
_KINDS = ("LSTM", "GRU", "SimpleRNN", "Dense", "Embedding", "BatchNormalization", "Conv", "SeparableConv", "DepthwiseConv")
_SIZES = ("shape", "dims", "axis", "axes", "size", "strides", "rate", "padding", "cropping")  # of a few axes
_NO_LAYERS = ("function", "Policy", "PolicyV1")  # beside what the library knows, and special values


def check_config_size(config: object) -> None:
    """Raise UnsafeFileError for a config, of a model or a part of one, with more layers or calls of layers than any model has."""
    layers = listed = calls = tensors = 0
    for value in containers(config):
        if isinstance(value, Mapping):
            name = value.get("class_name")
            if name == "__keras_tensor__":
                tensors += 1
            elif isinstance(name, str) and "config" in value and _may_be_layer(name):
                layers += 1
            entries, nodes = value.get("layers"), value.get("inbound_nodes")
            listed += len(entries) if isinstance(entries, list) else 0
            if isinstance(nodes, list):
                calls += len(nodes)
                tensors += sum(len(node) for node in nodes if isinstance(node, list))
            for key, part in value.items():
                if len(parts(part)) > MAX_SIZES and str(key).rpartition("_")[2] in _SIZES:
                    raise UnsafeFileError(f"The config has {len(part):,} numbers as {key!r}; no array has as many axes.")
        if layers > MAX_LAYERS or listed > MAX_LAYERS:
            raise UnsafeFileError(f"The config has more than {MAX_LAYERS:,} layers; no model has as many.")
        if calls > MAX_CALLS:
            raise UnsafeFileError(f"The layers of the config are called more than {MAX_CALLS:,} times; no model does that.")
        if tensors > MAX_TENSORS:
            raise UnsafeFileError(f"The calls in the config take more than {MAX_TENSORS:,} tensors; no model does that.")


def check_compile_size(config: object) -> None:
    """Raise UnsafeFileError for a config of `compile` with more losses, metrics and other parts than any model has."""
    named = values = 0
    for value in containers(config):
        named += "class_name" in value if isinstance(value, Mapping) else sum(isinstance(part, str) for part in value)
        values += len(value)
        if values > MAX_VALUES:
            raise UnsafeFileError(f"compile has more than {MAX_VALUES:,} values; no model has as many.")
        if named > MAX_PARTS:
            raise UnsafeFileError(f"compile has more than {MAX_PARTS:,} losses, metrics and other parts; no model has as many.")


def check_stored(config: object, stored: Callable[[], int]) -> None:
    """Refuse a config of many layers with weights that are not in the file.

    Args:
        config: of a model.
        stored: counts the layers that the file has weights for; called only if there are many.

    Raises:
        UnsafeFileError: it has hundreds more than that.
    """
    check_config_size(config)
    names: set[object] = set()
    for value in containers(config):
        inner = value.get("config") if isinstance(value, Mapping) else None
        if isinstance(inner, Mapping) and str(value.get("class_name")).startswith(_KINDS):
            name = inner.get("name")
            names.add(name if isinstance(name, str) else len(names))
    if len(names) > _UNBUILT and len(names) > (found := stored()) + _UNBUILT:
        raise UnsafeFileError(f"The config has {len(names):,} layers that hold weights; the file has weights of {found:,}.")


@functools.lru_cache(4096)
def _may_be_layer(class_name: str) -> bool:
    """Whether a class may be a layer: one of the library's, or one that the library does not know."""
    if class_name in _NO_LAYERS or class_name.startswith("__"):
        return False
    found = registry.built_in(None, class_name)
    return found is None or not inspect.isclass(found) or issubclass(found, Layer)
