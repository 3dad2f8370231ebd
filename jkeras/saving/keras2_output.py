"""A config of Keras 3 in the words of Keras 2, for `.h5` files that both open.

The two read the same dialect with one exception: in a graph, Keras 2 counts the calls of an inner model from 1, and Keras 3
    from 0, whatever the file. So each call of an inner model is written twice. For calls `a b` the file holds `a a b b`, and
    number 1 is the first `a` for Keras 2 and the second for Keras 3.

An array function becomes a layer if one does the same (`x + y` is `Add`, `x / 255` is `Rescaling`), since both know those.
Others are written as TensorFlow's functions, which Keras 3 does not know, and those that TensorFlow does not have as Keras 3's
own, which only jkeras reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jkeras._base import registry
from jkeras._base.configurable import is_object_config
from jkeras._base.special_values import is_special
from jkeras._base.types import Config, Tree
from jkeras.saving.array_functions import find_operation
from jkeras.saving.function_names import activation_names
from jkeras.saving.graph_config import GRAPH_KEYS
from jkeras.saving.keras2_config import OLD_HARD_SIGMOID
from jkeras.saving.nested import with_parts
from jkeras.saving.operations_as_layers import as_layer, as_tf_function

Classes = Mapping[str, type]

KERAS2_VERSION, KERAS3_VERSION = "2.21.0", "3.15.1"
# Arguments that Keras 2 does not have, by class, with the values that ask for nothing; with these they are left out.
_FANS = {"input_axes": (None,), "output_axes": (None,)}
_LAST = {"data_format": ("channels_last",)}
_RECURRENT = ("SimpleRNN", "GRU", "LSTM", "SimpleRNNCell", "GRUCell", "LSTMCell", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")
_SEED: Mapping[str, tuple[object, ...]] = {"seed": ()}  # of any value
_NEW: Mapping[str, Mapping[str, tuple[object, ...]]] = {
    **dict.fromkeys(
        ["GlorotUniform", "GlorotNormal", "HeUniform", "HeNormal", "LecunUniform", "LecunNormal", "VarianceScaling"], _FANS
    ),
    **dict.fromkeys(
        ["RandomFlip", "RandomCrop", "RandomTranslation", "RandomRotation", "RandomZoom", "CenterCrop", "ZeroPadding1D"], _LAST
    ),
    **dict.fromkeys(_RECURRENT, _SEED),
    "InputLayer": {"optional": (False,)},
    # Their dtype is that of tokens or of indices there.
    "StringLookup": {"dtype": (), "salt": (None,)},
    "IntegerLookup": {"dtype": (), "salt": (None,), "oov_method": ("floormod",)},
    "TextVectorization": {"dtype": ()},
    "RandomContrast": {**_LAST, "value_range": ([0, 255],)},
    "RandomBrightness": _LAST,
    "Resizing": {
        **_LAST,
        "pad_to_aspect_ratio": (False,),
        "fill_mode": ("constant",),
        "fill_value": (0.0,),
        "antialias": (False,),
    },
}
_NEW_EVERYWHERE = {
    **dict.fromkeys(["quantization_config", "lora_rank", "lora_alpha", "gptq_unpacked_column_size"], (None,)),
    "use_cudnn": ("auto",),
}
# Without a module, Keras 3 takes the string in `score_mode="dot"` for the function `dot`, and only the last of several axes.
_WITH_MODULE = ("Attention", "LayerNormalization", "RMSNormalization", "UnitNormalization")
# Arguments of a Lambda that are functions in Keras 2, and those that name the functions' modules.
_LAMBDA = {"function": "module", "output_shape": "output_shape_module", "mask": "mask_module"}
# Arguments under their earlier names, which Keras 3 accepts too.
_RENAMED = {"LeakyReLU": {"negative_slope": "alpha"}, "InputLayer": {"batch_shape": "batch_input_shape"}}


def to_keras2(config: Config, classes: Mapping[str, type] | None = None) -> dict[str, object]:
    """The config of a model in Keras 2's form.

    Args:
        config: in Keras 3's form.
        classes: the user's own layer classes in it by name; for calls with several arguments by position, their names are needed.

    Returns: `{"class_name", "config", "keras_version"}`. The version is Keras 2's, except for models with Keras 3's hard
    sigmoid, which Keras 2 does not have.
    """
    written = _object(config, classes or {})
    if "hard_sigmoid" in activation_names(config):
        return {**written, "keras_version": KERAS3_VERSION}
    return {**_with_old_hard_sigmoid(written), "keras_version": KERAS2_VERSION}


def with_names_of_functions(config: object) -> Any:
    """A config in Keras 2's form with the functions of Lambdas as names, as Keras 2 reads them from `.h5`, and Keras 3 does
    not.
    """
    found = with_parts(config, with_names_of_functions)
    if isinstance(found, dict) and found.get("class_name") == "Lambda" and isinstance(found.get("config"), dict):
        functions = {k: v["config"] for k in _LAMBDA if is_object_config(v := found["config"].get(k))}
        found["config"] = {**found["config"], **functions}
    return found


def with_vocabularies(config: object, layers: Mapping[str, Any]) -> Any:
    """A config in Keras 2's form with the vocabularies that lookups have learned: `.h5` files have no other place for them.

    Args:
        config: of the model.
        layers: those with a vocabulary, by name.
    """
    found = with_parts(config, lambda part: with_vocabularies(part, layers))
    settings = found.get("config") if isinstance(found, dict) else None
    if isinstance(settings, dict) and settings.get("name") in layers and "vocabulary" in settings:
        found["config"] = {**settings, **layers[settings["name"]].vocabulary_arguments()}
    return found


def _with_old_hard_sigmoid(value: object) -> Any:
    """Keras 2's hard sigmoid under its name there."""
    return "hard_sigmoid" if value == OLD_HARD_SIGMOID else with_parts(value, _with_old_hard_sigmoid)


def _value(value: object, classes: Classes) -> object:
    if is_object_config(value):
        if value["class_name"] == "DTypePolicy":
            return value["config"]["name"]
        if value["class_name"] == "function":
            return value["config"]
        words = {"module": value.get("module"), **_object(value, classes), "registered_name": value.get("registered_name")}
        # A graph inside an argument: both find `keras.Model`, and neither finds the other's module of Functional.
        return {**words, "module": "keras", "class_name": "Model", "registered_name": None} if _is_graph(value) else words
    return dict(value) if is_special(value) else with_parts(value, lambda part: _value(part, classes))


def _is_graph(entry: Config) -> bool:
    settings = entry["config"]
    return entry["class_name"] == "Functional" and isinstance(settings, Mapping) and "output_layers" in settings


def _object(entry: Config, classes: Classes) -> dict[str, object]:
    registered = entry.get("registered_name")
    name = registered if isinstance(registered, str) and ">" in registered else entry["class_name"]
    return {"class_name": name, "config": _settings(name, entry["config"], classes)}


def _settings(name: str, settings: Any, classes: Classes) -> object:
    if not isinstance(settings, Mapping):
        return settings
    if name == "Lambda":
        return {k: v if k in _LAMBDA else _value(v, classes) for k, v in _lambda(settings).items()}
    new, names = {**_NEW_EVERYWHERE, **_NEW.get(name, {})}, _RENAMED.get(name, {})
    settings = {names.get(k, k): v for k, v in settings.items() if not _says_nothing(k, v, new)}
    if "input_layers" in settings and "output_layers" in settings:
        return _graph(settings, classes)
    if isinstance(settings.get("layers"), list) and name == "Sequential":
        rest = {k: _value(v, classes) for k, v in settings.items() if k != "layers"}
        return {**rest, "layers": [_layer(layer, classes) for layer in settings["layers"]]}
    return {k: _value(v, classes) for k, v in settings.items()}


def _lambda(settings: Config) -> dict[str, object]:
    """The arguments of a Lambda, each function as a dict, as Keras 2 reads it from JSON, with a note that it is one."""
    found = {k: v for k, v in settings.items() if not (k == "mask" and v is None)}
    for key, module in _LAMBDA.items():
        if key in found:
            found |= {f"{key}_type": "function" if is_object_config(found[key]) else "raw", module: None}
    return found


def _says_nothing(key: str, value: object, new: Mapping[str, tuple[object, ...]]) -> bool:
    if key not in new:
        return False
    return not new[key] or value in new[key]


# graphs ---------------------------------------------------------------------------------------------------------------


def _graph(settings: Config, classes: Classes) -> dict[str, object]:
    """A graph with its calls as lists: `[["dense", 0, 0, {kwargs}], ...]`."""
    inner = {entry["name"] for entry in settings["layers"] if _is_model(entry)}
    from_one = {entry["name"] for entry in settings["layers"] if entry["name"] in inner and entry["class_name"] != "Sequential"}
    return {
        **{k: _value(v, classes) for k, v in settings.items() if k not in GRAPH_KEYS},
        "layers": [_graph_entry(entry, inner, classes) for entry in settings["layers"]],
        "input_layers": settings["input_layers"],
        "output_layers": _rename(settings["output_layers"], inner, from_one),
    }


def _is_model(entry: Config) -> bool:
    settings = entry["config"]
    return isinstance(settings, Mapping) and isinstance(settings.get("layers"), list) and entry["class_name"] != "Pipeline"


def _rename(structure: Tree, inner: set[str], from_one: set[str]) -> object:
    if isinstance(structure, list) and len(structure) == 3 and isinstance(structure[0], str):
        name, call, place = structure
        return [name, _number(name, call - (name in from_one), inner), place]
    return with_parts(structure, lambda part: _rename(part, inner, from_one))


def _number(name: str, call: int, inner: set[str]) -> int:
    return 2 * call + 1 if name in inner else call


def _graph_entry(entry: Config, inner: set[str], classes: Classes) -> dict[str, object]:
    entry = {**entry, "inbound_nodes": _renumbered(entry["inbound_nodes"], inner)}
    if find_operation(entry) is not None:
        entry = as_layer(entry) or as_tf_function(entry) or entry
        if find_operation(entry) is not None:  # only Keras 3 has it, so it stays in its words
            return entry
    names = _names_of_data(entry, classes)
    calls = [_call(call, names) for call in entry["inbound_nodes"]]
    if entry["name"] in inner:
        calls = [call for call in calls for _ in range(2)]
    return {**_layer(entry, classes), "name": entry["name"], "inbound_nodes": calls}


def _layer(entry: Config, classes: Classes) -> dict[str, object]:
    where = {"module": "keras.layers", "registered_name": None} if entry["class_name"] in _WITH_MODULE else {}
    return {**where, **_object(entry, classes)}


def _renumbered(value: object, inner: set[str]) -> object:
    if isinstance(value, Mapping) and value.get("class_name") == "__keras_tensor__":
        name, call, place = value["config"]["keras_history"]
        return {**value, "config": {**value["config"], "keras_history": [name, _number(name, call, inner), place]}}
    return with_parts(value, lambda part: _renumbered(part, inner))


def _names_of_data(entry: Config, classes: Classes) -> list[str]:
    """The names of a layer's arguments after the first."""
    found = registry.built_in(entry.get("module"), entry["class_name"]) or classes.get(entry["class_name"])
    plan = getattr(found, "_plan", None)
    return [name for name in plan.names if name not in ("training", "mask")][1:] if plan is not None else []


def _call(call: Any, names: list[str]) -> object:
    """A call in Keras 2's form: the tensors of the first argument, each with all other arguments."""
    args, kwargs = call["args"], call["kwargs"]
    options = with_parts({**dict(zip(names, args[1:])), **kwargs}, _argument)

    def data(value: object) -> object:
        if isinstance(value, Mapping) and value.get("class_name") == "__keras_tensor__":
            return [*_argument(value), options]
        if isinstance(value, (list, Mapping)) and not is_special(value):
            return with_parts(value, data)
        return ["_CONSTANT_VALUE", -1, value, options]

    first = data(args[0])
    bare = len(first) == 4 and isinstance(first[0], str) if isinstance(first, list) else False
    return [first] if bare and not call.get("bare") else first


def _argument(value: object) -> Any:
    if not is_special(value):
        return with_parts(value, _argument)
    if value["class_name"] == "__keras_tensor__":
        return value["config"]["keras_history"]
    return value["config"]["value"] if value["class_name"] == "__numpy__" else value
