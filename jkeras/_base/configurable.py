"""Config from the constructor's signature.

`Configurable` remembers the arguments an object was made with. From them come `get_config`, `from_config`, equality of configs
and the JSON form that Keras writes: `{"module", "class_name", "config", "registered_name"}`. The library writes no
`get_config` by hand; a class of yours that does, as in Keras, works too.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from contextvars import ContextVar
from typing import Any, Self, TypeGuard

import numpy as np

from jkeras._base import registry, special_values
from jkeras._base.config_types import check_arguments
from jkeras._base.context import holding
from jkeras._base.errors import UnsafeFileError, WrongTypeError, describe
from jkeras._base.plain_numbers import TakesPlainNumbers
from jkeras._base.types import Config, CustomObjects

_HOME = __name__.partition(".")[0]
# Within `sharing()`: id -> (object, its number), and shared_object_id -> object.
_written: ContextVar[dict[int, tuple[object, int]] | None] = ContextVar("jkeras_written_objects", default=None)
_read: ContextVar[dict[object, object] | None] = ContextVar("jkeras_read_objects", default=None)
_translated: ContextVar[bool] = ContextVar("jkeras_translated_config", default=False)
_translate: Callable[[object, type | None], object] | None = None
_in_memory: ContextVar[bool] = ContextVar("jkeras_config_in_memory", default=False)
_CLASS = "class"  # beside "class_name", in memory alone: no JSON can hold one


def translate_with(translate: Callable[[object, type | None], object]) -> None:
    """Set the translator from configs of earlier Keras versions to Keras 3's; it is on a higher floor, in
    `saving/keras2_config.py`.

    Args:
        translate: takes a config, and the class that it is of; None if the config itself names a class.
    """
    global _translate
    _translate = translate


def translated() -> AbstractContextManager[None]:
    """Within this block, configs are already Keras 3's."""
    return holding(_translated, True)


@contextmanager
def in_memory() -> Iterator[None]:
    """Within this block, configs pass between objects of this process: your own functions and classes are in them as objects, and
    need not be found by name.
    """
    with holding(_in_memory, True), translated():
        yield


@contextmanager
def in_todays_words(config: object, cls: type | None = None) -> Iterator[Any]:
    """The config in Keras 3's form. Within this block, what is nested in it counts as translated.

    Args:
        config: of an object, of any Keras.
        cls: its class; None if the config itself names it.
    """
    todays = config if _translated.get() or _translate is None else _translate(config, cls)
    with translated():
        yield todays


def constructor_signature(cls: Any) -> inspect.Signature:
    """The signature of a class' constructor, without `self`. It is cached on the class and dies with it."""
    found: inspect.Signature | None = cls.__dict__.get("_constructor_signature")
    if found is None:
        signature = inspect.signature(cls.__init__)
        found = signature.replace(parameters=list(signature.parameters.values())[1:])
        with suppress(TypeError):  # a class of Python's own takes no attributes
            cls._constructor_signature = found
    return found


def accepted_arguments(cls: type) -> set[str] | None:
    """The names of all arguments of a constructor that passes its `**kwargs` to its base class; None if it accepts anything."""
    names: set[str] = set()
    for owner in cls.__mro__[:-1]:
        if "__init__" in vars(owner):
            parameters = constructor_signature(owner).parameters.values()
            names |= {p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
            if not any(p.kind is p.VAR_KEYWORD for p in parameters):
                return names
    return None


def takes_custom_objects(cls: Any) -> bool:
    """Whether a class' `from_config` takes `custom_objects`; cached on the class as well."""
    found: bool | None = cls.__dict__.get("_takes_custom_objects")
    if found is None:
        found = cls._takes_custom_objects = "custom_objects" in inspect.signature(cls.from_config).parameters
    return found


class Configurable(TakesPlainNumbers):
    """An object whose config is the arguments of its constructor."""

    _init_arguments: tuple[tuple[object, ...], dict[str, object]]
    # What is cached on each class; named here so that `dir` of an object is the same before and after.
    _constructor_signature: inspect.Signature | None = None
    _takes_custom_objects: bool | None = None

    def __new__(cls, *args: object, **kwargs: object):
        self = super().__new__(cls)
        self.__dict__["_init_arguments"] = (args, kwargs)
        return self

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments in plain, JSON-ready form; `from_config` reads it back."""
        return {name: with_tuples(value) for name, value in init_arguments(self).items()}

    @classmethod
    def from_config(cls, config: Config, custom_objects: CustomObjects = None) -> Self:
        """Make an object from what `get_config` gave."""
        return cls(**read_arguments(cls, config, custom_objects))


def read_arguments(cls: type, config: Config, custom_objects: CustomObjects = None) -> dict[str, Any]:
    """The arguments of a constructor in a config, with objects made of the configs in it.

    Raises:
        WrongTypeError: the config is not a dict of arguments.
    """
    if not isinstance(config, Mapping) or not all(isinstance(name, str) for name in config):
        raise WrongTypeError(f"The config of a {cls.__name__} is a dict of its arguments. Received: {describe(config)}.")
    arguments = {name: deserialize(_placed(name, value), custom_objects) for name, value in config.items()}
    if registry.path_of(cls) is not None:
        if arguments.get("name", "") is None:  # Keras 2 writes it where nobody gave a name
            del arguments["name"]
        check_arguments(cls, arguments, constructor_signature(cls))
    return arguments


def arguments_with_function(config: Config, area: str, custom_objects: CustomObjects = None) -> dict[str, Any]:
    """The arguments of an object around a function `fn`, which its config names in plain form or in Keras'.

    Args:
        config: from `get_config`.
        area: where to look for a function of Keras first, such as `"keras.losses"`.
        custom_objects: your own functions and classes by name.
    """
    arguments = {k: v if k == "fn" or not is_object_config(v) else deserialize(v, custom_objects) for k, v in config.items()}
    fn = arguments.get("fn")
    if is_object_config(fn):
        arguments["fn"] = fn = fn["config"] if fn["class_name"] == "function" else deserialize(fn, custom_objects)
    if isinstance(fn, str):
        arguments["fn"] = registry.find_function(fn, custom_objects, area)
    return arguments


# Keras 2's files do not say where a class lives; the name of the argument does. Several areas have a class Identity.
_AREAS = {
    "initializer": "keras.initializers",
    "regularizer": "keras.regularizers",
    "constraint": "keras.constraints",
    "activation": "keras.layers",
    "optimizer": "keras.optimizers",
    "rate": "keras.optimizers.schedules",
    "policy": "keras.dtype_policies",
    "dtype": "keras.dtype_policies",
}


def _placed(name: str, value: object) -> object:
    area = _AREAS.get(name.rpartition("_")[2])
    if area is None or not is_object_config(value) or value.get("module") is not None or value["class_name"] == "function":
        return value
    return {**value, "module": area}


def is_library(cls: type) -> bool:
    """Whether a class is one of this package rather than yours.

    Example:
        >>> is_library(Configurable), is_library(dict)
        (True, False)
    """
    return cls.__module__.partition(".")[0] == _HOME


def init_arguments(obj: Configurable) -> dict[str, object]:
    """Constructor arguments by name, defaults filled in. Where a library class resolved an argument into an attribute of the
    same name (a string into an initializer), the attribute is what counts.
    """
    cls = type(obj)
    args, kwargs = obj._init_arguments
    signature = constructor_signature(cls)
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    resolved = is_library(cls)
    out: dict[str, object] = {}
    for name, value in bound.arguments.items():
        kind = signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            out.update({k: obj.__dict__.get(k, v) for k, v in value.items()} if resolved else value)
        elif kind is inspect.Parameter.VAR_POSITIONAL:
            out.update(_handed_on(cls, value) if value else {})
        else:
            out[name] = obj.__dict__.get(name, value) if resolved else value
    return out


def _handed_on(cls: type, values: tuple[object, ...]) -> dict[str, object]:
    """A constructor's `*args` under the names that they have in the base class it passes them to."""
    owner = next(c for c in cls.__mro__ if "__init__" in vars(c))
    above = next(c for c in cls.__mro__[cls.__mro__.index(owner) + 1 :] if "__init__" in vars(c))
    signature = constructor_signature(above)
    try:
        bound = signature.bind_partial(*values).arguments
    except TypeError:
        return {}
    rest = next((name for name, p in signature.parameters.items() if p.kind is inspect.Parameter.VAR_POSITIONAL), "")
    further = bound.pop(rest, ())
    return {**bound, **(_handed_on(above, further) if further else {})}


def is_object_config(value: object) -> TypeGuard[Mapping[str, Any]]:
    """Whether a value has the shape that `serialize` gives to objects."""
    return isinstance(value, Mapping) and "class_name" in value and "config" in value and not special_values.is_special(value)


def serialize(value: object) -> Any:
    """The plain form of a value: Keras' dict for objects and the user's functions, the public name for functions of the library,
    lists for tuples and arrays.

    Raises:
        TypeError: for a value that has no such form.
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [serialize(v) for v in value]
    if isinstance(value, (slice, bytes)) or value is Ellipsis:
        return special_values.encode(value)
    if hasattr(value, "get_config") and not inspect.isclass(value):
        return object_config(value)
    if isinstance(value, Mapping):
        return {k: serialize(v) for k, v in value.items()}
    if isinstance(value, (np.ndarray, np.generic)) or hasattr(value, "__jax_array__") or hasattr(value, "addressable_shards"):
        return np.asarray(value).tolist()
    path = registry.path_of(value)
    if path is not None and path.startswith("keras."):
        return path.rpartition(".")[2]
    if isinstance(value, np.dtype) or (inspect.isclass(value) and issubclass(value, np.generic)):
        return np.dtype(value).name
    if callable(value) and _in_memory.get():
        return value
    if callable(value):
        return registry.get_registered_name(value) if inspect.isclass(value) else function_config(value)
    raise TypeError(f"{value!r} of type {type(value).__name__} has no config form; give its class a `get_config()`.")


def with_tuples(value: object) -> Any:
    """As `serialize`, but tuples stay tuples: what `get_config` gives for an argument, as in Keras."""
    return tuple(map(with_tuples, value)) if isinstance(value, tuple) else serialize(value)


def function_config(function: Callable[..., object]) -> dict[str, object]:
    """A function in Keras 3's form: by its name alone.

    Raises:
        TypeError: it has no name.
    """
    path = registry.path_of(function)
    if path is None and not hasattr(function, "__name__"):
        raise TypeError(f"A config holds a function by its name, and {describe(function)} has none. Write it with `def`.")
    name = registry.get_registered_name(function) if path is None else path.rpartition(".")[2]
    return {"module": "builtins", "class_name": "function", "config": name, "registered_name": "function"}


def object_config(obj: Any) -> dict[str, object]:
    """`{"module", "class_name", "config", "registered_name"}` of an object with `get_config`."""
    cls = type(obj).__dict__.get("_declared_as", type(obj))
    path = registry.path_of(cls)
    module, _, name = (path or f"{cls.__module__}.{cls.__name__}").rpartition(".")
    module = _FILED_UNDER.get(path or "", module)
    arguments = obj.get_config()
    if not (is_library(cls) or _in_memory.get()):
        arguments = _without_objects(arguments)
    config = {"module": module, "class_name": name, "config": arguments, "registered_name": None}
    if path is None or ".src." in module:
        config["registered_name"] = registry.get_registered_name(cls)
    if path is None and _in_memory.get():
        config[_CLASS] = cls
    written = _written.get()
    if written is not None and hasattr(obj, "build_from_config"):  # only layers hold weights that it matters to share
        config["shared_object_id"] = written.setdefault(id(obj), (obj, len(written)))[1]
    return config


def _without_objects(value: object) -> object:
    """What a class of yours gives as its config, with configs in place of objects in it."""
    if isinstance(value, dict):
        return {key: _without_objects(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(_without_objects, value)) if type(value) in (list, tuple) else value
    is_object = hasattr(value, "get_config") and not inspect.isclass(value)
    return serialize(value) if is_object or isinstance(value, (np.ndarray, slice)) else value


def full_config(obj: object) -> dict[str, object]:
    """`object_config`, with `build_config` of a layer that is built and `compile_config` of a model that is compiled."""
    config = object_config(obj)
    for name in ("build_config", "compile_config"):
        more = getattr(obj, f"get_{name}", lambda: None)()
        if more is not None:
            config[name] = serialize(more) if name == "compile_config" else more  # a class of yours may give objects
    return config


@contextmanager
def sharing() -> Iterator[None]:
    """Within this block, layers are written with a `shared_object_id`, and what has one is read once."""
    with holding(_written, {}), holding(_read, {}):
        yield


def shared_ids(config: object, found: Counter[object]) -> Counter[object]:
    """How often each `shared_object_id` occurs in a config."""
    if isinstance(config, Mapping):
        if "shared_object_id" in config:
            found[config["shared_object_id"]] += 1
        for value in config.values():
            shared_ids(value, found)
    elif isinstance(config, list):
        for value in config:
            shared_ids(value, found)
    return found


def without_single_ids(config: object, found: Counter[object]) -> Any:
    """A config without the `shared_object_id`s that occur once."""
    if isinstance(config, list):
        return [without_single_ids(value, found) for value in config]
    if not isinstance(config, Mapping):
        return config
    single = found[config.get("shared_object_id")] < 2
    return {k: without_single_ids(v, found) for k, v in config.items() if not (k == "shared_object_id" and single)}


# Keras has no public path for this class, and names it by its file.
_FILED_UNDER = {"keras.models.Functional": "keras.src.models.functional"}


def deserialize(config: object, custom_objects: CustomObjects = None) -> Any:
    """The object for a dict that `object_config` gave, the value for a special form, and what is nested in lists and dicts.

    Nothing is imported: classes come from the table of Keras paths, from registrations and from `custom_objects`.

    Raises:
        FileFormatError: the class is neither in the table nor registered nor in `custom_objects`, or the config is malformed.
        WrongTypeError: a part of the config is of another type than belongs there, or a class reads none.
        UnsafeFileError: the config asks for bytecode, or for a function that is not part of a model.
    """
    if isinstance(config, list):
        return [deserialize(value, custom_objects) for value in config]
    if not isinstance(config, Mapping):
        return config
    if not _translated.get():
        with registry.custom_object_scope(custom_objects), in_todays_words(config) as todays:
            return deserialize(todays, custom_objects)
    if special_values.is_special(config):
        return special_values.decode(config, lambda value: deserialize(value, custom_objects))
    if not is_object_config(config):
        return {key: deserialize(value, custom_objects) for key, value in config.items()}
    _check_words(config)
    if config["class_name"] == "function":
        return _function(config, custom_objects)
    found: Any = config.get(_CLASS)
    if not inspect.isclass(found):
        found = registry.find(config.get("module"), config["class_name"], config.get("registered_name"), custom_objects or {})
    if not hasattr(found, "from_config"):
        if inspect.isclass(found):
            raise WrongTypeError(f"{found.__name__} has a config, but no class method from_config(cls, config) that reads it.")
        return found
    read, shared = _read.get(), config.get("shared_object_id")
    if read is not None and isinstance(shared, int) and type(read.get(shared)) is found:
        return read[shared]
    options = {"custom_objects": custom_objects} if takes_custom_objects(found) else {}
    with registry.custom_object_scope(custom_objects):
        made = found.from_config(copied(config["config"]), **options)
    if read is not None and isinstance(shared, int) and hasattr(made, "build_from_config"):
        read[shared] = made
    return made


def copied(value: object) -> Any:
    """A copy of nested dicts and lists: a `from_config` may take things out of what it is given."""
    if isinstance(value, Mapping):
        return {k: copied(v) for k, v in value.items()}
    return [copied(v) for v in value] if isinstance(value, list) else value


def _check_words(config: Mapping[str, object]) -> None:
    for word, kinds in (("class_name", str), ("module", (str, type(None))), ("registered_name", (str, type(None)))):
        if not isinstance(config.get(word), kinds):
            raise WrongTypeError(f"In the config of an object {word!r} is a string. Found: {describe(config.get(word))}.")


def _function(config: Config, custom_objects: CustomObjects) -> object:
    name = config["config"]
    if not isinstance(name, str):
        raise WrongTypeError(f"A function stands in a config by its name alone. Found: {describe(name)}.")
    registered = config.get("registered_name")
    if registered not in (None, "function", name):
        own, short = registry.get_registered_object(registered, custom_objects), name.rpartition(">")[2]
        if own is not None:
            registry.check_same_name(own, short, registered, registry.function_of_keras(short, config.get("module")))
            return own
        if str(registered).rpartition(">")[2] != short:
            raise UnsafeFileError(
                f"The config says the function {name!r} but registered_name {registered!r}: it was changed by hand."
            )
    return registry.find_function(name, custom_objects, config.get("module"))


def resolve(kind: str, identifier: object, custom_objects: CustomObjects = None) -> Any:
    """What users may write for an object: None, a string, a config dict, a class, a function, or the object itself.

    Strings and classes that name a class give an instance with default arguments; functions come back as they are.
    """
    if is_object_config(identifier):
        config = identifier
        _check_words(config)
        if config.get("module") is None and config.get("registered_name") is None:
            config = {"module": f"keras.{kind}", **{k: v for k, v in config.items() if v is not None}}
        return deserialize(config, custom_objects)
    if isinstance(identifier, str):
        identifier = registry.get_registered_object(identifier, custom_objects) or registry.lookup(kind, identifier)
    return identifier() if inspect.isclass(identifier) else identifier
