"""Writing a zip archive of stored members, each of which may be filled in place.

`zipfile` writes a member from front to back. HDF5 goes back and forth; to write it elsewhere first and copy it would double the
time and the space of saving. So this writer gives a `Window` at the end of the archive, and enters sizes and checksum when it is
filled. The result is an ordinary archive, as Keras writes it: every member stored, none compressed.
"""

from __future__ import annotations

import contextlib
import struct
import time
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from jkeras.saving.window import Window

_LOCAL, _CENTRAL, _END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_MODE = 0o100600 << 16  # a file that its owner may read and write
_BIG, _MANY = 0xFFFFFFFF, 0xFFFF


class _Member(NamedTuple):
    name: bytes
    offset: int
    size: int
    checksum: int

    @property
    def flags(self) -> int:
        """Says that the name is UTF-8, where that makes a difference."""
        return 0 if self.name.isascii() else 0x800


class ZipWriter:
    """An archive that grows at its end.

    Args:
        file: opened for reading and writing, unbuffered and empty.

    Example:
        >>> import io, zipfile
        >>> file = io.BytesIO()
        >>> archive = ZipWriter(file)
        >>> archive.write("a.txt", b"alpha")
        >>> with archive.open("b.bin") as window:
        ...     _ = window.write(b"beta!"), window.seek(4), window.write(b".")
        >>> archive.close()
        >>> [(i.filename, zipfile.ZipFile(file).read(i)) for i in zipfile.ZipFile(file).infolist()]
        [('a.txt', b'alpha'), ('b.bin', b'beta.')]
    """

    def __init__(self, file: Any):
        self._file = file
        self._members: list[_Member] = []
        self._at = 0
        year, month, day, hour, minute, second = time.localtime()[:6]
        self._stamp = (hour << 11 | minute << 5 | second // 2, (max(year, 1980) - 1980) << 9 | month << 5 | day)

    def write(self, name: str, data: bytes) -> None:
        """Add a member.

        Args:
            name: its path in the archive.
            data: its bytes.
        """
        member = _Member(name.encode(), self._at, len(data), zlib.crc32(data))
        self._put(self._at, self._local(member) + data)
        self._enter(member)

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[Window]:
        """Add a member by writing into it, back and forth.

        Args:
            name: its path in the archive.
        """
        blank = _Member(name.encode(), self._at, 0, 0)
        window = Window(self._file, self._at + len(self._local(blank)))
        yield window
        member = blank._replace(size=window.size, checksum=window.checksum())
        self._put(self._at, self._local(member))
        self._enter(member)

    def close(self) -> None:
        """Write the directory; the archive is whole then."""
        directory = b"".join(map(self._central, self._members))
        count, start = len(self._members), self._at
        end = b""
        if start > _BIG - 1 or start + len(directory) > _BIG - 1 or count > _MANY - 1:
            record = struct.pack("<4sQHHLLQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, len(directory), start)
            end = record + struct.pack("<4sLQL", b"PK\x06\x07", 0, start + len(directory), 1)
        end += struct.pack("<4sHHHHLLH", _END, 0, 0, *[min(count, _MANY)] * 2, len(directory), min(start, _BIG), 0)
        self._put(start, directory + end)

    def _put(self, at: int, data: bytes) -> None:
        Window(self._file, at).write(data)

    def _enter(self, member: _Member) -> None:
        self._members.append(member)
        self._at = member.offset + len(self._local(member)) + member.size

    def _local(self, member: _Member) -> bytes:
        """A member's own header. It always has room for sizes of 64 bits, so that its length does not depend on the size."""
        extra = struct.pack("<HHQQ", 1, 16, member.size, member.size)
        head = [_LOCAL, 45, member.flags, 0, *self._stamp, member.checksum, _BIG, _BIG, len(member.name), len(extra)]
        return struct.pack("<4sHHHHHLLLHH", *head) + member.name + extra

    def _central(self, member: _Member) -> bytes:
        """A member's entry in the directory, with 64-bit numbers where they are needed."""
        wide = [n for n in (member.size, member.size, member.offset) if n >= _BIG]
        extra = struct.pack(f"<HH{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
        size, offset = min(member.size, _BIG), min(member.offset, _BIG)
        head = struct.pack("<4sHHHHHHLLL", _CENTRAL, 3 << 8 | 45, 45, member.flags, 0, *self._stamp, member.checksum, size, size)
        return head + struct.pack("<HHHHHLL", len(member.name), len(extra), 0, 0, 0, _MODE, offset) + member.name + extra
