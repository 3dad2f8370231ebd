"""Config from the constructor's signature.

`Configurable` remembers the arguments an object was made with. From them come `get_config`, `from_config`, equality of configs
and the JSON form that Keras writes: `{"module", "class_name", "config", "registered_name"}`. Nobody writes a `get_config` by
hand; a user's class that does so, Keras style, works as well.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, TypeGuard

import numpy as np

from jkeras._base import registry

_HOME = __name__.partition(".")[0]


def constructor_signature(cls: Any) -> inspect.Signature:
    """The signature of a class' constructor, without `self`. It is kept on the class, so that it goes when the class goes."""
    found: inspect.Signature | None = cls.__dict__.get("_constructor_signature")
    if found is None:
        signature = inspect.signature(cls.__init__)
        found = signature.replace(parameters=list(signature.parameters.values())[1:])
        cls._constructor_signature = found
    return found


class Configurable:
    """An object whose config is the arguments of its constructor."""

    _init_arguments: tuple[tuple[Any, ...], dict[str, Any]]

    def __new__(cls, *args: Any, **kwargs: Any):
        self = super().__new__(cls)
        self.__dict__["_init_arguments"] = (args, kwargs)
        return self

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments in plain, JSON-ready form; `from_config` reads it back."""
        return {name: serialize(value) for name, value in init_arguments(self).items()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """Make an object from what `get_config` gave."""
        return cls(**{k: deserialize(v, custom_objects) if is_object_config(v) else v for k, v in config.items()})


def init_arguments(obj: Configurable) -> dict[str, Any]:
    """Constructor arguments by name, defaults filled in. Where a library class resolved an argument into an attribute of the
    same name (a string into an initializer), the attribute is what counts.
    """
    cls = type(obj)
    args, kwargs = obj._init_arguments
    signature = constructor_signature(cls)
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    resolved = cls.__module__.partition(".")[0] == _HOME
    out: dict[str, Any] = {}
    for name, value in bound.arguments.items():
        kind = signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            out.update(value)
        elif kind is inspect.Parameter.VAR_POSITIONAL:
            if value:
                out[name] = value
        else:
            out[name] = obj.__dict__.get(name, value) if resolved else value
    return out


def is_object_config(value: Any) -> TypeGuard[Mapping[str, Any]]:
    """Whether a value has the shape that `serialize` gives to objects."""
    return isinstance(value, Mapping) and "class_name" in value and "config" in value


def serialize(value: Any) -> Any:
    """The plain form of a value: Keras' dict for objects, the public name for functions, lists for tuples and arrays.

    Raises:
        TypeError: for a value that has no such form.
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [serialize(v) for v in value]
    if isinstance(value, Mapping):
        return {k: serialize(v) for k, v in value.items()}
    if hasattr(value, "get_config") and not inspect.isclass(value):
        return object_config(value)
    if isinstance(value, (np.ndarray, np.generic)) or hasattr(value, "__jax_array__") or hasattr(value, "addressable_shards"):
        return np.asarray(value).tolist()
    path = registry.path_of(value)
    if path is not None:
        return path.rpartition(".")[2]
    if isinstance(value, np.dtype) or (inspect.isclass(value) and issubclass(value, np.generic)):
        return np.dtype(value).name
    if callable(value):
        return registry.get_registered_name(value)
    raise TypeError(f"{value!r} of type {type(value).__name__} has no config form; give its class a `get_config()`.")


def object_config(obj: Any) -> dict[str, Any]:
    """`{"module", "class_name", "config", "registered_name"}` of an object with `get_config`."""
    cls = type(obj)
    path = registry.path_of(cls)
    if path is not None:
        module, _, name = path.rpartition(".")
        return {"module": module, "class_name": name, "config": obj.get_config(), "registered_name": None}
    registered = registry.get_registered_name(cls)
    return {"module": None, "class_name": cls.__name__, "config": obj.get_config(), "registered_name": registered}


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The object for a dict that `object_config` gave; other values as they are.

    Raises:
        ValueError: the class is neither in the table nor registered nor in `custom_objects`.
    """
    if not is_object_config(config):
        return config
    custom_objects = custom_objects or {}
    found = registry.find(config.get("module"), config["class_name"], config.get("registered_name"), custom_objects)
    if not hasattr(found, "from_config"):
        return found
    parameters = inspect.signature(found.from_config).parameters
    if "custom_objects" in parameters:
        return found.from_config(config["config"], custom_objects=custom_objects)
    return found.from_config(config["config"])


def resolve(kind: str, identifier: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """What users may write for an object: None, a string, a config dict, a class, a function, or the object itself.

    Strings and classes that name a class give an instance with default arguments; functions come back as they are.
    """
    if identifier is None:
        return None
    if is_object_config(identifier):
        config = identifier
        if config.get("module") is None and config.get("registered_name") is None:
            config = {"module": f"keras.{kind}", **{k: v for k, v in config.items() if v is not None}}
        return deserialize(config, custom_objects)
    if isinstance(identifier, str):
        identifier = (custom_objects or {}).get(identifier) or registry.lookup(kind, identifier)
    return identifier() if inspect.isclass(identifier) else identifier
