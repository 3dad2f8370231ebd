"""`keras.utils.legacy`: objects as `{"class_name", "config"}`, and back by tables of classes that the caller passes.

Packages keep their own objects in files with these. No class is ever imported by a name from a config: it is one of the caller's
tables, registered, or Keras'.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from jkeras._base.errors import UnknownObjectError, describe
from jkeras._base.registry import custom_object_scope, get_custom_objects, get_registered_name
from jkeras._base.types import Config, CustomObjects
from jkeras.saving.serialization import deserialize_keras_object as deserialize_by_path

__all__ = ["deserialize_keras_object", "serialize_keras_object"]


def serialize_keras_object(instance: object) -> Any:
    """`{"class_name", "config"}` of an object with `get_config`; the name of a function; None of None.

    Raises:
        ValueError: it is none of these.

    Example:
        >>> from jkeras.initializers import Constant
        >>> serialize_keras_object(Constant(2.0))
        {'class_name': 'Constant', 'config': {'value': 2.0}}
    """
    if instance is None:
        return None
    if hasattr(instance, "get_config"):
        config = {key: _nested(value) for key, value in instance.get_config().items()}
        return {"class_name": _name(type(instance)), "config": config}
    if hasattr(instance, "__name__"):
        return _name(instance)
    raise ValueError(f"An object with get_config() or a function can be serialized. Received: {describe(instance)}.")


def _name(obj: Any) -> str:
    registered = str(get_registered_name(obj))
    return str(obj.__name__) if registered.startswith("keras.") else registered


def _nested(value: object) -> object:
    has_form = hasattr(value, "get_config") or (callable(value) and hasattr(value, "__name__"))
    return serialize_keras_object(value) if has_form and not isinstance(value, type) else value


def deserialize_keras_object(
    identifier: object,
    module_objects: CustomObjects = None,
    custom_objects: CustomObjects = None,
    printable_module_name: str = "object",
) -> Any:
    """The object of a config or name.

    Args:
        identifier: what `serialize_keras_object` returned; a function is returned as it is.
        module_objects, custom_objects: classes and functions by name; the second come first.
        printable_module_name: for the error.

    Raises:
        UnknownObjectError: nobody knows the name.
        ValueError: it is no config, name or function.

    Example:
        >>> class Tall:
        ...     def __init__(self, height): self.height = height
        ...     @classmethod
        ...     def from_config(cls, config): return cls(**config)
        >>> deserialize_keras_object({"class_name": "Tall", "config": {"height": 3}}, {"Tall": Tall}).height
        3
    """
    known = {**(module_objects or {}), **get_custom_objects(), **(custom_objects or {})}
    if isinstance(identifier, Mapping):
        found = known.get(str(identifier.get("class_name")))
        if found is None:
            return deserialize_by_path(identifier, custom_objects)
        return _made(found, identifier.get("config"), custom_objects)
    if isinstance(identifier, str):
        if identifier not in known:
            raise UnknownObjectError(
                f"Unknown {printable_module_name}: {identifier!r}. Pass custom_objects={{{identifier!r}: ...}}."
            )
        found = known[identifier]
        return found() if isinstance(found, type) else found
    if identifier is None or callable(identifier):
        return identifier
    raise ValueError(f"A {printable_module_name} is a config, a name or a function. Received: {describe(identifier)}.")


def _made(found: Callable[..., Any], config: Config | None, custom_objects: CustomObjects) -> Any:
    config = {} if config is None else config
    make = getattr(found, "from_config", None)
    with custom_object_scope(custom_objects):
        if make is None:
            return found(**config)
        takes_objects = "custom_objects" in inspect.signature(make).parameters
        return make(config, custom_objects=custom_objects or {}) if takes_objects else make(config)
