"""`Window`: part of an open file as a file of its own, for HDF5 inside a zip archive and for HDF5 alone.

By hand, because HDF5 writes back and forth where `zipfile` writes members from front to back, and because a file that Python
opens once stays the same file even if another takes its place meanwhile. Reads and writes beyond two gigabytes are made in
parts, and a full disk ends in an error, not in a library that cannot be closed.
"""

from __future__ import annotations

import io
import os
import zlib
from typing import IO, TYPE_CHECKING

from jkeras._safe_io.byte_range import ByteRange, Checksum, range_of

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

RawFile = IO[bytes] | io.RawIOBase
_CHUNK = 1 << 20


class Window(io.RawIOBase):
    """Part of an open file, as a file of its own.

    Args:
        file: seekable and unbuffered; nobody else may read it at the same time.
        start: where the part begins.
        size: its length; None lets it grow, for writing at the end of a file.

    Example:
        >>> window = Window(io.BytesIO(b"0123456789"), 3, 4)
        >>> window.read(), window.seek(-1, 2), window.read(5)
        (b'3456', 3, b'6')
    """

    def __init__(self, file: RawFile, start: int, size: int | None = None):
        super().__init__()
        self._file, self._start, self._fixed = file, start, size
        self.size = size or 0
        self._at = 0
        self._failed = False

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def writable(self) -> bool:
        return self._fixed is None

    @property
    def byte_range(self) -> ByteRange | None:
        """The same bytes for several threads at once; None where the system offers no way, and while the window may grow."""
        return None if self._fixed is None else range_of(self._file, self._start, self._fixed)

    def verify(self) -> None:
        """Raise FileFormatError if the bytes are known to be damaged; a plain file has no checksum to tell."""

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise ValueError(f"Negative position {base + offset}.")
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")[: max(0, self.size - self._at)]
        done = 0
        self._file.seek(self._start + self._at)
        while done < len(view):  # the system may return less than was asked for
            found = self._file.readinto(view[done:])  # type: ignore[union-attr]
            if not found:
                break
            done += found
        self._at += done
        return done

    def write(self, data: ReadableBuffer) -> int:
        view = memoryview(data).cast("B")
        # HDF5 writes once more when it is closed. After a failure that would fail again and leave it open forever.
        if not self._failed:
            self._write(view)
        self._at += len(view)
        self.size = max(self.size, self._at)
        return len(view)

    def _write(self, view: memoryview) -> None:
        done = 0
        try:
            self._file.seek(self._start + self._at)
            while done < len(view):  # the system may take less than it was given
                done += self._file.write(view[done:])
        except BaseException:
            self._failed = True
            raise

    def flush(self) -> None:
        """Nothing waits: each write goes to the file at once."""

    def truncate(self, size: int | None = None) -> int:
        self.size = self._at if size is None else size
        if not self._failed:
            self._file.truncate(self._start + self.size)
        return self.size

    def checksum(self) -> int:
        """The CRC-32 of all of it."""
        whole = range_of(self._file, self._start, self.size)
        if whole is not None:
            return Checksum(whole).result()
        found, at = 0, self._at
        self.seek(0)
        buffer = bytearray(_CHUNK)
        while count := self.readinto(buffer):
            found = zlib.crc32(memoryview(buffer)[:count], found)
        self._at = at
        return found
