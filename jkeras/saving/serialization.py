"""Objects and models as configs, and back: the public face.

A config of Keras 3 names a class and holds the arguments of its constructor; `_base/configurable.py` writes and reads it. Here
are Keras' names for that, and what a whole model adds: its graph, what it was built for, how it was compiled, in the words of
Keras 3 (`.keras`, JSON) or Keras 2 (`.h5`). Reading accepts all of them.

Reading is safe by construction: a class comes from the table of Keras paths, from the user's registrations or from
`custom_objects`; a function, by its name, from the same places. No code here imports a module that a file names, runs bytecode or
opens a file, in either `safe_mode`.
"""

from __future__ import annotations

import inspect
import json
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from jkeras._base import configurable, registry
from jkeras._base.config import settings
from jkeras._base.configurable import in_todays_words, is_object_config, sharing, translated
from jkeras._base.errors import FileFormatError, UnknownObjectError, WrongTypeError, describe, unknown_name
from jkeras._base.safe_mode import safe_mode_scope
from jkeras._base.special_values import encode, is_special
from jkeras._base.types import Config, CustomObjects
from jkeras._safe_io.json import read_json
from jkeras.layer.base import Layer
from jkeras.layers.headed_attention import HeadedAttention
from jkeras.saving.compile_config import compile_config, compile_model
from jkeras.saving.config_limits import check_compile_size
from jkeras.saving.keras2_compile import long_names, plain_objects, plain_optimizer
from jkeras.saving.keras2_config import to_keras3
from jkeras.saving.keras2_output import KERAS3_VERSION, to_keras2
from jkeras.saving.model_classes import Model, is_stored_whole, model_class

_NOT_COMPILED = """{where}: the model is loaded, but not compiled. {error} Call model.compile(optimizer=..., loss=...), or load it
again with custom_objects."""


def serialize_keras_object(obj: object) -> Any:
    """A JSON-ready form of an object: a layer or anything with `get_config`, a function, an array, a nested structure.

    Args:
        obj: to serialize.

    Returns:
        `{"module", "class_name", "config", "registered_name"}` for objects, names for functions, plain values as they are.

    Raises:
        TypeError: it has no such form.

    Example:
        >>> from jkeras.initializers import Constant
        >>> serialize_keras_object(Constant(2.0))["config"]
        {'value': 2.0}
    """
    if isinstance(obj, Layer):
        return configurable.full_config(obj)
    if isinstance(obj, (list, tuple)):
        return [serialize_keras_object(value) for value in obj]
    if isinstance(obj, Mapping) and not hasattr(obj, "get_config"):
        return {key: serialize_keras_object(value) for key, value in obj.items()}
    if isinstance(obj, jax.Array):
        return {**encode(np.asarray(obj)), "class_name": "__tensor__"}
    return encode(obj) if isinstance(obj, np.ndarray) and obj.ndim else configurable.serialize(obj)


def deserialize_keras_object(
    config: object,
    custom_objects: CustomObjects = None,
    safe_mode: bool = True,
    module_objects: CustomObjects = None,
    printable_module_name: str = "object",
) -> Any:
    """The object from what `serialize_keras_object` returned, or Keras of any version.

    Args:
        config: what it returned.
        custom_objects: your own classes and functions by name.
        safe_mode: what `in_safe_mode` tells constructors of your own classes meanwhile; nothing unsafe can be turned on.
        module_objects: a family of classes and functions by name; then `config` may be one of the names, and a class is called.
        printable_module_name: what messages call that family.

    Raises:
        ValueError: a name that is not in `module_objects`.
        UnsafeFileError: the config asks for bytecode, or for something that is not part of a model.
        FileFormatError: it is malformed, or names something unknown.

    Example:
        >>> deserialize_keras_object({"module": "keras.layers", "class_name": "Dense", "config": {"units": 3}}).units
        3
    """
    if module_objects is not None:
        if isinstance(config, str):
            with safe_mode_scope(safe_mode), registry.custom_object_scope(custom_objects):
                return _named(config, module_objects, printable_module_name)
        custom_objects = {**module_objects, **(custom_objects or {})}
    if type(config) in (list, dict) and not is_object_config(config) and not is_special(config):
        return _deserialized_one_by_one(config, custom_objects, safe_mode)
    with safe_mode_scope(safe_mode), registry.custom_object_scope(custom_objects):
        made = configurable.deserialize(config, custom_objects)
        if is_object_config(config) and isinstance(config.get("build_config"), Mapping) and hasattr(made, "build_from_config"):
            made.build_from_config(config["build_config"])
        return made


def _deserialized_one_by_one(config: Any, custom_objects: CustomObjects, safe_mode: bool) -> Any:
    """The objects of the configs in a list or a dict.

    Each is read by the public function, as Keras' own recurses: a package that replaces it for a while, to read values of its
    own in configs, counts on being asked for each.
    """
    with registry.custom_object_scope(custom_objects), in_todays_words(config) as todays:
        options: dict[str, Any] = {"custom_objects": custom_objects, "safe_mode": safe_mode}
        if isinstance(todays, list):
            return [deserialize_keras_object(value, **options) for value in todays]
        return {key: deserialize_keras_object(value, **options) for key, value in todays.items()}


def _named(name: str, family: Mapping[str, Any], kind: str) -> Any:
    """The function of a name, or an object of the class of that name."""
    found: Any = registry.get_registered_object(name, module_objects=family)
    if found is None:
        raise unknown_name(kind, name, family)
    return found() if inspect.isclass(found) else found


def model_config(model: Model) -> dict[str, object]:
    """The config of a whole model in Keras 3's form, with `build_config` and `compile_config`."""
    with sharing():
        config = configurable.full_config(model)
    return configurable.without_single_ids(config, configurable.shared_ids(config, Counter()))


def model_config_keras2(model: Model) -> dict[str, object]:
    """The config of a whole model for `.h5`: in Keras 2's form, which tf_keras opens, and Keras 3 as far as it opens any.

    Attention layers cannot be written for both: tf_keras wants shapes that Keras 3 refuses, and Keras 3 accepts no second
        tensor in a call in Keras 2's form. Models that hold one are written as Keras 3 itself writes its `.h5`.
    """
    config = configurable.full_config(model)
    layers = model._flatten_layers()
    if any(isinstance(layer, HeadedAttention) for layer in layers):
        return {"class_name": config["class_name"], "config": config["config"]}
    return to_keras2(config, {type(layer).__name__: type(layer) for layer in layers})


def model_from_config(config: Config, custom_objects: CustomObjects = None, version: Any = None) -> Model:
    """The model of a config of any Keras from 2.2 to 3.15, built where its shapes are known, its weights not drawn.

    Args:
        config: a dict with `class_name` and `config`.
        custom_objects: your own classes and functions by name.
        version: of the Keras that wrote it, according to the file; the config's own words count more.

    Returns:
        A `Model`, not compiled.

    Raises:
        UnsafeFileError: the config asks for what no file may ask for.
        FileFormatError: it is malformed, names something unknown, or does not make a model.

    Example:
        >>> dense = {"class_name": "Dense", "config": {"name": "dense", "units": 2, "batch_input_shape": [None, 4]}}
        >>> model_from_config({"class_name": "Sequential", "config": {"name": "old", "layers": [dense]}}).count_params()
        10
    """
    if not is_object_config(config):
        raise FileFormatError(f"The config of a model is a dict with 'class_name' and 'config'. Found: {describe(config)}.")
    try:
        with registry.custom_object_scope(custom_objects), sharing(), translated():
            plain = {k: v for k, v in config.items() if k not in ("build_config", "compile_config")}
            model = configurable.deserialize(to_keras3(plain, version), custom_objects)
            if not is_stored_whole(model):
                raise FileFormatError(f"The config is of {describe(model)}, which is not a model.")
            _build(model, config.get("build_config"))
    except FileFormatError:
        raise
    except Exception as error:  # whatever a constructor raises for arguments that are not its own
        kind = WrongTypeError if isinstance(error, TypeError) else FileFormatError
        raise kind(f"No model can be made of the config: {type(error).__name__}: {str(error)[:1000]}") from error
    return model


def _build(model: Model, build_config: object) -> None:
    """Make the weights' descriptions of a model without a graph. If the shapes do not suffice, the first data will."""
    is_empty = isinstance(model, model_class("Sequential")) and not model.layers
    if isinstance(build_config, Mapping) and not model.built and not is_empty:
        model.build_from_config(build_config)


def compile_from_config(model: Model, config: Config | None, custom_objects: CustomObjects = None) -> None:
    """Compile a model as a `compile_config` of Keras 3 or tf_keras says; not at all if that is None or empty. A class of yours
    that overrides `compile_from_config` does it by that.

    Raises:
        FileFormatError: it is malformed, or names something unknown.
    """
    check_compile_size(config)
    try:
        with registry.custom_object_scope(custom_objects), translated():
            own = next(c for c in type(model).__mro__ if "compile_from_config" in vars(c))
            if config and not configurable.is_library(own):
                model.compile_from_config(config)
            else:
                compile_model(model, to_keras3(config))
    except FileFormatError:
        raise
    except Exception as error:
        raise UnknownObjectError(
            f"The model cannot be compiled as the file says: {error} Load it with compile=False and call compile()."
        ) from error


def compile_if_known(compile: Callable[..., None], model: Model, config: object, custom_objects: object, where: str) -> None:
    """Compile a model as a file says; not at all, with a warning, if the file names something unknown.

    Args:
        compile: `compile_from_config` or `compile_from_training_config`.
        model, config, custom_objects: its arguments.
        where: the place in the file, for the message.

    Raises:
        FileFormatError: the config is malformed.
    """
    try:
        compile(model, config, custom_objects)
    except UnknownObjectError as error:
        model._trainer.uncompile()
        warnings.warn(_NOT_COMPILED.format(where=where, error=error), stacklevel=4)


def training_config_keras2(model: Model) -> dict[str, object] | None:
    """The arguments of `compile` as the attribute `training_config` of an `.h5` file holds them; None if it was not called."""
    config = compile_config(model)
    if config is None:
        return None
    optimizer = config.pop("optimizer")
    if not is_object_config(optimizer):
        return None
    plain = {k: plain_objects(v) for k, v in config.items() if k not in ("run_eagerly", "steps_per_execution", "jit_compile")}
    plain["loss"] = long_names(plain.get("loss"))
    # The plain name: Keras 3 does not open `Custom>Adam`, as tf_keras writes it. For tf_keras the plain one is its legacy Adam,
    # which opens and starts with a fresh state (it says so), because its arrays have another order.
    name = optimizer.get("registered_name") or optimizer["class_name"]
    arguments = plain_optimizer(optimizer["config"])
    return {**plain, "optimizer_config": {"class_name": name, "config": arguments}}


def compile_from_training_config(model: Model, config: Config | None, custom_objects: CustomObjects = None) -> None:
    """Compile a model as the `training_config` of an `.h5` file says; not at all if that is None or empty.

    Raises:
        FileFormatError: it is malformed, or names something unknown.
    """
    if config is not None and not isinstance(config, Mapping):
        raise FileFormatError(f"A training config is a dict. Found: {describe(config)}.")
    if not config:
        return
    rest = {k: v for k, v in config.items() if k not in ("optimizer_config", "sample_weight_mode")}
    compile_from_config(model, {**rest, "optimizer": config.get("optimizer_config", "rmsprop")}, custom_objects)


def to_json(model: Model, **kwargs: Any) -> str:
    """The config of a model as text; under `jkeras.compat` with the keys of Keras 2, which scripts written for it look for.

    Args:
        model: to describe.
        kwargs: of `json.dumps`.
    """
    if settings.keras2_files:
        return to_keras2_json(model, **kwargs)
    return json.dumps({**model_config(model), "keras_version": KERAS3_VERSION, "backend": "jax"}, **kwargs)


def to_keras2_json(model: Model, **kwargs: Any) -> str:
    """The config of a model as text, with the keys of Keras 2.

    Example:
        >>> import jkeras
        >>> model = jkeras.Sequential([jkeras.Input((4,)), jkeras.layers.Dense(2)])
        >>> json.loads(to_keras2_json(model))["config"]["layers"][0]["config"]["batch_input_shape"]
        [None, 4]
    """
    return json.dumps({"keras_version": KERAS3_VERSION, **model_config_keras2(model), "backend": "tensorflow"}, **kwargs)


def model_from_json(json_string: str | bytes, custom_objects: CustomObjects = None) -> Model:
    """The model of a JSON text, as `to_json` of any Keras from 2.2 to 3.15 writes it.

    Args:
        json_string: the text.
        custom_objects: your own classes and functions by name.

    Returns:
        A `Model` without trained weights, compiled if the text says how.

    Raises:
        FileFormatError: it is not JSON, or does not make a model.
    """
    config = read_json(json_string, where="the JSON of a model")
    model = model_from_config(config, custom_objects)
    compile_if_known(compile_from_config, model, config.get("compile_config"), custom_objects, "the JSON of a model")
    return model
