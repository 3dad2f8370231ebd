"""From what users write to an optimizer: a name, a class, a config, an optax transformation, or the optimizer itself."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import optax

from jkeras._base import configurable, registry
from jkeras._base.errors import describe
from jkeras._base.registry import export
from jkeras._base.types import Config, CustomObjects
from jkeras.optimizers.base import Optimizer
from jkeras.optimizers.optax_wrapper import OptaxOptimizer


@export("keras.optimizers.get")
def get(identifier: object) -> Optimizer | None:
    """The optimizer that `compile(optimizer=...)` means.

    Args:
        identifier: a name such as `"adam"`, a class, a config of Keras 2 or 3, an optax transformation, an optimizer, or None.

    Returns:
        An optimizer; None for None.

    Raises:
        ValueError: an unknown name, or something else.

    Example:
        >>> get("sgd").learning_rate
        0.01
    """
    if identifier is None or isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, optax.GradientTransformation):
        return OptaxOptimizer(identifier)
    if isinstance(identifier, str):
        return _class_of(identifier, {})()
    if inspect.isclass(identifier) and issubclass(identifier, Optimizer):
        return identifier()
    if configurable.is_object_config(identifier):
        return deserialize(identifier)
    hint = " Call it first: optax.adam(1e-3)." if str(getattr(identifier, "__module__", "")).startswith("optax") else ""
    raise ValueError(
        f"Expected an optimizer: a name such as 'adam', an object such as Adam(1e-3), its config, or an optax transformation; "
        f"received {describe(identifier)}.{hint}"
    )


@export("keras.optimizers.serialize")
def serialize(optimizer: Optimizer) -> dict[str, Any]:
    """The config of an optimizer, as Keras writes it: `module`, `class_name`, `config`, `registered_name`."""
    return configurable.serialize(optimizer)


@export("keras.optimizers.deserialize")
def deserialize(config: Config, custom_objects: CustomObjects = None) -> Optimizer:
    """The optimizer of a config.

    Args:
        config: from Keras 3, or from Keras 2 (`{"class_name": "Adam", "config": ...}`, also `"Custom>Adam"`).
        custom_objects: further classes by name.

    Returns:
        An optimizer without state.

    Raises:
        ValueError: the class is not known.
    """
    if not configurable.is_object_config(config):
        raise ValueError(f"An optimizer's config is a dict with 'class_name' and 'config'; received {describe(config)}.")
    custom_objects = custom_objects or {}
    name = config.get("registered_name") or config["class_name"]
    found = custom_objects.get(name) or _class_of(config["class_name"], custom_objects)
    if configurable.takes_custom_objects(found):
        return found.from_config(config["config"], custom_objects=custom_objects)
    return found.from_config(config["config"])


def _class_of(name: str, custom_objects: Mapping[str, Any]) -> type[Optimizer]:
    """The class of a name; `Custom>Adam`, as Keras 2.11 writes it, means Adam unless the user registered it."""
    short = name.rpartition(">")[2]
    own = registry.get_registered_object(name, custom_objects) or custom_objects.get(short)
    if own is not None:
        return own
    named = {n: registry.lookup("optimizers", n) for n in registry.names("optimizers")}
    named = {n: c for n, c in named.items() if inspect.isclass(c) and issubclass(c, Optimizer) and c is not Optimizer}
    if short in named or short.lower() in named:
        return named.get(short) or named[short.lower()]
    return _registered(short, named)


def _registered(name: str, named: Mapping[str, type]) -> type[Optimizer]:
    """A class of the user's by its name without package."""
    try:
        found = registry.lookup("optimizers", name)
    except ValueError:
        found = None
    if inspect.isclass(found) and issubclass(found, Optimizer) and found is not Optimizer:
        return found
    raise registry.unknown_part("optimizer", name, {n: c for n, c in named.items() if "_" not in n})  # `rmsprop`, as in Keras
