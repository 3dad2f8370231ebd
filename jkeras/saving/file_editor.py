"""`KerasFileEditor`: look into a file of weights, and change what it holds.

An object is a layer, a metric or an optimizer; it has weights, `"0"`, `"1"`, ..., and objects below it. The editor reads the file
by the safe readers into nested dicts, and writes a new `.weights.h5`; the file itself stays as it is.
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterator, Mapping
from typing import Any, TypeAlias

import jax.numpy as jnp
import numpy as np

from jkeras._base.errors import FileFormatError, describe, unknown_name
from jkeras._base.registry import export
from jkeras._safe_io.hdf5 import Group, H5Group, create_hdf5, write_array
from jkeras._safe_io.sources import Source, open_source, opened_to_write, target_of
from jkeras._safe_io.stored_array import StoredArray
from jkeras._safe_io.zip import unsafe_name
from jkeras.saving.formats.keras_archive import open_archive
from jkeras.saving.layout_keras3 import TRAINING, parts_to_write
from jkeras.saving.matching import check_total
from jkeras.saving.model_classes import Model

Objects: TypeAlias = dict[str, Any]  # name -> an array, or the same of an object below

_A_WEIGHT = "{path!r} is a weight, not an object. Weights are changed by add_weights and delete_weight."
_DEEPEST = 100
_SUFFIXES = (".keras", ".weights.h5")


@export("keras.saving.KerasFileEditor")
class KerasFileEditor:
    """The weights of a `.keras` or `.weights.h5` file, to be inspected and changed.

    Args:
        filepath: of the file.

    Attributes:
        weights_dict: nested dicts of arrays.
        object_metadata: `{path: {"name": ...}}`, what the file says of objects.
        config, metadata: of the model, for a `.keras` file; else None.

    Raises:
        ValueError: a file of another kind.
        FileFormatError: a damaged file, or one with a group in two places.
        UnsafeFileError: it would take far more memory than it has bytes.

    Example:
        >>> import tempfile, jkeras
        >>> path = os.path.join(tempfile.mkdtemp(), "m.weights.h5")
        >>> jkeras.Sequential([jkeras.Input((2,)), jkeras.layers.Dense(1)]).save_weights(path)
        >>> editor = KerasFileEditor(path)
        >>> editor.rename_object("dense", "head")
        >>> editor.summary()
        layers
            head
                0: float32(2, 1)
                1: float32(1,)
    """

    def __init__(self, filepath: str | os.PathLike[str]):
        self.filepath = os.fspath(filepath)
        if not self.filepath.endswith(_SUFFIXES):
            raise ValueError(f"KerasFileEditor opens {' and '.join(_SUFFIXES)} files. Received: {self.filepath!r}.")
        self.config: Any = None
        self.metadata: Any = None
        self.object_metadata: dict[str, dict[str, Any]] = {}
        with open_source(filepath, "KerasFileEditor") as source:
            self.weights_dict = self._read(source)

    def _read(self, source: Source) -> Objects:
        if not self.filepath.endswith(".keras"):
            root = source.hdf5()
            if root is None:
                raise FileFormatError(f"{source.where} is not an HDF5 file.")
            return self._arrays(root)
        with open_archive(source) as archive:
            self.config, self.metadata = archive.json("config.json"), archive.metadata()
            with archive.weights() as root:
                return self._arrays(root)

    def _arrays(self, root: Group) -> Objects:
        """All arrays, read after their sizes were checked together."""
        objects = self._objects(root, "", 0, set())
        stored: list[StoredArray] = [value for held in _all(objects) for value in held.values() if not isinstance(value, dict)]
        check_total(self.filepath, stored)
        for held in _all(objects):
            held |= {name: value.read(value.shape) for name, value in held.items() if not isinstance(value, dict)}
        return objects

    def _objects(self, group: Group, path: str, depth: int, seen: set[Hashable]) -> Objects:
        if depth > _DEEPEST:
            raise FileFormatError(f"{self.filepath}: groups are nested deeper than {_DEEPEST} levels.")
        if group.address in seen:
            raise FileFormatError(f"{self.filepath}: the group {group.path} is in two places. Models hold each in one.")
        seen.add(group.address)
        found: Objects = {}
        for name in group.names():
            if not depth and name == TRAINING:
                continue  # where a training run stood: other weights have none
            below = group.group(name) if group.is_group(name) else None
            if below is None:
                if (array := group.array(name)) is not None:
                    self._put(found, path, {name: array})
            elif name == "vars":
                if (title := below.attribute("name")) is not None:
                    self.object_metadata[path] = {"name": str(title)}
                self._put(found, path, self._objects(below, path, depth + 1, seen))
            elif inner := self._objects(below, f"{path}/{name}".lstrip("/"), depth + 1, seen):
                self._put(found, path, {name: inner})
        return found

    def _put(self, found: Objects, path: str, more: Objects) -> None:
        for name in found.keys() & more.keys():
            raise FileFormatError(f"{self.filepath}: {path} has two things of the name {name!r}.")
        found |= more

    # looking --------------------------------------------------------------------------------------------------------

    def summary(self) -> None:
        """Print all objects and weights."""
        for line in _lines(self.weights_dict):
            print(line)

    def compare(self, reference_model: Model) -> dict[str, str | int]:
        """Compare the weights of the file with those of a model, and print what differs.

        Args:
            reference_model: built.

        Returns:
            `{"status": "success" or "error", "error_count": ..., "match_count": ...}`.
        """
        expected: Objects = {}
        with parts_to_write(reference_model, optimizer=True) as parts:
            for part in parts:
                for name, array in part.arrays.items():
                    held = expected
                    for step in part.place.split("/") if part.place else []:
                        held = held.setdefault(step, {})
                    held[name] = array()
        found = [*_compared(self.weights_dict, expected)]
        problems = [text for text in found if text is not None]
        matches = len(found) - len(problems)
        print("\n".join(problems) or f"The file fits the model: {matches} weights match.")
        return {"status": "error" if problems else "success", "error_count": len(problems), "match_count": matches}

    # changing -------------------------------------------------------------------------------------------------------

    def rename_object(self, object_name: str, new_name: str) -> None:
        """Give an object another name.

        Args:
            object_name: its name, or its path if the name is there twice.
            new_name: without slashes; what is beside the object has other names.

        Raises:
            ValueError: there is no such object, or the new name is taken or unfit.
        """
        _check_name(new_name, "new_name")
        *place, name = self._find(object_name)
        above = self._object(place)
        self._check_free(above, new_name, "delete_object")
        above[new_name] = above.pop(name)
        self._move_metadata("/".join([*place, name]), "/".join([*place, new_name]))

    def delete_object(self, object_name: str) -> None:
        """Take out an object, with what is below it.

        Args:
            object_name: its name, or its path if the name is there twice.
        """
        *place, name = self._find(object_name)
        del self._object(place)[name]
        self._move_metadata("/".join([*place, name]), None)

    def add_object(self, object_path: str, weights: Mapping[str, Any]) -> None:
        """Put in an object.

        Args:
            object_path: its path; what is above it must be there, and itself not.
            weights: arrays by name, `{"0": kernel, "1": bias}`.

        Raises:
            ValueError: the path is taken or unfit, or the weights are no arrays of numbers.
        """
        *place, name = object_path.split("/") if isinstance(object_path, str) else [object_path]
        _check_name(name, "The last part of object_path")
        above = self._object(place)
        self._check_free(above, name, "delete_object, or change it by add_weights,")
        above[name] = _checked(weights)

    def add_weights(self, object_name: str, weights: Mapping[str, Any]) -> None:
        """Put weights into an object.

        Args:
            object_name: its name, or its path if the name is there twice.
            weights: arrays by name; those that are there already are replaced.

        Raises:
            ValueError: there is no such object, or the weights are no arrays of numbers, or one has the name of an object.
        """
        found, weights = self._object(self._find(object_name)), _checked(weights)
        for name in weights:
            if isinstance(found.get(name), dict):
                raise ValueError(f"{object_name!r} has an object {name!r}: no weight can have its name.")
        found.update(weights)

    def delete_weight(self, object_name: str, weight_name: str) -> None:
        """Take a weight out of an object.

        Args:
            object_name: its name, or its path if the name is there twice.
            weight_name: such as `"0"`.
        """
        found = self._object(self._find(object_name))
        own = [name for name, value in found.items() if not isinstance(value, dict)]
        if weight_name not in own:
            raise unknown_name(f"weight of {object_name!r}:", weight_name, own)
        del found[weight_name]

    def _find(self, name: str) -> list[str]:
        """The path of an object, which is given by that or by its name."""
        if not isinstance(name, str):
            raise ValueError(f"An object is given by its name or its path. Received: {describe(name)}.")
        paths = [*_paths(self.weights_dict)]
        found = [path for path in paths if path == name.split("/") or path[-1] == name]
        if "/" not in name and len(found) > 1:
            raise ValueError(f"{self.filepath} has {len(found)} objects of the name {name!r}. Give the path of one.")
        if not found:
            *place, last = name.split("/")
            if last in self._object(place) and "/" in name:
                raise ValueError(_A_WEIGHT.format(path=name))
            raise unknown_name("object", name, sorted({path[-1] for path in paths}))
        return found[0]

    def _object(self, path: list[str]) -> Objects:
        found: Any = self.weights_dict
        for name in path:
            if not isinstance(found, dict) or name not in found:
                raise ValueError(f"{self.filepath} has no object {'/'.join(path)!r}. editor.summary() shows all.")
            found = found[name]
        if not isinstance(found, dict):
            raise ValueError(_A_WEIGHT.format(path="/".join(path)))
        return found

    def _check_free(self, above: Objects, name: str, instead: str) -> None:
        if name in above:
            raise ValueError(f"{self.filepath} has {name!r} in this place already. First call {instead} if it is to go.")

    def _move_metadata(self, before: str, after: str | None) -> None:
        """Let what the file says of an object and of those below it go with them, or away."""
        for path in [path for path in self.object_metadata if path == before or path.startswith(f"{before}/")]:
            found = self.object_metadata.pop(path)
            if after is not None:
                self.object_metadata[after + path.removeprefix(before)] = found

    # saving ---------------------------------------------------------------------------------------------------------

    def save(self, filepath: str | os.PathLike[str]) -> None:
        """Write the weights to a new file.

        Args:
            filepath: ending in `.weights.h5`.
        """
        if not os.fspath(filepath).endswith(_SUFFIXES[1]):
            raise ValueError(f"KerasFileEditor.save writes a {_SUFFIXES[1]} file. Received: {os.fspath(filepath)!r}.")
        with opened_to_write(target_of(filepath, "save")) as file, create_hdf5(file) as root:
            self._write(root, self.weights_dict, "")

    def resave_weights(self, filepath: str | os.PathLike[str]) -> None:
        """The same as `save`."""
        self.save(filepath)

    def _write(self, root: H5Group, objects: Objects, path: str) -> None:
        arrays = {name: value for name, value in objects.items() if not isinstance(value, dict)}
        if arrays:
            stored = root.require_group(f"{path}/vars".lstrip("/"))
            stored.attrs["name"] = self.object_metadata.get(path, {}).get("name", path.rpartition("/")[2])
            for name, array in arrays.items():
                write_array(stored, name, array)
        for name, value in objects.items():
            if isinstance(value, dict):
                self._write(root, value, f"{path}/{name}".lstrip("/"))


def _checked(weights: Mapping[str, Any]) -> Objects:
    if not isinstance(weights, Mapping):
        raise ValueError(f"weights is a dict of arrays by name, {{'0': kernel, '1': bias}}. Received: {describe(weights)}.")
    found: Objects = {}
    for name, value in weights.items():
        _check_name(name, "The name of a weight")
        if isinstance(value, Mapping):
            raise ValueError(
                f"The weight {name!r} is an array; objects below are added by add_object. Received: {describe(value)}."
            )
        array = np.asarray(value)
        if array.dtype != jnp.bfloat16 and (array.dtype.kind not in "fiub" or array.dtype.itemsize > 8):
            raise ValueError(f"The weight {name!r} must be an array of real numbers. Received: {describe(value)}.")
        found[name] = array
    return found


def _check_name(name: object, what: str) -> None:
    if isinstance(name, str) and "/" in name:
        raise ValueError(f"{what} is a name, not a path: it cannot hold '/'. Received: {name!r}.")
    if not isinstance(name, str) or name in ("", ".", "vars") or unsafe_name(name):
        raise ValueError(f"{what} must be a text that can name a group of a file, such as 'dense_1'. Received: {name!r}.")


def _paths(objects: Objects, above: tuple[str, ...] = ()) -> Iterator[list[str]]:
    """The paths of all objects."""
    for name, value in objects.items():
        if isinstance(value, dict):
            yield [*above, name]
            yield from _paths(value, (*above, name))


def _all(objects: Objects) -> Iterator[Objects]:
    """An object and all below it."""
    yield objects
    for value in objects.values():
        if isinstance(value, dict):
            yield from _all(value)


def _compared(file: Objects, model: Objects, path: str = "") -> Iterator[str | None]:
    """What differs, an object that only one of them has as one difference; None for each weight that is in both."""
    for name in dict.fromkeys([*model, *file]):
        place = path + name
        if name not in file or name not in model:
            yield f"{place}: is in the {'model' if name in model else 'file'} alone"
        elif isinstance(file[name], dict) and isinstance(model[name], dict):
            yield from _compared(file[name], model[name], f"{place}/")
        elif (there := np.shape(file[name])) != (wanted := np.shape(model[name])):
            yield f"{place}: the file has {there}, the model {wanted}"
        else:
            yield None


def _lines(objects: Objects, indent: str = "") -> Iterator[str]:
    for name, value in objects.items():
        if isinstance(value, dict):
            yield indent + name
            yield from _lines(value, indent + "    ")
        else:
            yield f"{indent}{name}: {value.dtype}{value.shape}"
