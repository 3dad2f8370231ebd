"""Writing a zip archive of stored members, each of which may be filled in place.

`zipfile` writes a member from front to back, and HDF5 writes back and forth; writing it elsewhere first and copying it would
double the time and the space of saving. So `zipfile` adds an empty member, its bytes go through a `Window` at the end of the
archive, and its header is written once more when size and checksum are known. The result is an ordinary archive, as Keras
writes it.
"""

from __future__ import annotations

import contextlib
import time
import zipfile
from collections.abc import Iterator
from typing import IO

from jkeras._safe_io.window import Window


class ZipWriter(zipfile.ZipFile):
    """An archive that grows at its end.

    Args:
        file: empty and unbuffered, open for reading and writing.

    Example:
        >>> import io
        >>> file = io.BytesIO()
        >>> with ZipWriter(file) as archive:
        ...     archive.writestr("a.txt", b"alpha")
        ...     with archive.fill("b.bin") as window:
        ...         _ = window.write(b"beta!"), window.seek(4), window.write(b".")
        >>> [(i.filename, zipfile.ZipFile(file).read(i)) for i in zipfile.ZipFile(file).infolist()]
        [('a.txt', b'alpha'), ('b.bin', b'beta.')]
    """

    def __init__(self, file: IO[bytes]):
        super().__init__(Window(file, 0), "w", zipfile.ZIP_STORED)  # type: ignore[arg-type]
        self._raw = file

    @contextlib.contextmanager
    def fill(self, name: str) -> Iterator[Window]:
        """Add a member by writing into it, back and forth.

        Args:
            name: its path in the archive.
        """
        info = zipfile.ZipInfo(name, time.localtime()[:6])
        with self.open(info, "w", force_zip64=True):
            pass  # its header, with room for a size of 64 bits
        start = self.start_dir
        window = Window(self._raw, start)
        yield window
        info.file_size = info.compress_size = window.size
        info.CRC = window.checksum()
        Window(self._raw, info.header_offset).write(info.FileHeader(zip64=True))
        self.start_dir = start + window.size
