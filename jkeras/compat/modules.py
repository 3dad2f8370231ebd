"""The modules that a script gets for `keras` and `tensorflow`: each shows what one or more modules of jkeras offer.

Nothing is copied: every name is looked up when it is read, so the objects are jkeras' own, and a part of jkeras loads when a
script asks for it. The error for a missing name says which line needs it and what exists (`missing.py`).
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from functools import cache
from types import ModuleType

from jkeras.compat import keras_table, tensorflow_table
from jkeras.compat.identity import is_keras_3, version_of
from jkeras.compat.missing import MissingModuleError, MissingNameError, missing_text

_ABSENT = object()


class Place:
    """What a module name stands for.

    Attributes:
        key: what all its names share in the tables, such as `layers`, or `tensorflow.config`.
        homes: the modules of jkeras that serve it.
    """

    def __init__(self, key: str, homes: str, names: dict[str, str]):
        self.key = key
        self.homes = homes.split()
        self.names = names

    def modules(self) -> list[ModuleType]:
        """The homes, imported."""
        return [importlib.import_module(home) for home in self.homes]


@cache
def place_of(name: str) -> Place | None:
    """The place of a module such as `tensorflow.keras.layers.core`; None if there is no such module.

    Example:
        >>> place_of("tensorflow.python.keras.layers.core").key, place_of("keras.engine.topology").key, place_of("keras.foo")
        ('layers', 'engine', None)
    """
    roots = [root for root in keras_table.ROOTS if name == root or name.startswith(f"{root}.")]
    if roots:
        root = max(roots, key=len)
        key = name[len(root) + 1 :]
        key = _wholes().get(key, key)
        if key in keras_table.PLACES:
            return Place(key, keras_table.PLACES[key], keras_table.NAMES_3 if is_keras_3(root) else keras_table.NAMES)
    key = tensorflow_table.ALIASES.get(name, name)
    if key in tensorflow_table.PLACES:
        return Place(key, tensorflow_table.PLACES[key], tensorflow_table.NAMES)
    keras = tensorflow_table.KERAS_PLACES.get(name)
    if keras is not None:
        return Place(keras, keras_table.PLACES[keras], keras_table.NAMES)
    above = any(root.startswith(f"{name}.") for root in keras_table.ROOTS)
    return Place(name, tensorflow_table.EMPTY, {}) if above else None


@cache
def _wholes() -> dict[str, str]:
    return {part: whole for whole, parts in keras_table.PARTS.items() for part in parts.split()}


class CompatModule(ModuleType):
    """A module of Keras or TensorFlow with jkeras' objects.

    Args:
        name: `keras.layers`.
        place: what it stands for.
    """

    def __init__(self, name: str, place: Place):
        super().__init__(name, f"{name}, as jkeras has it: {', '.join(place.homes)}.")
        self._place = place

    def __getattr__(self, name: str) -> object:
        if name == "__all__":
            return [*dir(self), *modules_below(self._place)]
        full = f"{self.__name__}.{name}"
        hidden = name.startswith("_") and name not in ("__version__", "_api", "_tf_keras")
        if hidden and not any(name in getattr(home, "__all__", ()) for home in self._place.modules()):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        found = find(self._place, name)
        if found is _ABSENT and place_of(full):
            installed = sys.modules.get(self.__name__) is self
            return importlib.import_module(full) if installed else make_module(full)
        if found is _ABSENT:
            raise MissingNameError(missing_text(full, known_names(self.__name__)))
        return found

    def __dir__(self) -> list[str]:
        return sorted({*names_in(self._place)})

    def __repr__(self) -> str:
        return f"<module {self.__name__!r} of jkeras.compat>"


def find(place: Place, name: str) -> object:
    """The object under a name in a place."""
    for home in place.modules():
        if _offers(home, name):
            return getattr(home, name)
    row = place.names.get(f"{place.key}.{name}".lstrip("."))
    if row is None:
        return _ABSENT
    module, _, attribute = row.rpartition(".")
    return getattr(importlib.import_module(module), attribute, _ABSENT)


def find_name(full: str) -> bool:
    """Whether there is an object of a full name such as `keras.layers.Dense`."""
    return _object(full) is not _ABSENT


def find_object(full: str) -> object:
    """The object of a full name; None if there is none."""
    found = _object(full)
    return None if found is _ABSENT else found


def _object(full: str) -> object:
    module, _, name = full.rpartition(".")
    place = place_of(module)
    return _ABSENT if place is None else find(place, name)


def _offers(home: ModuleType, name: str) -> bool:
    """Whether a module of jkeras offers a name to its users, rather than having imported it for itself."""
    if name == "__version__":
        return False
    value = getattr(home, name, _ABSENT)
    if value is _ABSENT or isinstance(value, ModuleType):
        return False
    public = getattr(home, "__all__", None)
    if public is not None:
        return name in public
    origin = str(getattr(value, "__module__", home.__name__))
    if home.__name__.startswith(f"{tensorflow_table.EMPTY}."):
        return origin.startswith(f"{tensorflow_table.EMPTY}.")
    helper = not origin.startswith("jkeras.") or origin.startswith("jkeras._base.")
    return hasattr(home, "__path__") or home.__name__ == "jkeras.config" or not helper


def names_in(place: Place) -> list[str]:
    """All names of a place, except the modules below it."""
    offered = [n for home in place.modules() for n in dir(home) if not n.startswith("_") and _offers(home, n)]
    prefix = f"{place.key}." if place.key else ""
    rows = [row.removeprefix(prefix) for row in place.names if row.startswith(prefix)]
    return sorted({*offered, *(row for row in rows if "." not in row and find(place, row) is not _ABSENT)})


def modules_below(place: Place) -> list[str]:
    """The names of the modules of Keras that a place has; `from keras import *` gives these too."""
    if place.key not in keras_table.PLACES:
        return []
    prefix = f"{place.key}." if place.key else ""
    rest = [key.removeprefix(prefix) for key in keras_table.PLACES if key and key.startswith(prefix)]
    return [name for name in rest if "." not in name]


def make_module(name: str) -> CompatModule:
    """The module of a name.

    Raises:
        MissingModuleError: there is none.
    """
    place = place_of(name)
    if place is None:
        # Without `name=`: if it is `a.b`, Python replaces the error of `from a import b` by one that says less.
        raise MissingModuleError(missing_text(name, known_names(name.rpartition(".")[0])))
    module = CompatModule(name, place)
    module.__path__ = []  # a package, so that Python asks for submodules
    if name in tensorflow_table.VERSIONED or place.key == "":
        module.__version__ = version_of(name)  # type: ignore[attr-defined]
    return module


def known_names(module: str) -> Iterator[str]:
    """Full names to suggest: those of a module, then those of all places under the root of Keras that it belongs to."""
    place = place_of(module)
    if place is not None:
        yield from (f"{module}.{name}" for name in names_in(place))
    if "keras" in module or place is None or place.key in keras_table.PLACES:
        root = max((r for r in keras_table.ROOTS if module == r or module.startswith(f"{r}.")), key=len, default="keras")
        for key in keras_table.PLACES:
            if key:
                yield f"{root}.{key}"
                yield from (f"{root}.{key}.{name}" for name in names_in(Place(key, keras_table.PLACES[key], keras_table.NAMES)))
