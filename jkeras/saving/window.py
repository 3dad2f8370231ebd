"""`Window`: a stretch of a file as a file of its own, for HDF5 within a zip archive and for HDF5 alone.

Whole HDF5 files go through it too. The file is opened once, by Python: so all that is read is of one file, even if another takes
its place meanwhile; reads and writes beyond two gigabytes are made in parts; and a full disk ends in an error, not in a library
that cannot be closed.
"""

from __future__ import annotations

import contextlib
import io
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from jkeras.saving.hdf5_door import StoredGroup, create_hdf5, open_hdf5
from jkeras.saving.open_files import opened_to_read
from jkeras.saving.stretch import Checksum, Stretch, stretch_of

_CHUNK = 1 << 20


class Window(io.RawIOBase):
    """A stretch of an open file, as a file of its own.

    Args:
        file: seekable, opened unbuffered; others must not read it at the same time.
        start: where the stretch begins.
        size: its length; None lets it grow, for writing at the end of a file.

    Example:
        >>> window = Window(io.BytesIO(b"0123456789"), 3, 4)
        >>> window.read(), window.seek(-1, 2), window.read(5)
        (b'3456', 3, b'6')
    """

    def __init__(self, file: BinaryIO, start: int, size: int | None = None):
        super().__init__()
        self._file, self._start, self._fixed = file, start, size
        self._size = size or 0
        self._at = 0
        self._failed = False

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def writable(self) -> bool:
        return self._fixed is None

    @property
    def size(self) -> int:
        """Its length so far."""
        return self._size

    @property
    def stretch(self) -> Stretch | None:
        """The same bytes for several threads at once; None where the system has no such way, and while it may grow."""
        return None if self._fixed is None else stretch_of(self._file, self._start, self._fixed)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError(f"Negative position {base + offset}.")
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")[: max(0, self._size - self._at)]
        done = 0
        self._file.seek(self._start + self._at)
        while done < len(view):  # the system may give less than was asked for
            found = self._file.readinto(view[done:])  # type: ignore[attr-defined]
            if not found:
                break
            done += found
        self._at += done
        return done

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        # HDF5 writes once more when it is closed. After a failure that would fail again and leave it open for ever.
        if not self._failed:
            self._write(view)
        self._at += len(view)
        self._size = max(self._size, self._at)
        return len(view)

    def _write(self, view: memoryview) -> None:
        done = 0
        try:
            self._file.seek(self._start + self._at)
            while done < len(view):  # the system may take less than was given
                done += self._file.write(view[done:])
        except BaseException:
            self._failed = True
            raise

    def flush(self) -> None:
        """Nothing waits: each write goes to the file at once."""

    def truncate(self, size: int | None = None) -> int:
        self._size = self._at if size is None else size
        if not self._failed:
            self._file.truncate(self._start + self._size)
        return self._size

    def checksum(self) -> int:
        """The CRC-32 of all of it."""
        stretch = stretch_of(self._file, self._start, self._size)
        if stretch is not None:
            return Checksum(stretch).result()
        found, at = 0, self._at
        self.seek(0)
        buffer = bytearray(_CHUNK)
        while count := self.readinto(buffer):
            found = zlib.crc32(memoryview(buffer)[:count], found)
        self._at = at
        return found


@contextlib.contextmanager
def read_hdf5(source: Path | BinaryIO, where: str) -> Iterator[StoredGroup]:
    """The root of an HDF5 file.

    Args:
        source: path of the file, or the open file.
        where: what messages call it.
    """
    with opened_to_read(source) as file:
        window = Window(file, 0, file.seek(0, os.SEEK_END))
        with open_hdf5(window, where) as root:  # type: ignore[arg-type]
            yield root


@contextlib.contextmanager
def write_hdf5(target: Path | BinaryIO) -> Iterator[Any]:
    """The root of a new HDF5 file, as h5py has it.

    Args:
        target: path of the file, or the file, open for reading and writing, unbuffered and empty.
    """
    if isinstance(target, Path):
        with open(target, "w+b", buffering=0) as file, write_hdf5(file) as root:  # type: ignore[arg-type]
            yield root
        return
    with create_hdf5(Window(target, 0)) as root:  # type: ignore[arg-type]
        yield root
