"""A look at the heaps of an HDF5 file, where texts of any length lie, before HDF5 walks over them.

HDF5 goes from object to object of a heap by their sizes and does not mind a size of 0: in a damaged file it walks on the spot for
ever, and nothing in Python can stop it. So a heap is walked here first, whenever an attribute leads to one.

A heap begins with `GCOL`, a version and its size, all in it with numbers of 8 bytes (files with shorter numbers, which no writer
of models makes, are refused when they are opened). Its objects are a number, a count, a size and the content, in steps of 8
bytes; number 0 is what is still free.

Source: The HDF Group, "HDF5 File Format Specification, Version 3.0", section III.E (global heap).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from typing import Any

from jkeras._base.errors import FileFormatError

Read = Callable[[int, int], bytes]  # (offset, count) -> bytes of the file

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_HEAD = 16  # bytes of the head of a heap, and of an object in it
_MOST = 64 << 20  # bytes of a heap; HDF5's own are of 4 KiB, and larger for a larger text


def check_heap(read: Read, address: int, where: str) -> None:
    """Walk over a heap.

    Args:
        read: gives bytes of the file.
        address: of the heap.
        where: the place that leads there, for messages.

    Raises:
        FileFormatError: it is none, or HDF5 would not find its end.
    """
    head = read(address, _HEAD) if address < 1 << 62 else b""
    size = struct.unpack("<Q", head[8:])[0] if len(head) == _HEAD and head.startswith(b"GCOL") else 0
    if not _HEAD <= size <= _MOST or not _ends(read(address + _HEAD, size - _HEAD)):
        raise FileFormatError(f"{where}: its text lies in a heap that has no end or is none; the file is damaged.")


def check_numbers(file: Any, where: str) -> None:
    """Refuse a file that counts in other numbers than those of 8 bytes.

    Args:
        file: a path, or a seekable binary file, which is left at its beginning.
        where: the file, for messages.

    Raises:
        FileFormatError: it does.
    """
    if isinstance(file, (str, os.PathLike)):
        with open(file, "rb") as opened:
            check_numbers(opened, where)
        return
    at, size = 0, file.seek(0, os.SEEK_END)
    while at < size:
        file.seek(at)
        head = file.read(24)
        if head.startswith(_SIGNATURE):
            sizes = head[13:15] if len(head) > 8 and head[8] < 2 else head[9:11]
            if len(sizes) < 2:
                raise FileFormatError(f"{where}: is the beginning of an HDF5 file; the rest is missing.")
            if sizes != b"\x08\x08":
                raise FileFormatError(f"{where}: counts in numbers of {list(sizes)} bytes; those of models have 8.")
            break
        at = 2 * at or 512
    file.seek(0)


def _ends(objects: bytes) -> bool:
    """Whether a walk over the objects of a heap gets to its end.

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
