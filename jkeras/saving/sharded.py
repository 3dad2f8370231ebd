"""Weights in several files: `model.weights.json` names them, `model_00000.weights.h5`, `model_00001.weights.h5`, ... hold them.

    {"metadata": {"total_size": 98304.0}, "weight_map": {"/layers/dense/vars": "model_00000.weights.h5", ...}}

Each file has the layout of Keras 3's weights files, with a part of the groups; a group whose arrays go over the end of a file
goes on in the next. Read together, the files are one tree, so a `MergedGroup` shows them as one group to the usual reader.

The map comes from a stranger. The names in it are names of plain files beside it, and no paths.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jkeras._base.atomic import atomic_file
from jkeras._base.errors import FileFormatError, UnsafeFileError
from jkeras.saving import layout_keras3
from jkeras.saving.hdf5_door import StoredArray, StoredGroup, create_hdf5, open_hdf5, write_array
from jkeras.saving.json_door import read_json

_GIGABYTE = 1024**3
_DEFAULT_GIGABYTES = 5.0
_MOST_FILES = 10_000
_MAP_BYTES = 32 << 20

_Piece = tuple[layout_keras3.Part, int, np.ndarray | None]

_TOO_LARGE = """{owner}: an array of {size} bytes does not fit into a file of max_shard_size={limit} gigabytes. Give a larger
max_shard_size."""


class MergedGroup:
    """A group that is spread over several files.

    Args:
        groups: its parts.
    """

    def __init__(self, groups: Sequence[StoredGroup]):
        self._groups = list(groups)

    def names(self) -> list[str]:
        """Names of what is in any of the parts."""
        return list(dict.fromkeys(name for group in self._groups for name in group.names()))

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
    """Write a model's weights and optimizer. Files take their places when all are written, the map last.

    Args:
        path: of the map, `model.weights.json`.
        model: built.
        max_shard_size: gigabytes of arrays in a file. Default 5.

    Raises:
        ValueError: an array alone is larger.
        OSError: a file cannot be written.
    """
    limit = (_DEFAULT_GIGABYTES if max_shard_size is None else max_shard_size) * _GIGABYTE
    base = path.name.removesuffix(".json").removesuffix(".weights")
    places: dict[str, list[str]] = {}
    total = 0
    with contextlib.ExitStack() as files:
        temporary_map = files.enter_context(atomic_file(path))
        parts = files.enter_context(layout_keras3.parts_to_write(model, optimizer=True))
        for i, shard in enumerate(_shards(parts, limit)):
            name = f"{base}_{i:05}.weights.h5"
            with create_hdf5(files.enter_context(atomic_file(path.with_name(name)))) as root:
                total += _write_shard(root, shard, name, places)
        weight_map = {place: names[0] if len(names) == 1 else names for place, names in places.items()}
        temporary_map.write_text(json.dumps({"metadata": {"total_size": float(total)}, "weight_map": weight_map}, indent=4))


def read(path: Path, model: Any, *, skip_mismatch: bool = False, where: str) -> None:
    """Read a model's weights, and its optimizer where it is compiled.

    Args:
        path: of the map.
        model: built.
        skip_mismatch: leave out layers that do not fit, with a warning.
        where: the map, for messages.

    Raises:
        FileFormatError: a file is missing or damaged, or something does not fit; nothing was read then.
        UnsafeFileError: the map names what is no plain file beside it.
    """
    if path.stat().st_size > _MAP_BYTES:
        raise UnsafeFileError(f"{where}: is larger than a map of weights may be.")
    content = read_json(path.read_bytes(), where=where)
    with contextlib.ExitStack() as opened:
        groups = [
            opened.enter_context(open_hdf5(path.with_name(name), f"{where}: {name}")) for name in _files(content, path, where)
        ]
        layout_keras3.read(MergedGroup(groups), model, skip_mismatch=skip_mismatch, where=where)


def _write_shard(root: Any, shard: Iterator[_Piece], name: str, places: dict[str, list[str]]) -> int:
    """Write one file; note in `places` what is in it. Returns the bytes of its arrays."""
    total = 0
    for part, number, array in shard:
        place = f"/{part.place}/vars".replace("//", "/")
        group = root.require_group(place)
        group.attrs["name"] = part.name
        if array is not None:
            write_array(group, str(number), array)
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
            yield part, 0, None
        for i, make in enumerate(part.arrays):
            array = make()
            if array.nbytes > limit:
                text = _TOO_LARGE.format(owner=part.place, size=array.nbytes, limit=limit / _GIGABYTE)
                raise ValueError(text)
            yield part, i, array


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
