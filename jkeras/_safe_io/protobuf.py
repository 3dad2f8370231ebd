"""The safe reader for Protocol Buffers: one level of a message, its fields by number.

A message does not say what its fields are; a reader that knows asks for `number(3)`, `text(2)` or `parts(1)`, and makes a
`Message` of each part that it wants. So nothing recurses, nothing is copied, and fields that nobody asks for cost nothing.

Source: "Protocol Buffers: Encoding", protobuf.dev.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from jkeras._base.errors import FileFormatError, UnsafeFileError

VARINT, EIGHT, TEXT, FOUR = 0, 1, 2, 5  # kinds of fields
_MOST_FIELDS = 1_000_000


class Message:
    """A message.

    Args:
        data: its bytes.
        where: what messages of errors call it.

    Raises:
        FileFormatError: these bytes are no message.

    Example:
        >>> message = Message(memoryview(b"\\x08\\x96\\x01\\x12\\x02hi"), "my file")
        >>> message.number(1), message.text(2), message.number(3)
        (150, 'hi', 0)
    """

    def __init__(self, data: memoryview, where: str):
        self.where = where
        self._fields: dict[int, list[int | memoryview]] = {}
        for number, kind, value in fields(data, where):
            if kind in (EIGHT, FOUR) and isinstance(value, memoryview):
                value = int.from_bytes(value, "little")
            self._fields.setdefault(number, []).append(value)

    def number(self, field: int) -> int:
        """A number; 0 if there is none. Negative ones are beyond 2^63."""
        value = self._fields.get(field, (0,))[-1]
        if not isinstance(value, int):
            raise FileFormatError(f"{self.where}: is damaged: field {field} is not a number.")
        return value

    def parts(self, field: int) -> list[memoryview]:
        """The texts or messages of a field that may occur often."""
        found = [value for value in self._fields.get(field, ()) if isinstance(value, memoryview)]
        if len(found) < len(self._fields.get(field, ())):
            raise FileFormatError(f"{self.where}: is damaged: field {field} is a number.")
        return found

    def part(self, field: int) -> memoryview:
        """The text or message of a field; an empty one if there is none."""
        return next(reversed(self.parts(field)), memoryview(b""))

    def text(self, field: int) -> str:
        """A text; an empty one if there is none."""
        try:
            return str(self.part(field), "utf-8")
        except UnicodeDecodeError as error:
            raise FileFormatError(f"{self.where}: is damaged: field {field} is not text.") from error


def fields(data: memoryview, where: str) -> Iterator[tuple[int, int, int | memoryview]]:
    """The number, the kind and the value of each field: a number for a `VARINT`, else its bytes."""
    at = 0
    for count in itertools.count(1):
        if at == len(data):
            return
        if count > _MOST_FIELDS:
            raise UnsafeFileError(f"{where}: has more than {_MOST_FIELDS:,} fields.")
        key, at = varint(data, at, where)
        kind = key & 7
        if kind == VARINT:
            value, at = varint(data, at, where)
            yield key >> 3, kind, value
            continue
        size, at = varint(data, at, where) if kind == TEXT else ({EIGHT: 8, FOUR: 4}.get(kind, len(data)), at)
        if size > len(data) - at:
            raise FileFormatError(f"{where}: is damaged or cut short.")
        yield key >> 3, kind, data[at : at + size]
        at += size


def varint(data: memoryview, at: int, where: str) -> tuple[int, int]:
    """A number in seven bits per byte, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        value |= (data[at] & 127) << shift
        at += 1
        if data[at - 1] < 128:
            return value, at
    raise FileFormatError(f"{where}: is damaged or cut short.")
