"""The texts of an HDF5 attribute, checked before HDF5 reads them.

Texts of any length lie in heaps: an attribute holds references, each with a length, into one. HDF5 reads them with two risks that
Python cannot stop, so their bytes are looked at by hand first.

* Many references may point to one long text, and HDF5 makes a copy for each: a file of a megabyte can fill the memory. HDF5
  cannot be asked how much it will be; the object header of the attribute's owner says it.
* HDF5 walks a heap from object to object by their sizes and does not mind a size of 0: in a damaged file it walks on the spot
  forever.

A heap begins with `GCOL`, a version and its size; its objects are a number, a count, a size and the content, in steps of 8
bytes, and number 0 is the free space. All of that assumes addresses and sizes of 8 bytes, as every writer of models uses; files
with shorter ones are refused when they are opened. Attributes that are not in the header in this plain form were not written by
Keras.

Source: The HDF Group, "HDF5 File Format Specification, Version 3.0", sections III.E (global heap), IV.A.1 (object headers) and
IV.A.2.m (attributes).
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO

from jkeras._base.errors import FileFormatError

Read = Callable[[int, int], bytes]  # (offset, count) -> bytes of the file

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_CONTINUATION, _ATTRIBUTE = 0x10, 0x0C
_REFERENCE = struct.Struct("<IQI")  # length, address of the heap, index in it
_MOST_BLOCKS, _MOST_BYTES = 1000, 1 << 20
_HEAD = 16  # bytes of the head of a heap, and of an object in it
_MOST_HEAP = 64 << 20  # bytes of a heap; HDF5's own have 4 KiB, or more for a longer text


def check_texts(read: Read, address: int, name: str, count: int, where: str) -> int | None:
    """Check that HDF5 can read the texts of an attribute.

    Args:
        read: returns bytes of the file.
        address: of the header of the object that has the attribute.
        name: of the attribute.
        count: number of texts.
        where: the attribute, for messages.

    Returns:
        The total length of the texts; None if the attribute is not in the header in plain form.

    Raises:
        FileFormatError: a heap of theirs is none, or HDF5 would not find its end.
    """
    try:
        data = next((data for body in _attributes(read, address) if (data := _data(body, name)) is not None), None)
        references = None if data is None else [_REFERENCE.unpack_from(data, _REFERENCE.size * i) for i in range(count)]
    except (struct.error, IndexError):
        return None
    for heap in {heap for _, heap, _ in references or ()}:
        _check_heap(read, heap, where)
    return None if references is None else sum(length for length, _, _ in references)


def check_numbers(file: io.RawIOBase, where: str) -> None:
    """Refuse a file whose addresses and sizes do not have 8 bytes; it is left at its beginning.

    Raises:
        FileFormatError: they have another length.
    """
    at = find_signature(file, file.seek(0, os.SEEK_END))
    if at is not None:
        file.seek(at)
        head = file.read(24) or b""
        sizes = head[13:15] if len(head) > 8 and head[8] < 2 else head[9:11]
        if len(sizes) < 2:
            raise FileFormatError(f"{where}: is the beginning of an HDF5 file; the rest is missing.")
        if sizes != b"\x08\x08":
            raise FileFormatError(f"{where}: counts in numbers of {list(sizes)} bytes; those of models have 8.")
    file.seek(0)


def find_signature(file: BinaryIO | io.RawIOBase, farthest: int) -> int | None:
    """Where HDF5's signature stands in a file: at the beginning, or at 512, 1024, ..., behind a block of the user's own; None
    if it is in none of these places.
    """
    at = 0
    while at <= farthest:
        file.seek(at)
        if file.read(len(_SIGNATURE)) == _SIGNATURE:
            return at
        at = 2 * at or 512
    return None


def _check_heap(read: Read, address: int, where: str) -> None:
    head = read(address, _HEAD) if address < 1 << 62 else b""
    size = struct.unpack("<Q", head[8:])[0] if len(head) == _HEAD and head.startswith(b"GCOL") else 0
    if not _HEAD <= size <= _MOST_HEAP or not _ends(read(address + _HEAD, size - _HEAD)):
        raise FileFormatError(f"{where}: its text lies in a heap that has no end or is none; the file is damaged.")


def _ends(objects: bytes) -> bool:
    """Whether a walk over the objects of a heap reaches its end.

    Example:
        >>> text, free = struct.pack("<HHLQ8s", 1, 1, 0, 3, b"abc"), struct.pack("<HHLQ8x", 0, 0, 0, 24)
        >>> around = struct.pack("<HHLQ", 1, 1, 0, 2**64 - 9)
        >>> _ends(text + free), _ends(text + free[:8]), _ends(text + bytes(24)), _ends(text + around)
        (True, True, False, False)
    """
    at = 0
    while at + _HEAD <= len(objects):
        number, _, _, size = struct.unpack_from("<HHLQ", objects, at)
        if (number == 0 and size < _HEAD) or size > len(objects):  # HDF5's sums would overflow and lead back
            return False
        at += size if number == 0 else _HEAD + (size + 7) // 8 * 8
    return True


def _attributes(read: Read, address: int) -> Iterator[bytes]:
    """The bodies of the attribute messages of a header."""
    start = read(address, 64)
    second = start.startswith(b"OHDR")
    tracked = second and bool(start[5] & 4)
    blocks = [_first_block_2(start, address) if second else (address + 16, struct.unpack_from("<I", start, 8)[0])]
    for place, (offset, size) in enumerate(blocks):
        if place > _MOST_BLOCKS or size > _MOST_BYTES:
            return
        data = read(offset, size)
        if second and place:
            data = data[4:-4]  # after "OCHK", before a checksum
        for kind, body in _messages(data, second, tracked):
            if kind == _CONTINUATION:
                blocks.append(struct.unpack_from("<QQ", body))
            elif kind == _ATTRIBUTE:
                yield body


def _first_block_2(start: bytes, address: int) -> tuple[int, int]:
    flags = start[5]
    width, before = 1 << (flags & 3), 6 + 16 * bool(flags & 0x20) + 4 * bool(flags & 0x10)
    return address + before + width, int.from_bytes(start[before : before + width], "little")


def _messages(data: bytes, second: bool, tracked: bool) -> Iterator[tuple[int, bytes]]:
    at, head = 0, (4 + 2 * tracked) if second else 8
    while at + head <= len(data):
        kind, size = struct.unpack_from("<BH" if second else "<HH", data, at)
        shared = data[at + (3 if second else 4)] & 2
        if not shared:
            yield kind, data[at + head : at + head + size]
        at += head + size


def _data(body: bytes, name: str) -> bytes | None:
    """The data of an attribute message, if it is the one of that name."""
    version, _, name_size, type_size, space_size = struct.unpack_from("<BBHHH", body)
    at = 9 if version == 3 else 8
    if body[at : at + name_size].rstrip(b"\0") != name.encode():
        return None
    sizes = (name_size, type_size, space_size)
    return body[at + sum(-(-size // 8) * 8 if version == 1 else size for size in sizes) :]
