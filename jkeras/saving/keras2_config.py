"""Configs of Keras 2 in the words of Keras 3; a config that uses those already passes through unchanged.

Between Keras 2.2 and 3.15 classes moved, arguments were renamed, and some that meant nothing were removed. This file lists
these changes and applies them to nested dicts before anything is made of them: no class of jkeras knows the past. Nothing here
    calls, imports or allocates; what is unknown stays as it is, and the reader reports it.

An argument that a class does not have and that is None, False or empty asks for nothing, and is left out. So files of future
versions of Keras stay readable as long as their new arguments are not used.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping
from typing import Any

from jkeras._base import registry
from jkeras._base.configurable import accepted_arguments, constructor_signature, is_object_config, translate_with
from jkeras._base.errors import FileFormatError, UnsafeFileError
from jkeras._base.special_values import is_special
from jkeras._base.types import Config
from jkeras.layer.base import Layer
from jkeras.saving.config_limits import check_config_size
from jkeras.saving.graph_config import GRAPH_KEYS, MAX_LAYERS, is_graph_config
from jkeras.saving.nested import containers
from jkeras.saving.tf_operations import array_function_entry, is_tf_operation

MAX_DEPTH = 100
MAX_OBJECTS = 20 * MAX_LAYERS

# Classes under their later names.
_CLASSES = {
    **{f"{name}V1": name for name in ("BatchNormalization", "LossScaleOptimizer")},
    **{f"{name}V2": name for name in ("BatchNormalization", "Dense", "GRU", "LSTM", "GlorotNormal", "GlorotUniform")},
    "LossScaleOptimizerV3": "LossScaleOptimizer",
    "SyncBatchNormalization": "BatchNormalization",
    "CuDNNGRU": "GRU",
    "CuDNNLSTM": "LSTM",
    "GroupedQueryAttention": "GroupQueryAttention",  # in `.h5`, of Keras 3
}
# Arguments under their later names.
_RENAMED = {
    "InputLayer": {"batch_input_shape": "batch_shape"},
    "LeakyReLU": {"alpha": "negative_slope"},
}
_PARTS = ("initializer", "regularizer", "constraint")
_MOVING = ("Crop", "Flip", "Height", "Rotation", "Translation", "Width", "Zoom")
# Arguments that were removed, whatever their value.
_GONE: dict[str, tuple[str, ...]] = {
    "Embedding": ("input_length",),
    **dict.fromkeys(("DepthwiseConv1D", "DepthwiseConv2D"), ("groups",)),
    **dict.fromkeys((f"Random{name}" for name in ("Brightness", "Contrast", *_MOVING)), ("rng_type",)),
    **dict.fromkeys(("SeparableConv1D", "SeparableConv2D"), ("groups", *(f"kernel_{part}" for part in _PARTS))),
    "MultiHeadAttention": ("query_shape", "key_shape", "value_shape", "softmax_robust_masking"),
    "BatchNormalization": ("fused", "virtual_batch_size", "adjustment"),
    "Lambda": ("module", "function_type", "output_shape_type", "output_shape_module", "mask_type", "mask_module"),
}
# What a class did before it had the argument.
_BEFORE: dict[str, dict[str, object]] = {
    "GRU": {"reset_after": False},
    "GRUCell": {"reset_after": False},
    "CuDNNGRU": {"reset_after": True},
}
# Arguments that mean nothing to a class that lacks them: the dtype of initializers, the function of a loss with a class.
_OF_OTHERS = ("dtype", "fn")
# What Keras 2 and 3 write for classes that have no such argument here. If it asks for nothing, it is left out of the config of a
# user's class too, which has it from `super().get_config()`.
_LEFT_OVER = {
    *("time_major", "groups", "noise_shape", "renorm", "renorm_clipping", "synchronized", "sparse", "ragged", "optional", "seed"),
    *("rms_scaling", "data_format", "quantization_config", "lora_rank", "lora_alpha"),
}
_OF_ALL = {"name", "trainable", "dtype"}  # set on the object if a constructor does not take them
_ALSO_TAKEN = {"has_input_vocabulary", "implementation", "zero_output_for_mask"}
_RECURRENT = ["RNN", "SimpleRNN", "GRU", "LSTM"]
OLD_HARD_SIGMOID = "hard_sigmoid_keras2"


def to_keras3(config: object, version: str | None = None, cls: type | None = None) -> Any:
    """A config of any version from 2.2 on in the words of Keras 3.

    Args:
        config: of a model, a layer, or any nested structure of them.
        version: of the Keras that wrote it, if the config itself does not say.
        cls: its class, if it holds the arguments of one.

    Returns:
        New dicts and lists.

    Raises:
        UnsafeFileError: it is nested without bound, or has too many layers, calls or other objects.
        FileFormatError: it asks for what no later Keras can do.

    Example:
        >>> old = {"class_name": "LeakyReLU", "config": {"name": "leak", "trainable": True, "alpha": 0.25}}
        >>> to_keras3(old)["config"]["negative_slope"]
        0.25
    """
    check_config_size(config)
    known = _version_in(config) or ("3" if _speaks_keras3(config) else version if isinstance(version, str) else "2")
    translation = _Translation(known.startswith(("1", "2")))
    if cls is None:
        return translation.value(config, 0)
    return translation.settings(cls.__name__, config, getattr(cls, "__module__", None), 0, cls)


def _in_todays_words(config: object, cls: type | None) -> object:
    """How `from_config` and `deserialize` read the config they are given."""
    return to_keras3(config, "2" if _speaks_keras2(config) else "3", cls)


translate_with(_in_todays_words)


def _version_in(config: object) -> str | None:
    version = config.get("keras_version") if isinstance(config, Mapping) else None
    return version if isinstance(version, str) else None


def _speaks_keras3(config: object) -> bool:
    """Whether a config has words that Keras 2 does not know: policies as dtypes, `batch_shape`, tensors with a history."""

    def says(part: Config) -> bool:
        if part.get("class_name") == "InputLayer":
            return isinstance(part.get("config"), Mapping) and "batch_shape" in part["config"]
        return part.get("class_name") in ("DTypePolicy", "__keras_tensor__")

    return any(isinstance(part, Mapping) and says(part) for part in containers(config))


def _speaks_keras2(config: object) -> bool:
    """Whether a config has words that Keras 3 does not know, or writes a dtype beside a name, which Keras 3 does not."""

    def says(part: Config) -> bool:
        if "batch_input_shape" in part or "time_major" in part:
            return True
        return isinstance(part.get("dtype"), str) and "name" in part and "trainable" in part

    return not _speaks_keras3(config) and any(isinstance(part, Mapping) and says(part) for part in containers(config))


class _Translation:
    """One walk over a config."""

    def __init__(self, is_keras2: bool):
        self.old_hard_sigmoid = is_keras2 and registry.get_registered_object("hard_sigmoid") is None
        self.is_keras2 = is_keras2
        self.objects = 0

    def value(self, value: Any, depth: int, activation: bool = False) -> Any:
        """The translation of a value; `activation` says whether a string there is the name of an activation."""
        if depth > MAX_DEPTH:
            raise UnsafeFileError(f"A config nested deeper than {MAX_DEPTH} levels.")
        if type(value) in (list, tuple):
            return type(value)(self.value(v, depth + 1, activation) for v in value)
        if is_object_config(value):
            return self.object(value, depth)
        if isinstance(value, Mapping):
            if is_special(value):
                return dict(value)
            return {k: self.value(v, depth + 1, activation or _is_activation(k)) for k, v in value.items()}
        return OLD_HARD_SIGMOID if activation and self.old_hard_sigmoid and value == "hard_sigmoid" else value

    def object(self, entry: Config, depth: int) -> Any:
        """The translation of the config of an object."""
        self.objects += 1
        if self.objects > MAX_OBJECTS:
            raise UnsafeFileError(f"A config of more than {MAX_OBJECTS:,} objects.")
        if entry["class_name"] in ("Policy", "PolicyV1") and isinstance(entry["config"], Mapping):
            name = entry["config"].get("name")
            return None if name in ("_infer", "infer") else name
        if entry["class_name"] == "function":
            return {**entry, "config": self.value(entry["config"], depth + 1, activation=True)}
        if is_tf_operation(entry):
            entry = array_function_entry(entry)
        words = {k: v for k, v in entry.items() if k not in ("config", "keras_version", "backend")}
        name, own = words["class_name"], _own_class(words)
        settings = self.settings(name, entry["config"], words.get("module"), depth, own)
        if name in _CLASSES and own is None:
            words["class_name"] = _CLASSES[name]
        if name == "Model" and own is None and is_graph_config(settings):
            words |= {"class_name": "Functional", "module": "keras.models", "registered_name": None}
        return {**words, "config": settings}

    def settings(self, name: Any, settings: Any, module: Any, depth: int, cls: type | None = None) -> Any:
        """The translation of an object's own config.

        Args:
            name: of its class.
            settings: the config.
            module: of the class.
            depth: how deep it is nested.
            cls: the class, if it is known; a user's own class is treated like the library's class that it extends.
        """
        if name == "Sequential" and isinstance(settings, list):
            settings = {"name": None, "layers": settings}
        if not isinstance(settings, Mapping) or not isinstance(name, str):
            return settings
        if is_graph_config(settings):
            settings = {**settings, "layers": _without_input_shapes(settings["layers"])}
        library, own = _lineage(cls)
        name = library.__name__ if library is not None else name
        before = _BEFORE.get(name, {}) if self.is_keras2 and "units" in settings else {}
        name = _CLASSES.get(name, name)
        renamed = {old: new for old, new in _RENAMED.get(name, {}).items() if old not in own}
        gone = set(_GONE.get(name, ())) - own
        settings = {renamed.get(k, k): v for k, v in settings.items() if k not in gone}
        users = cls is not None and library is not cls
        settings = {
            **before,
            **{k: self.value(v, depth + 1, k != "name" if users else _is_activation(k)) for k, v in settings.items()},
        }
        if name == "BatchNormalization" and isinstance(settings.get("axis"), list) and len(settings["axis"]) == 1:
            settings["axis"] = settings["axis"][0]
        if name in _RECURRENT and settings.get("time_major"):
            raise FileFormatError(f"{name} with time_major=True: no later Keras has it. Put a Permute((2, 1)) before the layer.")
        if settings.get("reduction") == "auto":
            settings["reduction"] = "sum_over_batch_size"
        if cls is None or not users:
            found = cls or registry.built_in(module if isinstance(module, str) else None, name)
            return _without_neutral(settings, _arguments_of(found))
        accepted = accepted_arguments(cls)
        if accepted is not None:
            return _without_neutral(settings, accepted | _OF_ALL)
        known = own if library is None else own | (_arguments_of(library) or set())
        return _without_neutral(settings, known | (settings.keys() - _LEFT_OVER))


def _is_activation(key: object) -> bool:
    return str(key).endswith(("activation", "activations"))


def _own_class(words: Config) -> type | None:
    """The user's class that an object's config names; None if it names one of the library's, or an unknown one."""
    for word in (words.get("registered_name"), words["class_name"]):
        found = registry.get_registered_object(word) if isinstance(word, str) else None
        if inspect.isclass(found):
            return found
    return None


def _lineage(cls: type | None) -> tuple[type | None, set[str]]:
    """The library's class that a class is or extends, and the arguments that the user's classes on the way there name."""
    names: set[str] = set()
    for base in cls.__mro__ if cls is not None else ():
        if registry.path_of(base) is not None:
            return base, names
        if "__init__" in vars(base):
            named = constructor_signature(base).parameters.values()
            names |= {p.name for p in named if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
    return None, names


def _without_input_shapes(layers: object) -> object:
    """The layers of a graph without `batch_input_shape`, which the graph says, and some layers say wrongly."""

    def clean(entry: object) -> object:
        if not is_object_config(entry) or entry["class_name"] == "InputLayer" or not isinstance(entry["config"], Mapping):
            return entry
        return {**entry, "config": {k: v for k, v in entry["config"].items() if k != "batch_input_shape"}}

    return [clean(entry) for entry in layers] if isinstance(layers, list) else layers


def _without_neutral(settings: dict[str, object], known: Collection[str] | None) -> dict[str, object]:
    """The arguments, except those that a class does not have and that ask for nothing."""
    if known is None:
        return settings
    return {key: value for key, value in settings.items() if key in known or not _asks_for_nothing(key, value)}


def _asks_for_nothing(key: str, value: object) -> bool:
    if value is None or value is False or value in ([], {}) or key in _OF_OTHERS:
        return True
    return (key, value) in (("groups", 1), ("data_format", "channels_last"))


def _arguments_of(found: object) -> set[str] | None:
    """The arguments of the constructor of a library class; None if it takes anything, or is not a class."""
    if not inspect.isclass(found):
        return None
    if not issubclass(found, Layer):
        return accepted_arguments(found)
    names = {*constructor_signature(found).parameters, *constructor_signature(Layer).parameters}
    return names | _ALSO_TAKEN | {"batch_input_shape", "layers", *GRAPH_KEYS}
