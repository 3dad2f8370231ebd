"""One closed table: public Keras path <-> object.

`@export("keras.layers.Dense")` enters an object once. The table serves the strings that users write (`"relu"`, `"mse"`,
`"Adam"`), the `module` and `class_name` of config files, and the way back from an object to its public path. A file never
names a Python module to import: what is not in the table, registered by the user or passed in `custom_objects` does not exist.

The module of a config is only ever split at its dots: `keras.src.layers.core.dense`, `tf_keras.layers` and
`tensorflow.python.keras.layers.core` all say `layers`, and the class is looked up among the layers of the table.
"""

from __future__ import annotations

import importlib
import inspect
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, TypeVar

from jkeras._base.context import holding
from jkeras._base.errors import UnknownObjectError, UnsafeFileError, unknown_name
from jkeras._base.naming import to_snake_case
from jkeras._base.types import CustomObjects

T = TypeVar("T")

_objects: dict[str, object] = {}  # "keras.layers.Dense" -> class
_paths: dict[int, str] = {}  # id(object) -> canonical path
_names: dict[str, dict[str, object]] = {}  # "layers" -> {"Dense": class, "dense": class}
# "layers" -> modules that enter more of them once they are imported, with the names that they enter; None for any
_unloaded: dict[str, dict[str, set[str] | None]] = {
    "distillation": {"jkeras.distillation": None},
    "quantizers": {"jkeras.quantizers": None},
    "src.layers.preprocessing.feature_space": {"jkeras.models.feature_space": None},
}
_loading = threading.RLock()
_now_loading: set[str] = set()  # kinds; a module that is being imported may look for names of its own kind
_custom: dict[str, object] = {}  # "Package>Name" -> object
_custom_names: dict[int, str] = {}  # id(object) -> "Package>Name"
_scoped: ContextVar[Mapping[str, object]] = ContextVar("jkeras_custom_objects", default=MappingProxyType({}))

_ROOTS = {
    "tensorflow", "tf", "python", "keras", "tf_keras", "keras_core", "src", "api", "v1", "v2", "_v1", "_v2", "_tf_keras",
    "compat", "legacy",
}  # fmt: skip
_AREAS = {
    "applications": ("layers",),  # those that only networks of Keras' own use
    "engine": ("models", "layers"),
    "mixed_precision": ("dtype_policies",),
    "": ("top", "models", "layers"),
}
# Where to look for a class whose config has no module, as in files of Keras 2.
_SEARCHED = (
    "layers", "models", "top", "initializers", "regularizers", "constraints", "optimizers", "optimizers.schedules",
    "losses", "metrics", "dtype_policies",
)  # fmt: skip
# What a config may make: the parts of models. Loaders, downloads, writers of files and switches are not parts.
_PARTS = {
    *_SEARCHED,
    "activations",
    "mixed_precision",
    "random",
    "utils",
    "distillation",
    "quantizers",
    "src.layers.preprocessing.feature_space",
}
_OWN = "If it is your own, give the {kind} itself; where a file names it, pass custom_objects={{{name!r}: ...}} or register it."
_FUNCTION_AREAS = ("activations", "losses", "metrics", "ops", "initializers", "regularizers", "constraints")


def export(*paths: str, aliases: tuple[str, ...] = ()) -> Callable[[T], T]:
    """Enter an object under its Keras paths; the first is the canonical one, `aliases` are further strings of the same kind. What
    Keras does not have is entered under a path that begins with `jkeras`.

    Example:
        >>> @export("keras.losses.demo_error", aliases=("demo",))
        ... def demo_error(y_true, y_pred): ...
        >>> lookup("losses", "demo") is demo_error
        True
    """

    def enter(obj: T) -> T:
        _paths.setdefault(id(obj), paths[0])
        for path in paths:
            _objects[path] = obj
            area, _, name = path.rpartition(".")
            table = _names.setdefault(_kind_of(area), {})
            for key in (name, *aliases):
                table[key] = obj
            if inspect.isclass(obj):
                table.setdefault(to_snake_case(name), obj)
                table.setdefault(name.lower(), obj)
        return obj

    return enter


def _kind_of(module: str) -> str:
    return module.removeprefix("j").removeprefix("keras").removeprefix(".") or "top"


def entered_by(kind: str, table: Mapping[str, str]) -> None:
    """Name modules of this package that are imported when one of their names is looked up, since few scripts need them.

    Args:
        kind: such as `"layers"`.
        table: `{module: "the names that it enters"}`.
    """
    for module, held in table.items():
        spellings = [(name, to_snake_case(name), name.lower()) for name in held.split()]
        _unloaded.setdefault(kind, {})[module] = {spelling for forms in spellings for spelling in forms}


def _table(kind: str, name: str | None = None) -> Mapping[str, object]:
    """The objects of a kind by name: all of them, or at least the one of that name."""
    if _unloaded.get(kind) and (name is None or name not in _names.get(kind, {})):
        with _loading:
            _load(kind, name)
    return _names.get(kind, {})


def _load(kind: str, name: str | None) -> None:
    if kind in _now_loading:
        return
    _now_loading.add(kind)
    try:
        asked = [module for module, held in _unloaded[kind].items() if name is None or held is None or name in held]
        for module in sorted(asked):
            importlib.import_module(module)
            del _unloaded[kind][module]  # only now: until then, other threads wait for it, and a failed import is repeated
    finally:
        _now_loading.discard(kind)


def same_as(path: str, obj: object) -> None:
    """Give a function of another library the path of one in the table that computes the same.

    Args:
        path: of the table.
        obj: the other function, which lives as long as the process.
    """
    _paths.setdefault(id(obj), path)


def names(kind: str) -> list[str]:
    """All strings known for a kind such as `"losses"`."""
    return sorted(_table(kind))


def spelled(known: Iterable[str]) -> list[str]:
    """Names for an error text: one of those that differ only in case and underscores, without functions such as `get`.

    Example:
        >>> spelled(["MeanSquaredError", "mean_squared_error", "meansquarederror", "get", "mse"])
        ['mean_squared_error', 'mse']
    """
    known = sorted(set(known) - {"get", "serialize", "deserialize"}, key=lambda n: (n.count("_"), n))
    return list({n.lower().replace("_", ""): n for n in known}.values())


def lookup(kind: str, name: str) -> Any:
    """The object of a kind by name; ValueError with the nearest name if there is none."""
    table = _table(kind, name)
    if name in table:
        return table[name]
    for registered, obj in {**_scoped.get(), **_custom}.items():
        if name in (registered, registered.rpartition(">")[2]):
            return obj
    raise unknown_part(kind.removesuffix("es") if kind == "losses" else kind.removesuffix("s"), name, table)


def unknown_part(kind: str, name: str, table: Mapping[str, object]) -> ValueError:
    """The error for a string that names no part of a model.

    Args:
        kind: of part, such as `"loss"`.
        name: what was given.
        table: the known ones by name. Those that cannot be made by a name alone are not shown.

    Example:
        >>> str(unknown_part("activation", "gelo", {"gelu": abs})).partition(" If it is your own")[0]
        "Unknown activation 'gelo'. Did you mean 'gelu'?"
    """
    known = [n for n, obj in table.items() if n.lower() != kind and not (inspect.isclass(obj) and _needs_arguments(obj))]
    return ValueError(f"{unknown_name(kind, name, spelled(known))} {_OWN.format(kind=kind, name=name)}")


def _needs_arguments(cls: Any) -> bool:
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    return any(p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters)


def path_of(obj: object) -> str | None:
    """The canonical Keras path of an exported object, else None."""
    return _paths.get(id(obj))


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[T], T]:
    """Make a user's class or function known by `package>name`, so that configs which mention it can be read back.

    Example:
        >>> @register_keras_serializable(package="mine")
        ... def double(x):
        ...     return 2 * x
        >>> get_registered_name(double)
        'mine>double'
    """

    def enter(obj: T) -> T:
        registered = f"{package}>{name or obj.__name__}"  # type: ignore[attr-defined]
        if inspect.isclass(obj) and not hasattr(obj, "get_config"):
            raise ValueError(f"{obj.__name__} cannot be registered: a serializable class needs `get_config()`.")
        before = _custom.get(registered)
        if _custom_names.get(id(before)) == registered:
            del _custom_names[id(before)]  # it may be freed now, and another object may get its id
        known = _declared(obj)
        _custom[registered] = known
        _custom_names[id(known)] = registered
        return obj

    return enter


def get_registered_name(obj: object) -> str:
    """`package>name` of a registered object, else its plain `__name__`."""
    return _custom_names.get(id(_declared(obj)), getattr(obj, "__name__", str(obj)))


def _declared(obj: T) -> T:
    """The class that you wrote, which files name, for `type(model)` of a model with a graph; else the same."""
    known: T = getattr(obj, "__dict__", {}).get("_declared_as", obj)
    return known


def get_registered_object(name: str, custom_objects: CustomObjects = None, module_objects: CustomObjects = None) -> Any:
    """The object registered under `package>name`, or another that a name may stand for; None if there is none.

    Args:
        name: of the object.
        custom_objects: your own by name, looked at first, then those of a scope and the registered ones.
        module_objects: those to take where all these have none, such as `vars(module)`.

    Example:
        >>> import math
        >>> get_registered_object("sqrt", module_objects={"sqrt": math.sqrt})(9)
        3.0
    """
    for table in (custom_objects or {}, _scoped.get(), _custom, module_objects or {}):
        if name in table:
            return table[name]
    return None


def get_custom_objects() -> dict[str, object]:
    """The table of the user's registrations, `package>name` to object; what is put into it is known from then on.

    Example:
        >>> get_custom_objects()["leap"] = lambda x: x + 1
        >>> lookup("activations", "leap")(1)
        2
        >>> del get_custom_objects()["leap"]
    """
    return _custom


@contextmanager
def custom_object_scope(custom_objects: Mapping[str, object] | None, *more: Mapping[str, object] | None) -> Iterator[None]:
    """Within this block, names of `custom_objects` stand for the user's own classes and functions, in this thread alone.

    Args:
        custom_objects: a dict from names to classes and functions.
        more: further such dicts; later ones win.

    Example:
        >>> with custom_object_scope({"halve": lambda x: x / 2}):
        ...     lookup("activations", "halve")(3.0)
        1.5
    """
    objects = (custom_objects, *more)
    for given in objects:
        if given is not None and not isinstance(given, Mapping):
            raise TypeError(f"custom_objects is a dict of names and objects: {{'MyLayer': MyLayer}}. Received: {given!r}.")
    merged = {**_scoped.get(), **{k: v for given in objects if given for k, v in given.items()}}
    with holding(_scoped, merged):
        yield


CustomObjectScope = custom_object_scope  # Keras' name for it as a class


def areas_of(module: str | None) -> tuple[str, ...]:
    """The areas of the table that a config's module speaks of; none for modules of others.

    Example:
        >>> areas_of("keras.src.layers.core.dense"), areas_of("tensorflow.keras.optimizers.schedules"), areas_of("os")
        (('layers',), ('optimizers.schedules',), ())
    """
    parts = (module or "").split(".")
    if parts[0] not in ("keras", "tf_keras", "tensorflow", "keras_core", "tf"):
        return ()
    while parts and parts[0] in _ROOTS:
        del parts[0]
    area = parts[0] if parts else ""
    if parts[:2] == ["optimizers", "schedules"]:
        area = "optimizers.schedules"
    return _AREAS.get(area, (area,))


def find(module: str | None, class_name: str, registered_name: str | None, custom_objects: Mapping[str, object]) -> Any:
    """The object a config names: custom objects first, then the user's registrations, then the table of Keras paths.

    Raises:
        UnsafeFileError: the config names something that is not part of a model, or its registered name belongs to something else.
        ValueError: there is no such object.
    """
    short = class_name.rpartition(">")[2]
    for key in (registered_name, class_name, short):
        found = get_registered_object(key, custom_objects) if key is not None else None
        if found is not None:
            if registered_name is not None and key == registered_name:
                check_same_name(found, short, registered_name, built_in(module, short))
            return found
    found = _part(module, class_name)
    if found is not None:
        if registered_name is not None and registered_name not in (class_name, f"Custom>{class_name}", path_of(found)):
            raise UnsafeFileError(
                f"The config says class {class_name!r} of {module!r} but registered_name {registered_name!r}. A class of Keras "
                "has no other name: the file was changed by hand."
            )
        return found
    raise _not_found(module, class_name)


def check_same_name(found: object, name: str, registered_name: str, of_keras: object) -> None:
    """Refuse a registered name that belongs to another object. A name that nothing has dates from before a renaming.

    Args:
        found: what is registered.
        name: of a class or function, in the config.
        registered_name: in the config.
        of_keras: what Keras calls by the name; None if it has nothing.

    Raises:
        UnsafeFileError: the name is that of another object.
    """
    if getattr(found, "__name__", name) == name:
        return
    others = [of_keras, *(obj for table in (_scoped.get(), _custom) for obj in table.values())]
    if any(obj is not None and getattr(obj, "__name__", "") == name for obj in others):
        raise UnsafeFileError(
            f"The config says {name!r} but registered_name {registered_name!r}, which is another one: it was changed by hand."
        )


def find_function(name: str, custom_objects: CustomObjects = None, module: str | None = None) -> Any:
    """A function by name: the user's own, or one of Keras' activations, losses, metrics and operations.

    Raises:
        ValueError: there is no such function; no other functions of Keras can be named in a file.
    """
    found = get_registered_object(name, custom_objects)
    if found is None:
        found = function_of_keras(name, module)
    if found is None or not callable(found):
        raise UnknownObjectError(
            f"The config names the function {name!r}, which is neither yours nor an activation, a loss, a metric or an operation "
            f"of Keras. If it is your own, pass custom_objects={{{name!r}: ...}} or register it."
        )
    return found


def function_of_keras(name: str, module: str | None = None) -> Any:
    """Keras' activation, loss, metric or operation of a name; None if there is none.

    Args:
        name: of the function.
        module: of a config; it says where to look first.
    """
    areas = (*(area for area in areas_of(module) if area in _FUNCTION_AREAS), *_FUNCTION_AREAS)
    # As a string, a metric's name means its class; its function is found by its path.
    found = (_objects.get(f"keras.{area}.{name}", _table(area, name).get(name)) for area in areas)
    return next((function for function in found if function is not None and not inspect.isclass(function)), None)


def built_in(module: str | None, class_name: str) -> Any:
    """What the table has under a config's module and class name, whatever it is; None if it has nothing.

    Example:
        >>> @export("keras.layers.Demo")
        ... class Demo: ...
        >>> built_in("keras.src.layers.core.demo", "Demo") is built_in(None, "Demo") is Demo
        True
    """
    if module is not None and class_name in _table(_kind_of(module), class_name):
        return _objects.get(f"{module}.{class_name}", _names[_kind_of(module)][class_name])
    tables = (_table(area, class_name) for area in (areas_of(module) if module is not None else _SEARCHED))
    return next((table[class_name] for table in tables if class_name in table), None)


def _part(module: str | None, class_name: str) -> object:
    """A class of the table that a config may name; None if the table has nothing of that name."""
    found = built_in(module, class_name)
    if found is None:
        return None
    areas = areas_of((path_of(found) or "").removeprefix("j").rpartition(".")[0])
    if not inspect.isclass(found) or not hasattr(found, "from_config") or _PARTS.isdisjoint(areas):
        raise UnsafeFileError(
            f"The config names {f'{module}.' if module else ''}{class_name}, which is no part of a model. A file may name "
            "layers, models, initializers, regularizers, constraints, losses, metrics and optimizers, and nothing else of Keras."
        )
    return found


def _not_found(module: str | None, class_name: str) -> ValueError:
    own = f"If it is your own, pass custom_objects={{{class_name!r}: ...}} or register it."
    areas = areas_of(module)
    if module is not None and not areas:
        return UnknownObjectError(f"Unknown class {class_name!r} of module {module!r}; no file can have a module imported. {own}")
    known = [name for area in areas or sorted(_PARTS) for name, obj in _table(area).items() if inspect.isclass(obj)]
    hint = str(unknown_name(f"class in {module or 'this config'}:", class_name, [n for n in known if n[:1].isupper()]))
    return UnknownObjectError(f"{hint} If Keras has it, it is not built here yet. {own}")
