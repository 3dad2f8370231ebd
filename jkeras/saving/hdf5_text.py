"""How long the texts of an HDF5 attribute are, before they are read.

A list of texts is stored as references, each with a length, into a heap. Many references may show to one long text, and HDF5
makes a copy for each: a file of a megabyte can fill the memory. HDF5 has no way to ask how much it will be, so the references are
looked up here, in the header of the object that has the attribute. What is not there in this plain form, Keras did not write.

Source: The HDF Group, "HDF5 File Format Specification, Version 3.0", sections IV.A.1 (object headers) and IV.A.2.m (attributes).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

Read = Callable[[int, int], bytes]  # (offset, count) -> bytes of the file

_CONTINUATION, _ATTRIBUTE = 0x10, 0x0C
_REFERENCE = struct.Struct("<IQI")  # length, address of the heap, index in it
_MOST_BLOCKS, _MOST_BYTES = 1000, 1 << 20


def text_references(read: Read, address: int, name: str, count: int) -> list[tuple[int, int]] | None:
    """The lengths of an attribute's texts, each with the address of the heap that it lies in.

    Args:
        read: gives bytes of the file.
        address: of the object's header.
        name: of the attribute.
        count: number of texts.

    Returns:
        None where the attribute is not in the header in plain form.
    """
    try:
        for body in _attributes(read, address):
            found = _data(body, name)
            if found is not None:
                return [_REFERENCE.unpack_from(found, _REFERENCE.size * i)[:2] for i in range(count)]
    except (struct.error, IndexError):
        return None
    return None


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
    """The data of an attribute message, if it is that of a name."""
    version, _, name_size, type_size, space_size = struct.unpack_from("<BBHHH", body)
    at = 9 if version == 3 else 8
    if body[at : at + name_size].rstrip(b"\0") != name.encode():
        return None
    sizes = (name_size, type_size, space_size)
    return body[at + sum(-(-size // 8) * 8 if version == 1 else size for size in sizes) :]
