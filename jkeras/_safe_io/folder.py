"""The safe reader for folders: plain files by exact name.

A link is followed, since caches of downloads are full of them, but only to a plain file: reading a pipe would wait forever.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from jkeras._base.errors import FileFormatError, UnsafeFileError
from jkeras._safe_io.window import Window


class StoredFolder:
    """A folder, with the same methods as a zip archive.

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
            UnsafeFileError: it is larger than the limit, or not a plain file.
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
            # Opened without waiting for a pipe, and then asked what it is, so that nothing can be put in its place in between.
            handle = os.open(self._path / name, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        except FileNotFoundError as error:
            raise FileFormatError(f"{self._path}: the folder has no {name}.") from error
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise UnsafeFileError(f"{self._path}: {name}: is a folder, a pipe or a device, not a file.")
        with open(handle, "rb", buffering=0) as file:
            yield Window(file, 0, os.fstat(handle).st_size)  # type: ignore[misc]

    @contextlib.contextmanager
    def folder(self, name: str) -> Iterator[Path | None]:
        """A folder of plain files and folders; None if there is none.

        Raises:
            UnsafeFileError: it holds something else.
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
