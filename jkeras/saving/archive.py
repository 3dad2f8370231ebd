"""`.keras`: three members, in a zip archive or in a folder.

    metadata.json      {"keras_version": "3.15.1", "date_saved": "2025-01-31@12:00:00"}
    config.json        the model as a Keras 3 object
    model.weights.h5   weights and optimizer, in the layout of a Keras 3 weights file
    assets/...         files of layers that keep some, in folders named as the layers' groups in the weights file

Both forms are read by exact names. In a folder a link is followed, since caches of downloads are full of them, but only to a
plain file: a pipe would be waited for. The files of layers are for the layers' own code to read; those of an archive are unpacked
to a folder that exists for that time alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from jkeras._base.atomic import atomic_folder
from jkeras._base.errors import FileFormatError, UnsafeFileError
from jkeras.saving.json_door import read_json
from jkeras.saving.open_files import opened_to_write, where_of
from jkeras.saving.window import Window
from jkeras.saving.zip_door import open_zip
from jkeras.saving.zip_writer import ZipWriter

METADATA, CONFIG, WEIGHTS, ASSETS = "metadata.json", "config.json", "model.weights.h5", "assets"
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

    def folder(self, name: str) -> contextlib.AbstractContextManager[Path | None]: ...


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

    def assets(self) -> contextlib.AbstractContextManager[Path | None]:
        """The folder of the layers' files; None where there is none."""
        return self._members.folder(ASSETS)

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
    def folder(self, name: str) -> Iterator[Path | None]:
        """A folder of the folder, of plain files and folders alone; None where there is none.

        Raises:
            UnsafeFileError: there is something else in it.
        """
        top = self._path / name
        if not top.is_dir():
            yield None
            return
        for place, folders, files in os.walk(top):
            for other in [f for f in folders if os.path.islink(os.path.join(place, f))]:
                raise UnsafeFileError(f"{self._path}: {os.path.join(place, other)}: is a link to a folder, not a folder.")
            for other in [f for f in files if not os.path.isfile(os.path.join(place, f))]:
                raise UnsafeFileError(f"{self._path}: {os.path.join(place, other)}: is a pipe or a device, not a file.")
        yield top


@contextlib.contextmanager
def open_archive(source: Path | BinaryIO) -> Iterator[Archive]:
    """Open a `.keras` file, or the folder that holds the same.

    Args:
        source: path of the file or folder, or the open file.

    Raises:
        FileFormatError: it is damaged.
        UnsafeFileError: it holds what no writer of models writes.
    """
    where = where_of(source)
    if isinstance(source, Path) and source.is_dir():
        yield Archive(StoredFolder(source), where)
        return
    with open_zip(source, where) as members:
        if CONFIG not in members and WEIGHTS not in members:
            for end, what in _FOREIGN.items():
                if any(name.endswith(end) for name in members.names()):
                    raise FileFormatError(f"{where}: {what}")
        yield Archive(members, where)


def write_archive(
    target: Path | BinaryIO,
    config: str,
    fill: Callable[[Any], None],
    write_assets: Callable[[Path], None] | None = None,
    zipped: bool = True,
) -> None:
    """Write a `.keras` file or folder, atomically.

    Args:
        target: path of the file or folder, or an open file.
        config: the model's config as JSON.
        fill: writes the weights into the HDF5 file that it is given, a path or a file object.
        write_assets: writes the layers' files into the folder that it is given; None where no layer has any.
        zipped: False for a folder.
    """
    metadata = json.dumps({"keras_version": WRITES_AS, "date_saved": time.strftime("%Y-%m-%d@%H:%M:%S")})
    if not zipped:
        assert isinstance(target, Path)
        with atomic_folder(target) as folder:
            (folder / METADATA).write_text(metadata, encoding="utf-8")
            (folder / CONFIG).write_text(config, encoding="utf-8")
            fill(folder / WEIGHTS)
            if write_assets is not None:
                write_assets(folder / ASSETS)
        return
    with opened_to_write(target) as file:
        archive = ZipWriter(file)
        archive.write(METADATA, metadata.encode())
        archive.write(CONFIG, config.encode())
        with archive.open(WEIGHTS) as window:
            fill(window)
        if write_assets is not None:
            with tempfile.TemporaryDirectory() as folder:
                write_assets(Path(folder) / ASSETS)
                _pack(archive, Path(folder))
        archive.close()


def _pack(archive: ZipWriter, folder: Path) -> None:
    """Put all files below a folder into an archive."""
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise ValueError(f"save_assets wrote {path.name!r}, which is a link, a pipe or a device. Write plain files.")
        if path.is_file():
            with archive.open(path.relative_to(folder).as_posix()) as window, open(path, "rb") as file:
                shutil.copyfileobj(file, window)
