"""`.keras`: three members, in a zip archive or in a folder.

    metadata.json      {"keras_version": "3.15.1", "date_saved": "2025-01-31@12:00:00"}
    config.json        the model as a Keras 3 object
    model.weights.h5   weights and optimizer, in the layout of a Keras 3 weights file
    assets/...         files of layers that keep some; nobody reads them who does not know the layer

Both forms are read by exact names. In a folder a link is followed, since caches of downloads are full of them, but only to a
plain file: a pipe would be waited for.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from jkeras._base.atomic import atomic_file, atomic_folder
from jkeras._base.errors import FileFormatError, UnsafeFileError
from jkeras.saving.json_door import read_json
from jkeras.saving.window import Window
from jkeras.saving.zip_door import open_zip
from jkeras.saving.zip_writer import ZipWriter

METADATA, CONFIG, WEIGHTS = "metadata.json", "config.json", "model.weights.h5"
WRITES_AS = "3.15.1"  # the version of Keras whose form is written
_NPZ = "model.weights.npz"
_JSON_LIMIT = 32 << 20

_PICKLED = """{where}: its weights are in {member}, which holds Python pickles. Pickles run code when they are read, so jkeras
reads none. Load the model with Keras and save it anew: it writes {wanted}."""


_FOREIGN = {
    ".npy": "is an archive of NumPy arrays (.npz). Build the model, and give it the arrays with model.set_weights([...]).",
    "data.pkl": "is a file of PyTorch, a Python pickle. Pickles run code when they are read, so jkeras reads none.",
}


class _Members(Protocol):
    """What a zip archive and a folder have in common."""

    def __contains__(self, name: str) -> bool: ...

    def read(self, name: str, limit: int) -> bytes: ...

    def open(self, name: str) -> contextlib.AbstractContextManager[BinaryIO]: ...


class Archive:
    """An opened `.keras` file or folder.

    Args:
        members: where the bytes are.
        where: what messages call it.
    """

    def __init__(self, members: _Members, where: str):
        self._members, self.where = members, where

    def config(self) -> Any:
        """The model's config."""
        return self._json(CONFIG)

    def metadata(self) -> Any:
        """Version and date; empty where the archive has none."""
        return self._json(METADATA) if METADATA in self._members else {}

    @contextlib.contextmanager
    def weights(self) -> Iterator[BinaryIO]:
        """The HDF5 file with the weights.

        Raises:
            UnsafeFileError: they are in another form, which cannot be read safely.
            FileFormatError: there are none.
        """
        if WEIGHTS not in self._members and _NPZ in self._members:
            raise UnsafeFileError(_PICKLED.format(where=self.where, member=_NPZ, wanted=WEIGHTS))
        with self._members.open(WEIGHTS) as file:
            yield file

    def _json(self, name: str) -> Any:
        return read_json(self._members.read(name, _JSON_LIMIT), where=f"{self.where}: {name}")


class StoredFolder:
    """The plain files of a folder, by exact name.

    Args:
        path: of the folder.
    """

    def __init__(self, path: Path):
        self._path = path

    def __contains__(self, name: str) -> bool:
        return os.path.lexists(self._path / name)

    def read(self, name: str, limit: int) -> bytes:
        """The bytes of a small file.

        Raises:
            UnsafeFileError: it is larger than the limit, or no plain file.
        """
        with self.open(name) as file:
            data = file.read(limit + 1)
        if len(data) > limit:
            raise UnsafeFileError(f"{self._path}: {name}: has more than {limit:,} bytes, the most that are read.")
        return data

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """A file of the folder.

        Raises:
            FileFormatError: there is none.
            UnsafeFileError: it is a folder, a pipe or a device.
        """
        try:
            # Not to wait for a pipe; what it is, is asked of what was opened.
            handle = os.open(self._path / name, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        except FileNotFoundError as error:
            raise FileFormatError(f"{self._path}: the folder has no {name}.") from error
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise UnsafeFileError(f"{self._path}: {name}: is a folder, a pipe or a device, not a file.")
        with open(handle, "rb", buffering=0) as file:
            yield Window(file, 0, os.fstat(handle).st_size)  # type: ignore[arg-type, misc]


@contextlib.contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Open a `.keras` file, or the folder that holds the same.

    Args:
        path: of the file or folder.

    Raises:
        FileFormatError: it is damaged.
        UnsafeFileError: it holds what no writer of models writes.
    """
    where = os.fspath(path)
    if path.is_dir():
        yield Archive(StoredFolder(path), where)
        return
    with open_zip(path, where) as members:
        if CONFIG not in members and WEIGHTS not in members:
            for end, what in _FOREIGN.items():
                if any(name.endswith(end) for name in members.names()):
                    raise FileFormatError(f"{where}: {what}")
        yield Archive(members, where)


def write_archive(path: Path, config: str, fill: Callable[[Any], None], zipped: bool = True) -> None:
    """Write a `.keras` file or folder, atomically.

    Args:
        path: of the file or folder.
        config: the model's config as JSON.
        fill: writes the weights into the HDF5 file that it is given, a path or a file object.
        zipped: False for a folder.
    """
    metadata = json.dumps({"keras_version": WRITES_AS, "date_saved": time.strftime("%Y-%m-%d@%H:%M:%S")})
    if not zipped:
        with atomic_folder(path) as folder:
            (folder / METADATA).write_text(metadata, encoding="utf-8")
            (folder / CONFIG).write_text(config, encoding="utf-8")
            fill(folder / WEIGHTS)
        return
    with atomic_file(path) as temporary, open(temporary, "w+b", buffering=0) as file:
        archive = ZipWriter(file)
        archive.write(METADATA, metadata.encode())
        archive.write(CONFIG, config.encode())
        with archive.open(WEIGHTS) as window:
            fill(window)
        archive.close()
