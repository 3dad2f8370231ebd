"""`.weights.json`: weights in several files. `model.weights.json` names `model_00000.weights.h5`, `model_00001.weights.h5`, ...

    {"metadata": {"total_size": 98304.0}, "weight_map": {"/layers/dense/vars": "model_00000.weights.h5", ...}}

Each file has the layout of Keras 3's weights files, with some of the groups; a group whose arrays reach over the end of a file
goes on in the next. Together the files are one tree, so a `MergedGroup` shows them as one group to the usual reader. The resume
state is in the last file, which Keras passes over.

Files replace old ones of the same name one after the other. If that is interrupted, the new and the old do not belong together;
so all files of one save bear the same mark, and so does the map.

The map comes from a stranger. The names in it must be names of plain files beside it, not paths.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np

from jkeras._base.atomic import atomic_file
from jkeras._base.errors import FileFormatError, UnsafeFileError
from jkeras._safe_io.hdf5 import H5Group, MergedGroup, create_hdf5, open_hdf5, write_array
from jkeras._safe_io.json import MAX_BYTES, read_json
from jkeras._safe_io.sources import Source
from jkeras.saving import layout_keras3
from jkeras.saving.formats.base import Format, ReadOptions, Target, WriteOptions
from jkeras.saving.formats.keras3_weights import read_keras3
from jkeras.saving.model_classes import Model
from jkeras.saving.training_state import is_in_training, write_training

_GIGABYTE = 1024**3
_DEFAULT_GIGABYTES = 5.0
_MOST_FILES = 10_000
_MARK = "jkeras_saving"

_Piece = tuple[layout_keras3.Part, str, np.ndarray | None]
_NextFile = Callable[[], AbstractContextManager[tuple[str, H5Group]]]

_TOO_LARGE = """{owner}: an array of {size} bytes does not fit into a file of max_shard_size={limit} gigabytes. Give a larger
max_shard_size."""
_MIXED = """{where}: {name} is of another save than the map; a save was interrupted, or files of two were mixed. Take the files
of one save together."""


class ShardedWeights(Format):
    """`.weights.json` and the files that it names."""

    title = "Keras 3, in several files"
    suffixes = (".weights.json",)
    takes = frozenset({"max_shard_size"})

    def sniff(self, source: Source) -> bool:
        start = source.start
        found = start.lstrip()[:1] == b"{" and (b'"class_name"' not in start or b'"weight_map"' in start)
        if found and source.path is None:
            raise FileFormatError(
                f"{source.where}: is the map of weights in several files. Give its path, beside which they lie."
            )
        return found

    def write(self, target: Target, model: Model, options: WriteOptions) -> None:
        assert isinstance(target, Path)  # an open file has no suffix, so it does not ask for this format
        limit = (options.max_shard_size or _DEFAULT_GIGABYTES) * _GIGABYTE
        base = target.name.removesuffix(".json").removesuffix(".weights")
        mark, numbers = secrets.token_hex(8), itertools.count()
        # Files take their places when all are written, in the reverse order, so the map last.
        with contextlib.ExitStack() as files:
            temporary_map = files.enter_context(atomic_file(target))
            parts = files.enter_context(layout_keras3.parts_to_write(model, optimizer=True))

            @contextlib.contextmanager
            def next_file() -> Iterator[tuple[str, H5Group]]:
                name = f"{base}_{next(numbers):05}.weights.h5"
                with create_hdf5(files.enter_context(atomic_file(target.with_name(name)))) as root:
                    root.attrs[_MARK] = mark
                    yield name, root

            places, total = _write_pieces(_pieces(parts, limit), limit, next_file)
            if is_in_training(model):
                with next_file() as (name, root):
                    write_training(root, model)
                places[f"/{layout_keras3.TRAINING}"] = [name]
            weight_map = {place: names[0] if len(names) == 1 else names for place, names in places.items()}
            metadata = {"total_size": float(total), _MARK: mark}
            temporary_map.write_text(json.dumps({"metadata": metadata, "weight_map": weight_map}, indent=4))

    def read_weights(self, source: Source, model: Model, options: ReadOptions) -> None:
        path, where = source.path, source.where
        assert path is not None
        if path.stat().st_size > MAX_BYTES:
            raise UnsafeFileError(f"{where}: is larger than a map of weights may be.")
        content = read_json(path.read_bytes(), where=where)
        names = _files(content, path, where)
        metadata = content.get("metadata")
        mark = metadata.get(_MARK) if isinstance(metadata, dict) else None
        with contextlib.ExitStack() as opened:
            groups = [opened.enter_context(open_hdf5(path.with_name(name), f"{where}: {name}")) for name in names]
            for name, group in zip(names, groups, strict=True):
                if mark is not None and group.attribute(_MARK) != mark:
                    raise FileFormatError(_MIXED.format(where=where, name=name))
            read_keras3(MergedGroup(groups), model, where, options)


def _write_pieces(pieces: Iterator[_Piece], limit: float, next_file: _NextFile) -> tuple[dict[str, list[str]], int]:
    """Write arrays, file by file. Returns the names of the files that hold those of each group, and the bytes of all."""
    places: dict[str, list[str]] = {}
    total, size, root = 0, 0, None
    with contextlib.ExitStack() as current:
        for part, entry, array in pieces:
            count = 0 if array is None else array.nbytes
            if root is None or size + count > limit:
                current.close()
                (name, root), size = current.enter_context(next_file()), 0
            size, total = size + count, total + count
            place = f"/{part.place}/vars".replace("//", "/")
            group = root.require_group(place)
            group.attrs["name"] = part.name
            if array is not None:
                write_array(group, entry, array)
                if name not in places.setdefault(place, []):
                    places[place].append(name)
    return places, total


def _pieces(parts: Iterator[layout_keras3.Part], limit: float) -> Iterator[_Piece]:
    """The arrays of all parts; a part without arrays comes once, with None."""
    for part in parts:
        if not part.arrays:
            yield part, "", None
        for entry, make in part.arrays.items():
            array = make()
            if array.nbytes > limit:
                text = _TOO_LARGE.format(owner=part.place, size=array.nbytes, limit=limit / _GIGABYTE)
                raise ValueError(text)
            yield part, entry, array


def _files(content: object, path: Path, where: str) -> list[str]:
    """The names of the files, checked."""
    weight_map = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(weight_map, dict):
        raise FileFormatError(f"{where}: is not a map of weights; it has no 'weight_map'.")
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
            raise UnsafeFileError(f"{where}: names {name!r}, which is not the name of a file beside it.")
        beside = path.with_name(name)
        if beside.exists() and not beside.is_file():
            raise UnsafeFileError(f"{where}: {name} is a folder, a device or a pipe.")
        if not beside.exists():
            raise FileFormatError(f"{where}: the file {name} that it names is missing.")
    return list(names)
