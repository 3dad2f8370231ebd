"""`tf.train.Example`: named lists of bytes, floats or integers, as the messages of protocol buffers that TFRecord files hold.

The messages have few fields, all of them lists or other messages, so two functions read and write all of them. What is read is
plain data; text that is no message is an error.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from jkeras._base.errors import FileFormatError
from jkeras._safe_io.protobuf import FOUR, TEXT, VARINT, fields

__all__ = ["BytesList", "Example", "Feature", "Features", "FloatList", "Int64List"]


class _List:
    """A list of values.

    Args:
        value: the values.
    """

    def __init__(self, value: Iterable[Any] = ()):
        self.value = [self._checked(one) for one in value]

    def _checked(self, one: Any) -> Any:
        return one

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.value)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(value={self.value})"


class BytesList(_List):
    """A list of bytes."""

    def _checked(self, one: Any) -> bytes:
        if not isinstance(one, bytes):
            raise TypeError(f"BytesList(value=...) takes bytes. Received: {one!r}. Write text.encode(), or tensor.numpy().")
        return bytes(one)

    def encoded(self) -> bytes:
        """The message."""
        return b"".join(_field(1, one) for one in self.value)

    @classmethod
    def read(cls, data: bytes | memoryview) -> BytesList:
        """The list of a message."""
        return cls(bytes(value) for number, kind, value in _fields(data) if number == 1 and kind == TEXT)


class FloatList(_List):
    """A list of floats with 32 bits."""

    def _checked(self, one: Any) -> float:
        return float(one)

    def encoded(self) -> bytes:
        """The message."""
        return _field(1, np.asarray(self.value, "<f4").tobytes()) if self.value else b""

    @classmethod
    def read(cls, data: bytes | memoryview) -> FloatList:
        """The list of a message."""
        texts = [value for number, kind, value in _fields(data) if number == 1 and kind in (TEXT, FOUR)]
        joined = b"".join(texts)
        if len(joined) % 4:
            raise _damaged(data)
        return cls(np.frombuffer(joined, "<f4").tolist())


class Int64List(_List):
    """A list of integers with 64 bits."""

    def _checked(self, one: Any) -> int:
        if isinstance(one, (float, np.floating)):
            raise TypeError(f"Int64List(value=...) takes integers. Received: {one!r}. Write int(value), or use FloatList.")
        return int(one)

    def encoded(self) -> bytes:
        """The message."""
        return _field(1, b"".join(_varint(one) for one in self.value)) if self.value else b""

    @classmethod
    def read(cls, data: bytes | memoryview) -> Int64List:
        """The list of a message."""
        values: list[int] = []
        for number, kind, value in _fields(data):
            if number == 1 and kind == VARINT:
                values.append(_signed(value))
            elif number == 1 and kind == TEXT:
                values += _varints(value)
        return cls(values)


_KINDS: dict[str, Any] = {"bytes_list": BytesList, "float_list": FloatList, "int64_list": Int64List}


class Feature:
    """One of three lists.

    Args:
        bytes_list, float_list, int64_list: the one that is given is what the feature holds.
    """

    def __init__(
        self, bytes_list: BytesList | None = None, float_list: FloatList | None = None, int64_list: Int64List | None = None
    ):
        given = {"bytes_list": bytes_list, "float_list": float_list, "int64_list": int64_list}
        self._given = next((name for name, one in given.items() if one is not None), None)
        self.bytes_list = BytesList() if bytes_list is None else bytes_list
        self.float_list = FloatList() if float_list is None else float_list
        self.int64_list = Int64List() if int64_list is None else int64_list

    def WhichOneof(self, group: str = "kind") -> str | None:
        """The name of the list that the feature holds."""
        return next((name for name in _KINDS if len(getattr(self, name))), self._given)

    def __repr__(self) -> str:
        kind = self.WhichOneof()
        return f"Feature({'' if kind is None else f'{kind}={getattr(self, kind)!r}'})"

    def encoded(self) -> bytes:
        """The message."""
        kind = self.WhichOneof()
        return b"" if kind is None else _field([*_KINDS].index(kind) + 1, getattr(self, kind).encoded())

    @classmethod
    def read(cls, data: bytes | memoryview) -> Feature:
        """The feature of a message."""
        names = [*_KINDS]
        for number, kind, value in _fields(data):
            if 1 <= number <= len(names) and kind == TEXT:
                name = names[number - 1]
                return cls(**{name: _KINDS[name].read(value)})
        return cls()


class Features:
    """Features by name.

    Args:
        feature: name -> `Feature`.
    """

    def __init__(self, feature: Mapping[str, Feature] | None = None):
        self.feature: defaultdict[str, Feature] = defaultdict(Feature, feature or {})

    def __repr__(self) -> str:
        return f"Features(feature={dict(self.feature)})"

    def encoded(self) -> bytes:
        """The message."""
        entries = (_field(1, name.encode()) + _field(2, one.encoded()) for name, one in self.feature.items())
        return b"".join(_field(1, entry) for entry in entries)

    @classmethod
    def read(cls, data: bytes | memoryview) -> Features:
        """The features of a message."""
        return cls({name: Feature.read(value) for name, value in _entries(data)})


class Example:
    """What a record holds.

    Args:
        features: `Features`.

    Example:
        >>> label = Feature(int64_list=Int64List(value=[3, -1]))
        >>> text = Example(features=Features(feature={"label": label})).SerializeToString()
        >>> Example.FromString(text)
        Example(features=Features(feature={'label': Feature(int64_list=Int64List(value=[3, -1]))}))
    """

    def __init__(self, features: Features | None = None):
        self.features = features or Features()

    def __repr__(self) -> str:
        return f"Example(features={self.features!r})"

    def SerializeToString(self) -> bytes:
        """The message."""
        return _field(1, self.features.encoded())

    def ParseFromString(self, serialized: bytes) -> int:
        """Take the features of a message; returns its length.

        Raises:
            ValueError: it is no message.
        """
        features = [value for number, kind, value in _fields(serialized) if number == 1 and kind == TEXT]
        self.features = Features.read(b"".join(features))
        return len(serialized)

    @classmethod
    def FromString(cls, serialized: bytes) -> Example:
        """The example of a message."""
        example = cls()
        example.ParseFromString(serialized)
        return example


def _entries(data: bytes | memoryview) -> Iterator[tuple[str, bytes | memoryview]]:
    for number, kind, value in _fields(data):
        if number == 1 and kind == TEXT:
            parts = {inner: text for inner, wire, text in _fields(value) if wire == TEXT}
            yield str(parts.get(1, b""), "utf-8"), parts.get(2, b"")


def _field(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | TEXT) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _signed(value: int) -> int:
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value


def _fields(data: bytes | memoryview) -> Iterator[tuple[int, int, Any]]:
    """The number, the kind and the value of each field."""
    return fields(memoryview(data), _place(data))


def _place(data: bytes | memoryview) -> str:
    return f"tf.train.Example, a message of {len(data)} bytes"


def _damaged(data: bytes | memoryview) -> FileFormatError:
    return FileFormatError(f"{_place(data)}: is damaged or cut short.")


def _varints(data: bytes | memoryview) -> list[int]:
    """A row of numbers, all at once."""
    row = np.frombuffer(data, np.uint8)
    if not len(row):
        return []
    ends = np.flatnonzero(row < 0x80)
    if not len(ends) or ends[-1] != len(row) - 1:
        raise _damaged(data)
    starts = np.concatenate([[0], ends[:-1] + 1])
    place = np.arange(len(row)) - np.repeat(starts, ends - starts + 1)
    parts = (row & 0x7F).astype(np.uint64) << (7 * place).astype(np.uint64)
    values: list[int] = np.bitwise_or.reduceat(parts, starts).astype(np.int64).tolist()
    return values
