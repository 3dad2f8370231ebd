"""Configs of Keras 2 in the words of Keras 3; a config that speaks them already goes through as it is.
 Between Keras 2.2 and 3.15 classes moved, arguments were renamed, and some said nothing and went. This file is the list of
these changes, applied to nested dicts before anything is made of them: no class of jkeras knows the past. Nothing here calls,
imports or allocates; what is unknown stays as it is, and the reader behind says so.

An argument that a class of ours does not have and that is None, False or empty asks for nothing, and is left out. So files of
Keras versions to come stay readable as long as their new arguments are not used.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from jkeras._base import registry
from jkeras._base.configurable import constructor_signature, is_object_config
from jkeras._base.errors import FileFormatError, UnsafeFileError
from jkeras._base.special_values import is_special
from jkeras.layers.base import Layer
from jkeras.models.functional_config import GRAPH_KEYS, MAX_LAYERS
from jkeras.saving.tf_operations import array_function_entry, is_tf_operation

MAX_DEPTH = 100
MAX_OBJECTS = 20 * MAX_LAYERS

# Classes under their later names.
_CLASSES = {
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "SyncBatchNormalization": "BatchNormalization",
    "CuDNNGRU": "GRU",
    "CuDNNLSTM": "LSTM",
    "GRUV2": "GRU",
    "LSTMV2": "LSTM",
    "DenseV2": "Dense",
    "GlorotUniformV2": "GlorotUniform",
    "GlorotNormalV2": "GlorotNormal",
    "LossScaleOptimizerV1": "LossScaleOptimizer",
    "LossScaleOptimizerV3": "LossScaleOptimizer",
}
# Arguments under their later names.
_RENAMED = {
    "InputLayer": {"batch_input_shape": "batch_shape"},
    "LeakyReLU": {"alpha": "negative_slope"},
}
_PARTS = ("initializer", "regularizer", "constraint")
# Arguments that went without a successor, whatever their value.
_GONE: dict[str, tuple[str, ...]] = {
    "Embedding": ("input_length",),
    **dict.fromkeys(("DepthwiseConv1D", "DepthwiseConv2D"), ("groups",)),
    **dict.fromkeys(("SeparableConv1D", "SeparableConv2D"), ("groups", *(f"kernel_{part}" for part in _PARTS))),
    "MultiHeadAttention": ("query_shape", "key_shape", "value_shape", "softmax_robust_masking"),
    "BatchNormalization": ("fused", "virtual_batch_size", "adjustment"),
    "Lambda": ("module", "function_type", "output_shape_type", "output_shape_module"),
}
# What a class meant before it had the argument.
_BEFORE: dict[str, dict[str, Any]] = {
    "GRU": {"reset_after": False},
    "GRUCell": {"reset_after": False},
    "CuDNNGRU": {"reset_after": True},
}
# Arguments that mean nothing to a class that lacks them: the dtype of initializers, the function of a loss with a class.
_OF_OTHERS = ("dtype", "fn")
_ALSO_TAKEN = {"implementation", "zero_output_for_mask"}
_RECURRENT = ["RNN", "SimpleRNN", "GRU", "LSTM"]
OLD_HARD_SIGMOID = "hard_sigmoid_keras2"


def to_keras3(config: Any, version: str | None = None) -> Any:
    """A config of any version from 2.2 on in the words of Keras 3.

    Args:
        config: of a model, a layer, or any nested structure of them.
        version: of the Keras that wrote it; by default read off the config itself.

    Returns:
        New dicts and lists.

    Raises:
        UnsafeFileError: it is nested without bound, or has too many objects.
        FileFormatError: it asks for what no later Keras can do.

    Example:
        >>> old = {"class_name": "LeakyReLU", "config": {"name": "leak", "trainable": True, "alpha": 0.25}}
        >>> to_keras3(old)["config"]["negative_slope"]
        0.25
    """
    version = version or _version_in(config)
    is_keras2 = version.startswith(("1", "2")) if version else not _speaks_keras3(config)
    return _Translation(is_keras2).value(config, "", 0)


def _version_in(config: Any) -> str | None:
    version = config.get("keras_version") if isinstance(config, Mapping) else None
    return version if isinstance(version, str) else None


def _speaks_keras3(config: Any, depth: int = 0) -> bool:
    """Whether a config has words that Keras 2 did not know: policies as dtypes, `batch_shape`, tensors with a history."""
    if depth > MAX_DEPTH:
        return False
    if isinstance(config, Mapping):
        if config.get("class_name") in ("DTypePolicy", "__keras_tensor__") or "batch_shape" in config:
            return True
        return any(_speaks_keras3(value, depth + 1) for value in config.values())
    return isinstance(config, (list, tuple)) and any(_speaks_keras3(value, depth + 1) for value in config)


class _Translation:
    """One walk over a config."""

    def __init__(self, is_keras2: bool):
        self.is_keras2 = is_keras2
        self.objects = 0

    def value(self, value: Any, key: str, depth: int) -> Any:
        """The translation of a value that stands under a key."""
        if depth > MAX_DEPTH:
            raise UnsafeFileError(f"A config nested deeper than {MAX_DEPTH} levels.")
        if isinstance(value, (list, tuple)):
            return [self.value(v, key, depth + 1) for v in value]
        if is_object_config(value):
            return self.object(value, key, depth)
        if isinstance(value, Mapping):
            if is_special(value):
                return dict(value)
            return {k: self.value(v, str(k), depth + 1) for k, v in value.items()}
        if self.is_keras2 and value == "hard_sigmoid" and key.endswith("activation"):
            return OLD_HARD_SIGMOID
        return value

    def object(self, entry: Mapping[str, Any], key: str, depth: int) -> Any:
        """The translation of the config of an object."""
        self.objects += 1
        if self.objects > MAX_OBJECTS:
            raise UnsafeFileError(f"A config of more than {MAX_OBJECTS:,} objects.")
        if entry["class_name"] in ("Policy", "PolicyV1") and isinstance(entry["config"], Mapping):
            name = entry["config"].get("name")
            return None if name in ("_infer", "infer") else name
        if is_tf_operation(entry):
            entry = array_function_entry(entry)
        words = {k: v for k, v in entry.items() if k not in ("config", "keras_version", "backend")}
        name = words["class_name"]
        settings = self.settings(name, entry["config"], words.get("module"), depth)
        if name in _CLASSES and registry.get_registered_object(name) is None:
            words["class_name"] = _CLASSES[name]
        if name == "Model" and _is_graph(settings):
            words |= {"class_name": "Functional", "module": "keras.models", "registered_name": None}
        return {**words, "config": settings}

    def settings(self, name: Any, settings: Any, module: Any, depth: int) -> Any:
        """The translation of an object's own config."""
        if name == "Sequential" and isinstance(settings, list):
            settings = {"layers": settings}
        if not isinstance(settings, Mapping) or not isinstance(name, str):
            return settings
        if _is_graph(settings):
            settings = {**settings, "layers": _without_input_shapes(settings["layers"])}
        before = _BEFORE.get(name, {}) if self.is_keras2 and "units" in settings else {}
        name = _CLASSES.get(name, name)
        settings = {_RENAMED.get(name, {}).get(k, k): v for k, v in settings.items()}
        settings = {**before, **{k: self.value(v, k, depth + 1) for k, v in settings.items() if k not in _GONE.get(name, ())}}
        if name == "BatchNormalization" and isinstance(settings.get("axis"), list) and len(settings["axis"]) == 1:
            settings["axis"] = settings["axis"][0]
        if name in _RECURRENT and settings.get("time_major"):
            raise FileFormatError(f"{name} with time_major=True: no later Keras has it. Put a Permute((2, 1)) before the layer.")
        if settings.get("reduction") == "auto":
            settings["reduction"] = "sum_over_batch_size"
        return _without_neutral(name, module, settings)


def _is_graph(settings: Any) -> bool:
    return isinstance(settings, Mapping) and all(key in settings for key in GRAPH_KEYS)


def _without_input_shapes(layers: Any) -> Any:
    """The layers of a graph without `batch_input_shape`, which is said by the graph, and wrongly by some layers."""

    def clean(entry: Any) -> Any:
        if not is_object_config(entry) or entry["class_name"] == "InputLayer" or not isinstance(entry["config"], Mapping):
            return entry
        return {**entry, "config": {k: v for k, v in entry["config"].items() if k != "batch_input_shape"}}

    return [clean(entry) for entry in layers] if isinstance(layers, list) else layers


def _without_neutral(name: str, module: Any, settings: dict[str, Any]) -> dict[str, Any]:
    """The arguments without those that a class does not have and that ask for nothing."""
    known = _arguments_of(name, module)
    if known is None:
        return settings
    kept = {}
    for key, value in settings.items():
        neutral = value is None or value is False or value in ([], {}) or (key == "groups" and value == 1) or key in _OF_OTHERS
        if key in known or not neutral:
            kept[key] = value
    return kept


def _arguments_of(name: str, module: Any) -> set[str] | None:
    """What the constructor of a class of the table takes; None where the class is the user's, or takes anything."""
    if registry.get_registered_object(name) is not None:
        return None
    found = registry.built_in(module if isinstance(module, str) else None, name)
    if found is None or not inspect.isclass(found):
        return None
    names = set(constructor_signature(found).parameters)
    if issubclass(found, Layer):
        return names | set(constructor_signature(Layer).parameters) | _ALSO_TAKEN | {"batch_input_shape", "layers", *GRAPH_KEYS}
    kinds = {p.kind for p in constructor_signature(found).parameters.values()}
    return None if inspect.Parameter.VAR_KEYWORD in kinds else names
