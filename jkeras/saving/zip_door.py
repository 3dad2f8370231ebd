"""The one door to zip archives: members are read by exact name; only the files of layers are extracted, to a temporary folder.

Before anything is read, the whole directory of the archive is looked through. What no writer of models writes is refused: two
members of one name, names that lead out of the archive, links, encryption, other methods than *stored* and *deflate*, members
that would grow without measure, directories of endless length. A stored member is read where it lies, through a `StoredMember`,
so that weights of many gigabytes are never copied. Its checksum is that of the very bytes that were read, and who reads asks
`verify` before anything is done with them.
"""

from __future__ import annotations

import contextlib
import os
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from jkeras._base.errors import FileFormatError, UnsafeFileError
from jkeras.saving.open_files import opened_to_read
from jkeras.saving.stretch import Checksum, Stretch
from jkeras.saving.window import Window

_DIRECTORY_LIMIT = 4 << 20  # bytes of the list of members
_FREE = 32 << 20  # a member that grows to no more than this may be packed as tightly as it likes
_RATIO = 100  # beyond: unpacked bytes per packed byte
_CHUNK = 1 << 20
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
        whole = super().stretch
        self._of_what_is_read = None if whole is None else Checksum(whole)

    @property
    def stretch(self) -> Stretch | None:
        whole = super().stretch
        return None if whole is None else whole._replace(checksum=self._of_what_is_read)

    def checksum(self) -> int:
        return super().checksum() if self._of_what_is_read is None else self._of_what_is_read.result()

    def verify(self) -> None:
        """Compare checksums, once; of large parts that were read through `stretch`, none is read again.

        Raises:
            FileFormatError: they differ.
        """
        if not self._verified and self.checksum() != self._crc:
            raise FileFormatError(f"{self._place}: is damaged: its checksum is another. Take another copy.")
        self._verified = True


class StoredZip:
    """An archive whose directory was looked through.

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
        """The bytes of a small member.

        Args:
            name: exact.
            limit: the most bytes it may have.

        Raises:
            FileFormatError: it is missing or damaged.
            UnsafeFileError: it is larger.
        """
        info = self._find(name)
        if info.file_size > limit:
            raise UnsafeFileError(f"{self._where}: {name}: has {info.file_size:,} bytes; no more than {limit:,} are read.")
        try:
            with self._archive.open(info) as member:
                return member.read(info.file_size)
        except (OSError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
            raise FileFormatError(f"{self._where}: {name}: is damaged: {error}") from error

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """A large member as a seekable file.

        A stored one is a `StoredMember`: whether it is damaged is known when it was read, so `verify` is to be asked before what
        was read is used. Where an error of its content ends the block, or nobody asked, that is done here.

        Args:
            name: exact.

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
        """A folder of the archive, unpacked for the time of the block; None where there is none.

        Args:
            name: exact, at the top of the archive.

        Raises:
            FileFormatError: a member is damaged, or two cannot stand beside each other.
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
                raise FileFormatError(f"{self._where}: {info.filename}: cannot stand beside another member: {error}") from error

    def _find(self, name: str) -> zipfile.ZipInfo:
        if name not in self._members:
            there = ", ".join(sorted(self._members)[:8])
            raise FileFormatError(f"{self._where}: the archive has no {name}. It holds: {there or 'nothing'}.")
        return self._members[name]

    def _unpack(self, info: zipfile.ZipInfo, into: Any) -> None:
        """Unpack to a file on the disk, not into memory; `zipfile` gives no more bytes than the directory says."""
        try:
            with self._archive.open(info) as member:
                while chunk := member.read(_CHUNK):
                    into.write(chunk)
        except (EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
            raise FileFormatError(f"{self._where}: {info.filename}: is damaged: {error}") from error

    def _data_offset(self, info: zipfile.ZipInfo) -> int:
        """Where a member's bytes begin: behind its own header, which must agree with the directory."""
        self._file.seek(info.header_offset)
        header = self._file.read(30)
        if len(header) < 30 or header[:4] != b"PK\x03\x04":
            raise FileFormatError(f"{self._where}: {info.filename}: is damaged: there is no member where one should begin.")
        name_size, extra_size = struct.unpack("<HH", header[26:30])
        start = info.header_offset + 30 + name_size + extra_size
        name = self._file.read(name_size)
        if name != info.orig_filename.encode("utf-8" if info.flag_bits & 0x800 else "cp437"):
            raise FileFormatError(f"{self._where}: {info.filename}: is damaged: its own header calls it {name[:60]!r}.")
        if start + info.compress_size > self._file.seek(0, os.SEEK_END):
            raise FileFormatError(f"{self._where}: {info.filename}: is cut off: the file ends before it does.")
        return start


@contextlib.contextmanager
def open_zip(source: Path | BinaryIO, where: str) -> Iterator[StoredZip]:
    """Open an archive and look through its directory.

    Args:
        source: path of the archive; opened once, so that all of it is of one file even if another takes its place meanwhile. Or
            the open file.
        where: what messages call it.

    Raises:
        FileFormatError: it is no zip archive, or a damaged one.
        UnsafeFileError: its directory lists what no writer of models writes.
    """
    with opened_to_read(source) as file:
        _check_directory(file, where)
        try:
            archive = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, ValueError, struct.error, NotImplementedError, EOFError, UnicodeDecodeError) as error:
            raise FileFormatError(f"{where}: is no zip archive, or a damaged one: {error}") from error
        with archive:
            for problem in _problems(archive.infolist()):
                raise UnsafeFileError(f"{where}: {problem}")
            yield StoredZip(archive, file, where)


def _check_directory(file: Any, where: str) -> None:
    """Refuse an endless list of members before anybody reads it into memory."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 22 - 0xFFFF))
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < 22:
        raise FileFormatError(f"{where}: is no whole zip archive: its end is missing. Was the file cut off?")
    (directory,) = struct.unpack("<L", tail[at + 12 : at + 16])
    if tail[max(0, at - 20) : at - 16] == _LOCATOR:
        # Archives of the 64-bit form say it again; readers differ in where they look for that.
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
                f"grow {_RATIO} times. Pack it anew with zipfile.ZIP_STORED if the archive is your own."
            )


def unsafe_name(name: str) -> str:
    """What is wrong with a name that is meant to lie below some folder; empty where nothing is.

    Example:
        >>> unsafe_name("assets/layers/vocabulary.txt"), unsafe_name("../x"), unsafe_name("C:\\\\x")
        ('', 'leads out of its folder', 'holds a character that separates paths elsewhere')
    """
    if "\\" in name or ":" in name or "\0" in name:
        return "holds a character that separates paths elsewhere"
    if name.startswith("/"):
        return "is an absolute path"
    return "leads out of its folder" if ".." in name.split("/") else ""
