"""What objects store by methods of their own: `save_own_variables`, `load_own_variables`, `save_assets`, `load_assets`.

For each layer, a file of Keras 3 holds what its `save_own_variables` puts into a store, and its `load_own_variables` takes it
back; for a class that does not override them, its weights by number. Optimizers have the same two methods. Losses and metrics
may have them, and are asked too if they are attributes of a model. A `.keras` also holds a folder of files for each object that
has `save_assets` and `load_assets`.

The methods are the user's code, so their effects cannot be planned: a store is a copy, and if one method fails, all arrays and
attributes of the model are restored.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import warnings
from collections import UserDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from jkeras._base.errors import FileFormatError, UnsafeFileError, describe
from jkeras._base.safe_mode import beyond_the_config
from jkeras._safe_io.hdf5 import Group
from jkeras._safe_io.stored_array import StoredArray
from jkeras._safe_io.zip import unsafe_name
from jkeras.layer.base import Layer
from jkeras.layer.tracking import note_change, objects_in
from jkeras.optimizers import Optimizer
from jkeras.state.variable import Variable

_DEFAULTS = (Layer, Optimizer)
_MOST_ARRAYS, _DEEPEST = 100_000, 16  # in one store
_FAILED = """{where}: {owner}: its {method} failed: {error}. For it the file has at {place}: {source}."""
_NO_NUMBERS = """{owner}: save_own_variables stores {value} as {name!r}. A file of weights holds numbers and arrays of numbers;
write anything else into files, in save_assets(folder)."""


def has(owner: object, method: str) -> bool:
    """Whether an object's class has a method."""
    return callable(getattr(type(owner), method, None))


def overrides(owner: object, method: str) -> bool:
    """Whether an object's class has a method of its own, rather than the one that every layer or optimizer has."""
    rewritten = isinstance(owner, Layer) and owner._rewrite is not None
    default = any(getattr(type(owner), method, None) is getattr(base, method, None) for base in _DEFAULTS)
    return has(owner, method) and (rewritten or not default)


def named(owner: Any) -> str:
    """What messages call an object."""
    kind = "layer" if isinstance(owner, Layer) else type(owner).__name__
    return f"{kind} {owner.name!r}"


class Store(UserDict[str, Any]):
    """What `save_own_variables` fills: arrays by name, which may have slashes.

    Args:
        owner: whose it is, for messages.
        value: returns the array of a Variable.
    """

    def __init__(self, owner: str, value: Callable[[Variable], np.ndarray]):
        super().__init__()
        self._owner, self._value = owner, value

    def __setitem__(self, name: str, value: object) -> None:
        if not isinstance(name, str) or not all(name.split("/")) or name.startswith("/") or unsafe_name(name):
            raise ValueError(f"{self._owner}: an array is stored under a name such as 'table'. Received: {describe(name)}.")
        if isinstance(value, Variable):
            self.data[name] = functools.partial(self._value, value)
            return
        array = np.asarray(value)
        if array.dtype.kind not in "biuf" and array.dtype != jnp.bfloat16:
            raise TypeError(_NO_NUMBERS.format(owner=self._owner, value=describe(value), name=name))
        self.data[name] = lambda: array

    def __getitem__(self, name: str) -> np.ndarray:
        found: np.ndarray = self.data[name]()
        return found


def saved_by(owner: Any, value: Callable[[Variable], np.ndarray]) -> dict[str, Callable[[], np.ndarray]]:
    """What an object's `save_own_variables` stores: for each name a function that returns the array."""
    store = Store(named(owner), value)
    owner.save_own_variables(store)
    return store.data


def stored_arrays(group: Group) -> dict[str, StoredArray]:
    """All arrays in a group of a file, by their paths in it.

    Raises:
        UnsafeFileError: it is nested without bound.
        FileFormatError: an array is not a plain one.
    """
    found: dict[str, StoredArray] = {}

    def visit(inner: Group, path: str, depth: int) -> None:
        for name in inner.names():
            if len(found) > _MOST_ARRAYS or depth > _DEEPEST:
                raise UnsafeFileError(f"{inner.where}: {inner.path}: is nested deeper, or holds more arrays, than any store.")
            below = inner.group(name) if inner.is_group(name) else None
            if below is not None:
                visit(below, f"{path}{name}/", depth + 1)
            elif (array := inner.array(name)) is not None:
                found[path + name] = array

    visit(group, "", 0)
    return found


Places = Sequence[tuple[str, Any]]
Assets = Callable[[], AbstractContextManager[Path | None]]  # opens the folder of the files that objects wrote


class OwnParts:
    """The objects of a model that load for themselves.

    Args:
        places: all objects of the model, with their places in the file.
        where: the file, for messages.
        skip_mismatch: whether one that cannot load stays as it was, with a warning, instead of an error.
    """

    def __init__(self, places: Places, where: str, skip_mismatch: bool):
        self._places, self._where, self._skip_mismatch = places, where, skip_mismatch
        self._stores: dict[int, Sequence[Mapping[str, StoredArray]]] = {}
        self._have_files = any(has(owner, "load_assets") for _, owner in places)

    def add(self, owner: object, groups: Sequence[Group]) -> None:
        """Note that an object loads for itself, from the first of some groups of the file that it accepts."""
        stores = [stored_arrays(own) for group in groups if (own := group.group("vars")) is not None]
        if stores or overrides(owner, "load_own_variables"):
            self._stores[id(owner)] = stores

    def arrays(self) -> list[StoredArray]:
        """Everything that will be read."""
        return [array for stores in self._stores.values() for store in stores for array in store.values()]

    def files(self, assets: Assets | None) -> AbstractContextManager[Path | None]:
        """The folder of the files that objects wrote; None if there are none, or nobody asks for them."""
        return contextlib.nullcontext() if assets is None or not self._have_files else assets()

    def load(self, folder: Path | None) -> None:
        """Let each object take what the file has for it, in the order in which Keras asks them.

        Raises:
            FileFormatError: one could not; arrays and attributes are as before then.
        """
        for place, owner in self._places:
            if id(owner) in self._stores:
                sources = [_Reading(store) for store in self._stores[id(owner)]]
                self._run(owner, "load_own_variables", place, sources or [{}])
            if folder is not None and has(owner, "load_assets"):
                own = folder / place
                self._run(owner, "load_assets", place, [str(own) if own.is_dir() else None])

    def all_or_nothing(self, model: object) -> AbstractContextManager[None]:
        """A block that restores the model if it ends with an error; needed only if objects load for themselves."""
        asked = bool(self._stores) or self._have_files
        return all_or_nothing([model, *(owner for _, owner in self._places)]) if asked else contextlib.nullcontext()

    def _run(self, owner: object, method: str, place: str, sources: Sequence[object]) -> None:
        """Call a method with each source until it accepts one."""
        failure: Exception | None = None
        for source in sources:
            try:
                with all_or_nothing([owner]), beyond_the_config():
                    getattr(owner, method)(source)
                return
            except Exception as error:  # whatever the user's code says
                failure = failure or error
        text = _FAILED.format(
            where=self._where, owner=named(owner), method=method, error=f"{type(failure).__name__}: {failure}",
            place=place or "the top", source=describe(sources[0]),
        )  # fmt: skip
        if not self._skip_mismatch:
            raise FileFormatError(text) from failure
        warnings.warn(text, stacklevel=6)


class _Reading(Mapping[str, np.ndarray]):
    """The arrays of a store, read on demand."""

    def __init__(self, arrays: Mapping[str, StoredArray]):
        self._arrays = arrays

    def __getitem__(self, name: str) -> np.ndarray:
        array = self._arrays[name]
        return array.read(array.shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __repr__(self) -> str:
        return ", ".join(f"{name} {array.shape}" for name, array in self._arrays.items()) or "nothing"


@contextlib.contextmanager
def all_or_nothing(parts: Sequence[object]) -> Iterator[None]:
    """Restore arrays and attributes of layers (and those below them), optimizers, losses and metrics if the block ends with an
    error.
    """
    layers = {id(p): p for part in parts for p in (part._flatten_layers() if isinstance(part, Layer) else [part])}.values()
    all_parts = [*layers, *(part._trainer for part in layers if hasattr(part, "_trainer"))]
    attributes = [(part, {k: _shallow(v) for k, v in vars(part).items()}) for part in all_parts]
    variables = [
        (variable, variable._value, variable._shared)
        for _, before in attributes
        for variable in objects_in([*before.values()], Variable, set())
    ]
    try:
        yield
    except BaseException:
        for part, before in attributes:
            vars(part).clear()
            vars(part).update(before)
        for variable, value, shared in variables:
            variable._value, variable._shared = value, shared
        note_change()
        raise


def write_assets(folder: Path, places: Places) -> None:
    """Let each object write its files into a folder of its own, named by its place.

    Raises:
        ValueError: a place is not a path below the folder.
    """
    for place, owner in places:
        if has(owner, "save_assets"):
            if problem := unsafe_name(place):
                raise ValueError(f"{named(owner)}: cannot have files at {place!r}: it {problem}. Rename the attribute.")
            own = folder / place
            own.mkdir(parents=True, exist_ok=True)
            owner.save_assets(str(own))


def _shallow(value: object) -> object:
    """A copy of a plain container, so that what is put into it in the meantime can be removed again."""
    return copy.copy(value) if type(value) in (list, dict, set) else value
