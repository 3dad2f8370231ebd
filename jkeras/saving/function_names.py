"""A file stores functions by name. Before writing, check that a reader will find the same function under that name.

Two kinds of names mislead. Keras 2 and Keras 3 have different functions called `hard_sigmoid`, and each reads its own, so no file
can please both. And if a function of the user's own has the name of one of Keras', the reader takes Keras'.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator, Mapping

from jkeras._base import registry
from jkeras._base.configurable import init_arguments
from jkeras.layers.lambda_layer import Lambda
from jkeras.saving.keras2_config import OLD_HARD_SIGMOID
from jkeras.saving.model_classes import Model
from jkeras.saving.nested import containers, parts

_TODAYS_IN_H5 = """The model uses hard_sigmoid, which is another function in Keras 2: with this file tf_keras will compute
clip(0.2 x + 0.5, 0, 1). Keras 3 and jkeras read it as it is. For tf_keras, train with the activation "hard_sigmoid_keras2"."""

_OLD_IN_H5 = """The model uses Keras 2's hard_sigmoid: with this file Keras 3 will compute its own, clip(x / 6 + 0.5, 0, 1).
tf_keras and jkeras read it as it is. For Keras 3, save a .keras."""

_LAMBDA_IN_H5 = """The model has a Lambda layer, for which Keras 2 and Keras 3 expect different things in .h5 files.
tf_keras and jkeras open this one, with custom_objects. For Keras 3, save a .keras."""

_OLD_IN_KERAS = """The model uses Keras 2's hard_sigmoid, which Keras 3 does not have. jkeras reads this file as it is; Keras 3
needs custom_objects={{"{name}": lambda x: keras.ops.clip(0.2 * x + 0.5, 0.0, 1.0)}}."""

_TAKEN = """Your own function {name!r} has the name of one of Keras', which a reader of this file will use instead.
Rename it, or register it: @jkeras.saving.register_keras_serializable(package="mine")."""


def warn_of_names(model: Model, config: object, h5: bool) -> None:
    """Warn of names that a reader of a file will take for other functions.

    Args:
        model: to be written.
        config: its config in Keras 3's form.
        h5: whether it is written in Keras 2's form.
    """
    names = set(activation_names(config))
    if h5 and "hard_sigmoid" in names:
        warnings.warn(_TODAYS_IN_H5, stacklevel=5)
    if OLD_HARD_SIGMOID in names:
        warnings.warn(_OLD_IN_H5 if h5 else _OLD_IN_KERAS.format(name=OLD_HARD_SIGMOID), stacklevel=5)
    if h5 and any(isinstance(layer, Lambda) for layer in model._flatten_layers()):
        warnings.warn(_LAMBDA_IN_H5, stacklevel=5)
    for name in sorted(set(_names_taken(model))):
        warnings.warn(_TAKEN.format(name=name), stacklevel=5)


def activation_names(config: object, key: str = "") -> Iterator[str]:
    """The names of activations in a config of Keras 3's form; `key` says under which name the config stands in another."""
    if isinstance(config, Mapping):
        for name, value in config.items():
            yield from activation_names(value, key if name == "config" and config.get("class_name") == "function" else str(name))
    elif isinstance(config, (list, tuple)):
        for value in config:
            yield from activation_names(value, key)
    elif config == OLD_HARD_SIGMOID or (isinstance(config, str) and key.endswith(("activation", "activations"))):
        yield config


def _names_taken(model: Model) -> Iterator[str]:
    """Names of the user's functions that Keras uses as well."""
    given = model._trainer.config if model.compiled else None
    values = [] if given is None else [given.loss, given.metrics, given.weighted_metrics]
    for layer in model._flatten_layers():
        values += init_arguments(layer).values()
    for function in (part for found in containers(values) for part in parts(found)):
        if callable(function) and hasattr(function, "__name__") and not inspect.isclass(function):
            name = registry.get_registered_name(function)
            if registry.path_of(function) is None and registry.function_of_keras(name) is not None:
                yield name
