"""The safe reader for TensorFlow's checkpoints: `name.index`, a table of arrays, and `name.data-00000-of-00001`, their numbers.

The table is one of LevelDB: blocks of keys in ascending order, each with the bytes that it shares with the one before it left
out, a block that lists the blocks, and 48 bytes at the end that say where that lies. Its values say where an array's numbers
are. Names of files are made of the number of a shard and never read; what a table claims is compared with the files' sizes
before anything is read.

Source: Sanjay Ghemawat and Jeff Dean, "LevelDB: Table format"; `tensor_bundle.proto` of TensorFlow.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from jkeras._base.errors import FileFormatError, UnsafeFileError
from jkeras._safe_io.folder import StoredFolder
from jkeras._safe_io.protobuf import Message, varint
from jkeras._safe_io.stored_array import MAX_RANK, StoredArray
from jkeras._safe_io.window import Window

INDEX = ".index"
_MAGIC = 0xDB4775248B80FB57.to_bytes(8, "little")
_FOOTER, _TRAILER = 48, 5  # bytes; behind each block its compression and a checksum
_INDEX_BYTES, _TABLE_BYTES, _ENTRY = 32 << 20, 64 << 20, 64  # of the file, of keys, and what each entry counts besides its key
_MOST_SHARDS = 500
_STRING = 7
_TYPES = {
    1: "<f4",
    2: "<f8",
    3: "<i4",
    4: "u1",
    5: "<i2",
    6: "i1",
    9: "<i8",
    10: "?",
    14: "V2",
    17: "<u2",
    19: "<f2",
    22: "<u4",
    23: "<u8",
}


class BundleArray(StoredArray):
    """An array in a checkpoint.

    Args:
        where: the file with its numbers.
        path: its key.
        kind: the type of its numbers.
        shape: its sizes.
        file: with its numbers.
        offset: where they begin.
    """

    def __init__(self, where: str, path: str, kind: np.dtype[Any], shape: tuple[int, ...], file: Window, offset: int):
        super().__init__(where, path, kind, shape, file.size)
        self._file, self._offset = file, offset

    @property
    def direct(self) -> bool:
        return self._file.byte_range is not None

    def fill(self, found: np.ndarray) -> np.ndarray:
        view: Any = found.reshape(-1).view(np.uint8)
        whole = self._file.byte_range
        if whole is None:
            self._file.seek(self._offset)
        count = self._file.readinto(view) if whole is None else whole.read_into(self._offset, view)
        if count != self.bytes:
            raise FileFormatError(f"{self.place}: is cut off: the file ends before its numbers do.")
        return np.not_equal(found.view(np.uint8), 0) if self.kind == "b" else found


class TensorBundle:
    """The arrays of a checkpoint.

    Args:
        folder: with its files.
        name: what their names begin with.
        where: what messages call it.
        opened: closes the files.
    """

    def __init__(self, folder: Path, name: str, where: str, opened: contextlib.ExitStack):
        self.where = where
        self._folder, self._name, self._opened = StoredFolder(folder), name, opened
        index = f"{where}{INDEX}"
        self._entries = dict(_table(memoryview(self._folder.read(name + INDEX, _INDEX_BYTES)), index))
        header = Message(self._entries.pop("", memoryview(b"")), index)
        self._files = header.number(1)
        if header.number(2):
            raise FileFormatError(f"{index}: was written by a computer with the other order of bytes.")
        if self._files > _MOST_SHARDS:
            raise UnsafeFileError(f"{index}: has {self._files:,} files; no more than {_MOST_SHARDS} are read.")
        self._shards: dict[int, Window] = {}  # the opened ones

    @property
    def count(self) -> int:
        """How many arrays there are, texts among them."""
        return len(self._entries)

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def array(self, key: str) -> BundleArray:
        """An array of numbers, unread.

        Raises:
            FileFormatError: there is none, it does not lie in the file, or it does not hold numbers.
        """
        entry, place, shape = self._entry(key)
        name = _TYPES.get(entry.number(1))
        if name is None:
            raise FileFormatError(f"{place}: holds TensorFlow's type {entry.number(1)}, which no weight is of.")
        kind = np.dtype(name)
        if entry.number(5) != math.prod(shape) * kind.itemsize:
            raise FileFormatError(f"{place}: has the shape {shape} of {kind.name}, and {entry.number(5)} bytes.")
        where, file, offset = self._located(entry, place)
        return BundleArray(where, key, kind, shape, file, offset)

    def kind(self, key: str) -> str:
        """`"f"`, `"i"`, `"u"` or `"b"`, as of the array; empty for texts, and for other types that no weight is of."""
        entry = Message(self._entries.get(key, memoryview(b"")), f"{self.where}{INDEX}: {key}")
        kind = np.dtype(_TYPES.get(entry.number(1), "O")).kind
        return {"O": "", "V": "f"}.get(kind, kind)

    def text(self, key: str, limit: int) -> memoryview:
        """A single text, as bytes.

        Raises:
            FileFormatError: there is none, or it is damaged.
            UnsafeFileError: it is longer than the limit.
        """
        entry, place, shape = self._entry(key)
        if entry.number(1) != _STRING or shape:
            raise FileFormatError(f"{place}: is not a text.")
        size = entry.number(5)
        if size > limit:
            raise UnsafeFileError(f"{place}: has {size:,} bytes; no more than {limit:,} are read.")
        _, file, offset = self._located(entry, place)
        file.seek(offset)
        data = memoryview(file.read(size) or b"")
        length, start = varint(data, 0, place)
        if length != len(data) - start - 4:  # four bytes of a checksum of the length lie in between
            raise FileFormatError(f"{place}: is damaged or cut short.")
        return data[start + 4 :]

    def _entry(self, key: str) -> tuple[Message, str, tuple[int, ...]]:
        place = f"{self.where}{INDEX}: {key}"
        if key not in self._entries:
            raise FileFormatError(f"{place}: is missing.")
        entry = Message(self._entries[key], place)
        if entry.parts(7):
            raise FileFormatError(f"{place}: is stored in slices, which jkeras does not read. Write it as one array.")
        shape = tuple(Message(size, place).number(1) for size in Message(entry.part(2), place).parts(2))
        if len(shape) > MAX_RANK or any(size >= 2**63 for size in shape):
            raise UnsafeFileError(f"{place}: has the shape {shape[:MAX_RANK]}.")
        return entry, place, shape

    def _located(self, entry: Message, place: str) -> tuple[str, Window, int]:
        """The file with the bytes of an entry, and where they begin, once it is known that they are there."""
        number, offset, size = entry.number(3), entry.number(4), entry.number(5)
        if number >= self._files:
            raise FileFormatError(f"{place}: is in file {number} of {self._files}.")
        suffix = f".data-{number:05}-of-{self._files:05}"
        if number not in self._shards:
            opened: BinaryIO = self._opened.enter_context(self._folder.open(self._name + suffix))
            assert isinstance(opened, Window)
            self._shards[number] = opened
        file = self._shards[number]
        if offset + size > file.size:
            raise FileFormatError(f"{place}: ends at byte {offset + size} of a file of {file.size}: it is damaged or cut short.")
        return f"{self.where}{suffix}", file, offset


@contextlib.contextmanager
def open_bundle(prefix: Path, where: str) -> Iterator[TensorBundle]:
    """Open a checkpoint for reading.

    Args:
        prefix: what the names of its files begin with.
        where: what messages call it.

    Raises:
        FileFormatError: a file is missing or damaged.
    """
    with contextlib.ExitStack() as opened:
        yield TensorBundle(prefix.parent, prefix.name, where, opened)


def is_table(file: BinaryIO) -> bool:
    """Whether a file ends as such a table does."""
    size = file.seek(0, 2)
    file.seek(max(0, size - len(_MAGIC)))
    return size >= _FOOTER and file.read(len(_MAGIC)) == _MAGIC


def _table(data: memoryview, where: str) -> Iterator[tuple[str, memoryview]]:
    """The keys and values of a table."""
    if len(data) < _FOOTER or data[-len(_MAGIC) :] != _MAGIC:
        raise FileFormatError(f"{where}: is not the index of a checkpoint, or is cut short.")
    footer, at = data[-_FOOTER:], 0
    for _ in range(2):  # a block about the table itself, which is passed over
        _, at = varint(footer, at, where)
    total, last = 0, None

    def count(key: bytes) -> None:
        nonlocal total
        total += len(key) + _ENTRY
        if total > _TABLE_BYTES:
            raise UnsafeFileError(f"{where}: lists more arrays than any model has.")

    for outer, handle in _block(data, footer[at:], where):
        count(outer)
        for key, value in _block(data, handle, where):
            count(key)
            if last is not None and not key > last:  # so no block can occur twice
                raise FileFormatError(f"{where}: is damaged: its keys are not in order.")
            last = key
            yield key.decode("utf-8", "replace"), value


def _block(data: memoryview, handle: memoryview, where: str) -> Iterator[tuple[bytes, memoryview]]:
    """The keys and values of a block."""
    start, at = varint(handle, 0, where)
    size, _ = varint(handle, at, where)
    if start + size + _TRAILER > len(data) or size < 4:
        raise FileFormatError(f"{where}: is damaged or cut short.")
    if data[start + size]:
        raise FileFormatError(f"{where}: is compressed, which jkeras does not read; TensorFlow writes such files plainly.")
    block = data[start : start + size]
    end = size - 4 - 4 * int.from_bytes(block[-4:], "little")
    at, key = 0, b""
    while at < end:
        shared, at = varint(block, at, where)
        added, at = varint(block, at, where)
        length, at = varint(block, at, where)
        if shared > len(key) or added + length > end - at:
            break
        key = key[:shared] + bytes(block[at : at + added])
        at += added + length
        yield key, block[at - length : at]
    if at != end:
        raise FileFormatError(f"{where}: is damaged: a block does not end where it says.")
