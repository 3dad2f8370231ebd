"""The safe reader for zip archives: members by exact name; only the files of layers are extracted, to a temporary folder.

The whole directory of the archive is checked before anything is read. What no writer of models writes is refused: two members
of one name, names that lead out of the archive, links, encryption, methods other than *stored* and *deflate*, members that
would grow without measure, directories of endless length. `zipfile` does the rest, with two exceptions by hand:

* it reads a directory of any length into memory, so the length is looked up first;
* it copies members, so a stored one is read where it lies, through a `StoredMember`, however many gigabytes it has. Its
  checksum is that of the very bytes that were read; call `verify` before you use them.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, BinaryIO

from jkeras._base.errors import FileFormatError, UnsafeFileError
from jkeras._safe_io.byte_range import ByteRange, Checksum
from jkeras._safe_io.window import Window

_DIRECTORY_LIMIT = 4 << 20  # bytes of the list of members
_FREE = 32 << 20  # a member that grows to no more than this may be packed as tightly as it likes
_RATIO = 100  # beyond: unpacked bytes per packed byte
_CHUNK = 1 << 20
_DAMAGE: tuple[type[Exception], ...] = (EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error)
_END, _END_64, _LOCATOR = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"


class StoredMember(Window):
    """A member as it lies in its archive.

    Args:
        file: of the archive, unbuffered.
        start, size: of the member's bytes.
        crc: their checksum, as the archive has it.
        place: what messages call it.
    """

    def __init__(self, file: BinaryIO, start: int, size: int, crc: int, place: str):
        super().__init__(file, start, size)
        self._crc, self._place, self._verified = crc, place, False
        whole = super().byte_range
        self._of_what_is_read = None if whole is None else Checksum(whole)

    @property
    def byte_range(self) -> ByteRange | None:
        whole = super().byte_range
        return None if whole is None else whole._replace(checksum=self._of_what_is_read)

    def checksum(self) -> int:
        return super().checksum() if self._of_what_is_read is None else self._of_what_is_read.result()

    def verify(self) -> None:
        """Compare checksums, once; large parts that were read through `byte_range` are not read again.

        Raises:
            FileFormatError: they differ.
        """
        if not self._verified and self.checksum() != self._crc:
            raise FileFormatError(f"{self._place}: is damaged: its checksum is another. Take another copy.")
        self._verified = True


class StoredZip:
    """An archive whose directory was checked.

    Args:
        archive: the opened archive.
        file: the same file, unbuffered.
        where: what messages call it.
    """

    def __init__(self, archive: zipfile.ZipFile, file: BinaryIO, where: str):
        self._archive, self._file, self._where = archive, file, where
        self._members = {info.filename: info for info in archive.infolist()}

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def names(self) -> list[str]:
        """Names of all members."""
        return list(self._members)

    def read(self, name: str, limit: int) -> bytes:
        """The bytes of a small member; `limit` is the most it may have.

        Raises:
            FileFormatError: it is missing or damaged.
            UnsafeFileError: it is larger.
        """
        info = self._find(name)
        if info.file_size > limit:
            raise UnsafeFileError(f"{self._where}: {name}: has {info.file_size:,} bytes; no more than {limit:,} are read.")
        with self._opened(info, OSError) as member:
            return member.read(info.file_size)

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """A large member as a seekable file.

        A stored one is a `StoredMember`: only after reading is it known whether it is damaged, so call `verify` before you use
        what was read. If nobody does, or an error in the content ends the block, that happens here.

        Raises:
            FileFormatError: it is missing or damaged.
        """
        info = self._find(name)
        if info.compress_type == zipfile.ZIP_STORED:
            place = f"{self._where}: {name}"
            member = StoredMember(self._file, self._data_offset(info), info.file_size, info.CRC, place)
            try:
                yield member  # type: ignore[misc]
            except UnsafeFileError:
                raise
            except FileFormatError:
                member.verify()  # damage explains whatever else seems wrong
                raise
            member.verify()
            return
        with tempfile.TemporaryFile() as unpacked:
            self._unpack(info, unpacked)
            unpacked.seek(0)
            yield Window(unpacked, 0, info.file_size)  # type: ignore[arg-type, misc]

    @contextlib.contextmanager
    def folder(self, name: str) -> Iterator[Path | None]:
        """A folder at the top of the archive, unpacked while the block runs; None if there is none.

        Raises:
            FileFormatError: a member is damaged, or two cannot exist beside each other.
            UnsafeFileError: together they would grow without measure.
        """
        if not any(member.startswith(f"{name}/") for member in self._members):
            yield None
            return
        with tempfile.TemporaryDirectory() as folder:
            self._extract(name, Path(folder))
            yield Path(folder) / name

    def _extract(self, top: str, folder: Path) -> None:
        members = [info for name, info in self._members.items() if name.startswith(f"{top}/")]
        total, packed = sum(info.file_size for info in members), self._file.seek(0, os.SEEK_END)
        if total > max(_FREE, _RATIO * packed):
            raise UnsafeFileError(f"{self._where}: {top}: {packed:,} bytes would grow to {total:,} on the disk.")
        for info in members:
            place = folder.joinpath(*info.filename.split("/"))
            try:
                if info.is_dir():
                    place.mkdir(parents=True, exist_ok=True)
                    continue
                place.parent.mkdir(parents=True, exist_ok=True)
                with open(place, "xb") as file:  # never over another
                    self._unpack(info, file)
            except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
                raise FileFormatError(f"{self._where}: {info.filename}: cannot exist beside another member: {error}") from error

    def _find(self, name: str) -> zipfile.ZipInfo:
        if name not in self._members:
            there = ", ".join(sorted(self._members)[:8])
            raise FileFormatError(f"{self._where}: the archive has no {name}. It holds: {there or 'nothing'}.")
        return self._members[name]

    @contextlib.contextmanager
    def _opened(self, info: zipfile.ZipInfo, *more: type[Exception]) -> Iterator[IO[bytes]]:
        try:
            with self._archive.open(info) as member:
                yield member
        except (*_DAMAGE, *more) as error:
            raise FileFormatError(f"{self._where}: {info.filename}: is damaged: {error}") from error

    def _unpack(self, info: zipfile.ZipInfo, into: IO[bytes]) -> None:
        """Unpack to a file on disk, not into memory; `zipfile` returns no more bytes than the directory says."""
        with self._opened(info) as member:
            shutil.copyfileobj(member, into, _CHUNK)

    def _data_offset(self, info: zipfile.ZipInfo) -> int:
        """Where a member's bytes begin: after its own header, which must agree with the directory."""
        with self._opened(info, OSError, ValueError):
            pass
        self._file.seek(info.header_offset + 26)
        start = info.header_offset + 30 + sum(struct.unpack("<HH", self._file.read(4)))
        if start + info.compress_size > self._file.seek(0, os.SEEK_END):
            raise FileFormatError(f"{self._where}: {info.filename}: is cut off: the file ends before it does.")
        return start


@contextlib.contextmanager
def open_zip(file: BinaryIO, where: str) -> Iterator[StoredZip]:
    """Open an archive and check its directory.

    Args:
        file: seekable and unbuffered.
        where: what messages call it.

    Raises:
        FileFormatError: it is not a zip archive, or damaged.
        UnsafeFileError: its directory lists what no writer of models writes.
    """
    _check_directory(file, where)
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, struct.error, NotImplementedError, EOFError, UnicodeDecodeError) as error:
        raise FileFormatError(f"{where}: is not a zip archive, or damaged: {error}") from error
    with archive:
        for problem in _problems(archive.infolist()):
            raise UnsafeFileError(f"{where}: {problem}")
        yield StoredZip(archive, file, where)


def _check_directory(file: BinaryIO, where: str) -> None:
    """Refuse an endless list of members before it is read into memory."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 22 - 0xFFFF))
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < 22:
        raise FileFormatError(f"{where}: is not a whole zip archive: its end is missing. Was the file cut off?")
    (directory,) = struct.unpack("<L", tail[at + 12 : at + 16])
    if tail[max(0, at - 20) : at - 16] == _LOCATOR:
        # The 64-bit form says it again; readers differ in where they look for that.
        (place,) = struct.unpack("<Q", tail[at - 12 : at - 4])
        for start in (place, size - len(tail) + at - 76):
            file.seek(max(0, min(start, size)))
            end = file.read(56)
            if len(end) == 56 and end[:4] == _END_64:
                directory = max(directory % 0xFFFFFFFF, *struct.unpack("<Q", end[40:48]))
    if directory > _DIRECTORY_LIMIT:
        raise UnsafeFileError(f"{where}: its list of members has {directory:,} bytes; {_DIRECTORY_LIMIT:,} are the most.")


def _problems(members: list[zipfile.ZipInfo]) -> Iterator[str]:
    """What is wrong with the members of an archive."""
    seen: set[str] = set()
    for info in members:
        name = info.filename
        if name in seen:
            yield f"two members are called {name!r}."
        seen.add(name)
        if problem := unsafe_name(info.orig_filename):
            yield f"the member {info.orig_filename[:80]!r} {problem}."
        if info.flag_bits & 0x41:
            yield f"{name}: is encrypted."
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            yield f"{name}: is packed by method {info.compress_type}; only 'stored' and 'deflate' are read."
        if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
            yield f"{name}: is a link or a device, not a file."
        if info.compress_type == zipfile.ZIP_STORED and info.file_size != info.compress_size:
            yield f"{name}: is stored as it is, but of two sizes, {info.file_size:,} and {info.compress_size:,}."
        if info.file_size > max(_FREE, _RATIO * info.compress_size):
            yield (
                f"{name}: {info.compress_size:,} bytes would grow to {info.file_size:,}. Beyond {_FREE >> 20} MiB a member may "
                f"grow {_RATIO} times. Pack it again with zipfile.ZIP_STORED if the archive is your own."
            )


def unsafe_name(name: str) -> str:
    """What is wrong with a name that should stay below some folder; empty if nothing is.

    Example:
        >>> unsafe_name("assets/layers/vocabulary.txt"), unsafe_name("../x"), unsafe_name("C:\\\\x")
        ('', 'leads out of its folder', 'holds a character that separates paths elsewhere')
    """
    if "\\" in name or ":" in name or "\0" in name:
        return "holds a character that separates paths elsewhere"
    if name.startswith("/"):
        return "is an absolute path"
    return "leads out of its folder" if ".." in name.split("/") else ""
