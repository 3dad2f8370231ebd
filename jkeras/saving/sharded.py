"""Weights in several files: `model.weights.json` names them, `model_00000.weights.h5`, `model_00001.weights.h5`, ... hold them.

    {"metadata": {"total_size": 98304.0}, "weight_map": {"/layers/dense/vars": "model_00000.weights.h5", ...}}

Each file has the layout of Keras 3's weights files, with a part of the groups; a group whose arrays go over the end of a file
goes on in the next. Read together, the files are one tree, so a `MergedGroup` shows them as one group to the usual reader. Where
a training stands is in the last file, which Keras passes over.

Files replace old ones of the same name one after the other. If that is broken off, the new and the old do not belong together; so
all files of one saving bear the same mark, and so does the map.

The map comes from a stranger. The names in it are names of plain files beside it, and no paths.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jkeras._base.atomic import atomic_file
from jkeras._base.errors import FileFormatError, UnsafeFileError
from jkeras.saving import layout_keras3
from jkeras.saving.hdf5_door import StoredArray, StoredGroup, write_array
from jkeras.saving.json_door import read_json
from jkeras.saving.training_state import GROUP, is_in_training, read_training, write_training
from jkeras.saving.window import read_hdf5, write_hdf5

_GIGABYTE = 1024**3
_DEFAULT_GIGABYTES = 5.0
_MOST_FILES = 10_000
_MAP_BYTES = 32 << 20
_MARK = "jkeras_saving"

_Piece = tuple[layout_keras3.Part, str, np.ndarray | None]

_TOO_LARGE = """{owner}: an array of {size} bytes does not fit into a file of max_shard_size={limit} gigabytes. Give a larger
max_shard_size."""
_MIXED = """{where}: {name} is of another saving than the map; a saving was broken off, or files of two were mixed. Take the files
of one saving together."""


class MergedGroup:
    """A group that is spread over several files.

    Args:
        groups: its parts.
    """

    def __init__(self, groups: Sequence[StoredGroup]):
        self._groups = list(groups)

    def verify(self) -> None:
        """Make sure that no part is damaged, where that can be told."""
        for group in self._groups:
            group.verify()

    def names(self) -> list[str]:
        """Names of what is in any of the parts."""
        return list(dict.fromkeys(name for group in self._groups for name in group.names()))

    @property
    def where(self) -> str:
        """The first file."""
        return self._groups[0].where

    @property
    def path(self) -> str:
        """The group's place in the files."""
        return self._groups[0].path if self._groups else ""

    @property
    def address(self) -> Any:
        """Where its parts lie."""
        return tuple(group.address for group in self._groups)

    def is_group(self, name: str) -> bool:
        """Whether there is a group of this name in any of the parts."""
        return any(group.is_group(name) for group in self._groups)

    def group(self, name: str) -> MergedGroup | None:
        """The group of a name, or None."""
        found = [below for group in self._groups if (below := group.group(name)) is not None]
        return MergedGroup(found) if found else None

    def array(self, name: str) -> StoredArray | None:
        """The array of a name, or None."""
        return next((array for group in self._groups if (array := group.array(name)) is not None), None)

    def attribute(self, name: str, default: Any = None) -> Any:
        """An attribute of the first part that has it."""
        return next((value for group in self._groups if (value := group.attribute(name)) is not None), default)


def write(path: Path, model: Any, *, max_shard_size: float | None = None) -> None:
    """Write a model's weights and optimizer, and where its training stands. Files take their places when all are written, the
    map last.

    Args:
        path: of the map, `model.weights.json`.
        model: built.
        max_shard_size: gigabytes of weights in a file. Default 5. What a training keeps besides is in a file of its own.

    Raises:
        ValueError: an array alone is larger.
        OSError: a file cannot be written.
    """
    limit = (_DEFAULT_GIGABYTES if max_shard_size is None else max_shard_size) * _GIGABYTE
    base = path.name.removesuffix(".json").removesuffix(".weights")
    mark = secrets.token_hex(8)
    places: dict[str, list[str]] = {}
    total = 0
    with contextlib.ExitStack() as files:
        temporary_map = files.enter_context(atomic_file(path))
        parts = files.enter_context(layout_keras3.parts_to_write(model, optimizer=True))

        def next_file(number: int) -> tuple[str, Any]:
            name = f"{base}_{number:05}.weights.h5"
            return name, write_hdf5(files.enter_context(atomic_file(path.with_name(name))))

        number = 0
        for shard in _shards(parts, limit):
            name, opened = next_file(number)
            with opened as root:
                root.attrs[_MARK] = mark
                total += _write_shard(root, shard, name, places)
            number += 1
        if is_in_training(model):
            name, opened = next_file(number)
            with opened as root:
                root.attrs[_MARK] = mark
                write_training(root, model)
            places[f"/{GROUP}"] = [name]
        weight_map = {place: names[0] if len(names) == 1 else names for place, names in places.items()}
        metadata = {"total_size": float(total), _MARK: mark}
        temporary_map.write_text(json.dumps({"metadata": metadata, "weight_map": weight_map}, indent=4))


def read(path: Path, model: Any, *, skip_mismatch: bool = False, optimizer: bool = True, where: str) -> None:
    """Read a model's weights, and its optimizer and training where it is compiled.

    Args:
        path: of the map.
        model: built.
        skip_mismatch: leave out layers that do not fit, with a warning.
        optimizer: whether optimizer and training are read too.
        where: the map, for messages.

    Raises:
        FileFormatError: a file is missing, damaged or of another saving, or something does not fit; nothing was read then.
        UnsafeFileError: the map names what is no plain file beside it.
    """
    if path.stat().st_size > _MAP_BYTES:
        raise UnsafeFileError(f"{where}: is larger than a map of weights may be.")
    content = read_json(path.read_bytes(), where=where)
    names = _files(content, path, where)
    metadata = content.get("metadata")
    mark = metadata.get(_MARK) if isinstance(metadata, dict) else None
    with contextlib.ExitStack() as opened:
        groups = [opened.enter_context(read_hdf5(path.with_name(name), f"{where}: {name}")) for name in names]
        for name, group in zip(names, groups, strict=True):
            if mark is not None and group.attribute(_MARK) != mark:
                raise FileFormatError(_MIXED.format(where=where, name=name))
        merged = MergedGroup(groups)
        layout_keras3.read(merged, model, skip_mismatch=skip_mismatch, optimizer=optimizer, where=where)
        if optimizer:
            read_training(merged, model, where)


def _write_shard(root: Any, shard: Iterator[_Piece], name: str, places: dict[str, list[str]]) -> int:
    """Write one file; note in `places` what is in it. Returns the bytes of its arrays."""
    total = 0
    for part, entry, array in shard:
        place = f"/{part.place}/vars".replace("//", "/")
        group = root.require_group(place)
        group.attrs["name"] = part.name
        if array is not None:
            write_array(group, entry, array)
            total += array.nbytes
            if name not in places.setdefault(place, []):
                places[place].append(name)
    return total


def _shards(parts: Iterator[layout_keras3.Part], limit: float) -> Iterator[Iterator[_Piece]]:
    """The arrays of all parts, file by file; a part without arrays comes once, with None."""
    pieces = _pieces(parts, limit)
    waiting = [next(pieces, None)]

    def one() -> Iterator[_Piece]:
        size = 0
        while (piece := waiting[0]) is not None:
            size += 0 if piece[2] is None else piece[2].nbytes
            if size > limit:
                return
            waiting[0] = next(pieces, None)
            yield piece

    while waiting[0] is not None:
        yield one()


def _pieces(parts: Iterator[layout_keras3.Part], limit: float) -> Iterator[_Piece]:
    for part in parts:
        if not part.arrays:
            yield part, "", None
        for entry, make in part.arrays.items():
            array = make()
            if array.nbytes > limit:
                text = _TOO_LARGE.format(owner=part.place, size=array.nbytes, limit=limit / _GIGABYTE)
                raise ValueError(text)
            yield part, entry, array


def _files(content: Any, path: Path, where: str) -> list[str]:
    """The names of the files, checked."""
    weight_map = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(weight_map, dict):
        raise FileFormatError(f"{where}: is no map of weights; it has no 'weight_map'.")
    names: dict[str, None] = {}
    for found in weight_map.values():
        for name in found if isinstance(found, list) else [found]:
            if not isinstance(name, str):
                raise FileFormatError(f"{where}: names {name!r} as a file.")
            names[name] = None
    if len(names) > _MOST_FILES:
        raise UnsafeFileError(f"{where}: names {len(names)} files.")
    for name in names:
        if name in ("", ".", "..") or any(sign in name for sign in "/\\:\0"):
            raise UnsafeFileError(f"{where}: names {name!r}, which is no name of a file beside it.")
        beside = path.with_name(name)
        if beside.exists() and not beside.is_file():
            raise UnsafeFileError(f"{where}: {name} is a folder, a device or a pipe.")
        if not beside.exists():
            raise FileFormatError(f"{where}: the file {name} that it names is missing.")
    return list(names)
