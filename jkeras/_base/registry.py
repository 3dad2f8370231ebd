"""One closed table: public Keras path <-> object.

`@export("keras.layers.Dense")` enters an object once. The table serves the strings that users write (`"relu"`, `"mse"`,
`"Adam"`), the `module` and `class_name` of config files, and the way back from an object to its public path. A file never
names a Python module to import: what is not in the table, registered by the user or passed in `custom_objects` does not exist.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from jkeras._base.errors import unknown_name
from jkeras._base.naming import to_snake_case

T = TypeVar("T")

_objects: dict[str, Any] = {}  # "keras.layers.Dense" -> class
_paths: dict[int, str] = {}  # id(object) -> canonical path
_names: dict[str, dict[str, Any]] = {}  # "layers" -> {"Dense": class, "dense": class}
_custom: dict[str, Any] = {}  # "Package>Name" -> object
_custom_names: dict[int, str] = {}  # id(object) -> "Package>Name"


def export(*paths: str, aliases: tuple[str, ...] = ()) -> Callable[[T], T]:
    """Enter an object under its Keras paths; the first is the canonical one, `aliases` are further strings of the same kind.

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
            table = _names.setdefault(area.removeprefix("keras").removeprefix(".") or "top", {})
            for key in (name, *aliases):
                table[key] = obj
            if inspect.isclass(obj):
                table.setdefault(to_snake_case(name), obj)
                table.setdefault(name.lower(), obj)
        return obj

    return enter


def names(kind: str) -> list[str]:
    """All strings known for a kind such as `"losses"`."""
    return sorted(_names.get(kind, {}))


def lookup(kind: str, name: str) -> Any:
    """The object of a kind by name; ValueError with the nearest name where there is none."""
    table = _names.get(kind, {})
    if name in table:
        return table[name]
    for registered, obj in _custom.items():
        if name in (registered, registered.rpartition(">")[2]):
            return obj
    raise unknown_name(kind.removesuffix("es") if kind == "losses" else kind.removesuffix("s"), name, table)


def path_of(obj: Any) -> str | None:
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
            del _custom_names[id(before)]  # it may go now, and another object get its id
        _custom[registered] = obj
        _custom_names[id(obj)] = registered
        return obj

    return enter


def get_registered_name(obj: Any) -> str:
    """`package>name` of a registered object, else its plain `__name__`."""
    return _custom_names.get(id(obj), getattr(obj, "__name__", str(obj)))


def get_registered_object(name: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The object registered under `package>name`, or passed in `custom_objects`; None where there is none."""
    return (custom_objects or {}).get(name, _custom.get(name))


def find(module: str | None, class_name: str, registered_name: str | None, custom_objects: Mapping[str, Any]) -> Any:
    """The object a config names: custom objects first, then the user's registrations, then the table of Keras paths."""
    for key in (registered_name, class_name):
        if key is not None and key in custom_objects:
            return custom_objects[key]
        if key is not None and key in _custom:
            return _custom[key]
    if module is not None and f"{module}.{class_name}" in _objects:
        return _objects[f"{module}.{class_name}"]
    known = [p.rpartition(".")[2] for p in _objects if module is None or p.startswith(f"{module}.")]
    error = unknown_name(f"class in {module or 'this config'}:", class_name, known)
    raise ValueError(f"{error} If it is your own, pass custom_objects={{{class_name!r}: ...}} or register it.")
