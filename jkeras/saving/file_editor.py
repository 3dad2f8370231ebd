"""`KerasFileEditor`: look into a file of weights, and change what it holds.

An object is a layer, a metric or an optimizer; it has weights, `"0"`, `"1"`, ..., and objects below it. The editor reads the file
by the safe readers into nested dicts, and writes a new `.weights.h5`; the file itself stays as it is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np

from jkeras._base.errors import FileFormatError, describe, unknown_name
from jkeras._base.registry import export
from jkeras._safe_io.hdf5 import Group, H5Group, create_hdf5, write_array
from jkeras._safe_io.sources import Source, open_source, opened_to_write, target_of
from jkeras.saving.formats.keras_archive import open_archive
from jkeras.saving.layout_keras3 import TRAINING, parts_to_write
from jkeras.saving.model_classes import Model

Objects: TypeAlias = dict[str, Any]  # name -> an array, or the same of an object below

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
        FileFormatError: a damaged file.

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
            return self._objects(root, "", 0)
        with open_archive(source) as archive:
            self.config, self.metadata = archive.json("config.json"), archive.metadata()
            with archive.weights() as root:
                return self._objects(root, "", 0)

    def _objects(self, group: Group, path: str, depth: int) -> Objects:
        if depth > _DEEPEST:
            raise FileFormatError(f"{self.filepath}: groups are nested deeper than {_DEEPEST} levels.")
        found: Objects = {}
        for name in group.names():
            if not depth and name == TRAINING:
                continue  # where a training run stood: other weights have none
            below = group.group(name) if group.is_group(name) else None
            if below is None:
                if (array := group.array(name)) is not None:
                    found[name] = array.read(array.shape)
            elif name == "vars":
                if (title := below.attribute("name")) is not None:
                    self.object_metadata[path] = {"name": str(title)}
                found |= self._objects(below, path, depth + 1)
            elif inner := self._objects(below, f"{path}/{name}".lstrip("/"), depth + 1):
                found[name] = inner
        return found

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
                    _object_at(expected, part.place.split("/") if part.place else [], make=True)[name] = array()
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
            new_name: without slashes.
        """
        if "/" in new_name:
            raise ValueError(f"new_name is a name, not a path: it cannot hold '/'. Received: {new_name!r}.")
        above, name = self._find(object_name)
        above[new_name] = above.pop(name)

    def delete_object(self, object_name: str) -> None:
        """Take out an object, with what is below it.

        Args:
            object_name: its name, or its path if the name is there twice.
        """
        above, name = self._find(object_name)
        del above[name]

    def add_object(self, object_path: str, weights: Mapping[str, Any]) -> None:
        """Put in an object.

        Args:
            object_path: its path; what is above it must be there.
            weights: arrays by name, `{"0": kernel, "1": bias}`.
        """
        *above, name = object_path.split("/")
        self._object(above)[name] = _checked(weights)

    def add_weights(self, object_name: str, weights: Mapping[str, Any]) -> None:
        """Put weights into an object.

        Args:
            object_name: its name, or its path if the name is there twice.
            weights: arrays by name; those that are there already are replaced.
        """
        above, name = self._find(object_name)
        above[name].update(_checked(weights))

    def delete_weight(self, object_name: str, weight_name: str) -> None:
        """Take a weight out of an object.

        Args:
            object_name: its name, or its path if the name is there twice.
            weight_name: such as `"0"`.
        """
        above, name = self._find(object_name)
        if weight_name not in above[name]:
            raise unknown_name(f"weight of {object_name!r}:", weight_name, [*above[name]])
        del above[name][weight_name]

    def _find(self, name: str) -> tuple[Objects, str]:
        """The dict that holds an object, and the object's name in it."""
        if "/" in name:
            *above, last = name.split("/")
            found = [self._object(above)]
        else:
            last = name
            found = [objects for objects in _all(self.weights_dict) if name in objects]
        if len(found) > 1:
            raise ValueError(f"{self.filepath} has {len(found)} objects of the name {name!r}. Give the path of one.")
        if not found or last not in found[0]:
            raise unknown_name("object", name, sorted({key for objects in _all(self.weights_dict) for key in objects}))
        return found[0], last

    def _object(self, path: list[str]) -> Objects:
        try:
            return _object_at(self.weights_dict, path)
        except KeyError:
            raise ValueError(f"{self.filepath} has no object {'/'.join(path)!r}. editor.summary() shows all.") from None

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
    return {name: np.asarray(value) for name, value in weights.items()}


def _object_at(objects: Objects, path: list[str], make: bool = False) -> Objects:
    for name in path:
        objects = objects.setdefault(name, {}) if make else objects[name]
    return objects


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
