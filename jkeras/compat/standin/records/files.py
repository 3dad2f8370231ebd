"""`tf.io.TFRecordWriter` and the reading of TFRecord files: texts of bytes, one after the other, each with checksums."""

from __future__ import annotations

import gzip
import io
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Self

from jkeras._base.errors import unknown_name
from jkeras.compat.standin.files import path_of
from jkeras.compat.standin.host_tensor import encoded, text_of
from jkeras.compat.standin.records.checksums import masked_checksum

__all__ = ["TFRecordOptions", "TFRecordWriter", "tf_record_iterator"]

_KINDS = ("", "GZIP", "ZLIB")
_PIECE = 1 << 20
_DAMAGED = "{path} is no TFRecord file, or it is damaged: {what} of record {number}. If it is compressed, say how: \
compression_type='GZIP'."


class TFRecordOptions:
    """How a TFRecord file is compressed.

    Args:
        compression_type: `"GZIP"`, `"ZLIB"`, or `""`.
        others: have no effect.
    """

    def __init__(self, compression_type: Any = "", **others: object):
        self.compression_type = checked_kind(compression_type)


def checked_kind(compression_type: Any) -> str:
    """The kind of compression as text.

    Raises:
        ValueError: there is no such kind.
    """
    if isinstance(compression_type, TFRecordOptions):
        return compression_type.compression_type
    kind = text_of(compression_type).decode() if compression_type is not None else ""
    if kind not in _KINDS:
        raise unknown_name("compression_type", kind, _KINDS)
    return kind


class TFRecordWriter:
    """Writes a TFRecord file; also a block that closes it.

    Args:
        path: of the file.
        options: `TFRecordOptions`, a kind of compression, or None.

    Example:
        >>> import tempfile
        >>> path = tempfile.mkdtemp() + "/two.tfrecord"
        >>> with TFRecordWriter(path) as writer:
        ...     for text in (b"one", b"two"):
        ...         writer.write(text)
        >>> list(records_of(path))
        [b'one', b'two']
    """

    def __init__(self, path: Any, options: TFRecordOptions | str | None = None):
        kind = checked_kind(options)
        self._file: Any = gzip.open(path_of(path), "wb") if kind == "GZIP" else open(path_of(path), "wb")  # noqa: SIM115
        self._pack = zlib.compressobj() if kind == "ZLIB" else None

    def write(self, record: Any) -> None:
        """Write one record: bytes, or a text tensor."""
        data = record if isinstance(record, bytes) else text_of(record)
        length = struct.pack("<Q", len(data))
        framed = b"".join((length, _checksum_bytes(length), data, _checksum_bytes(data)))
        self._file.write(framed if self._pack is None else self._pack.compress(framed))

    def flush(self) -> None:
        """Bring what was written to the file."""
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        if self._pack is not None:
            self._file.write(self._pack.flush())
            self._pack = None
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def records_of(path: Any, compression_type: Any = "") -> Iterator[bytes]:
    """The records of a file.

    Raises:
        OSError: the file is damaged or no TFRecord file; `tf.errors.DataLossError` is a name of it.
        ValueError: there is no such compression.
    """
    kind, name = checked_kind(compression_type), path_of(path)
    with _opened(name, kind) as file:
        number = 0
        damaged = lambda what: OSError(_DAMAGED.format(path=name, what=what, number=number))  # noqa: E731
        while (record := _next_record(file, damaged)) is not None:
            yield record
            number += 1


def tf_record_iterator(path: Any, options: TFRecordOptions | None = None) -> Iterator[bytes]:
    """The records of a file, as TensorFlow 1 reads them."""
    return records_of(path, options)


def paths_in(filenames: Any) -> Iterator[Any]:
    """One path, or several."""
    yield from encoded(filenames).ravel()


def _next_record(file: BinaryIO, damaged: Callable[[str], OSError]) -> bytes | None:
    """The next record of a file; None at its end."""
    try:
        head = _read(file, 12)
        if not head:
            return None
        if len(head) < 12 or _checksum_bytes(head[:8]) != head[8:]:
            raise damaged("the length")
        length = struct.unpack("<Q", head[:8])[0]
        data, tail = _read(file, length), _read(file, 4)
    except (zlib.error, EOFError, gzip.BadGzipFile) as error:
        raise damaged("the compression") from error
    if len(data) < length or _checksum_bytes(data) != tail:
        raise damaged("the content")
    return data


def _read(file: BinaryIO, length: int) -> bytes:
    """So many bytes, or what there is: in pieces, because a length that a file claims reserves no memory."""
    pieces = []
    while length and (piece := file.read(min(length, _PIECE))):
        pieces.append(piece)
        length -= len(piece)
    return b"".join(pieces)


class _Unpacked(io.RawIOBase):
    """What a file of the kind ZLIB holds, unpacked as it is read."""

    def __init__(self, file: BinaryIO):
        self._file, self._unpack = file, zlib.decompressobj()

    def readable(self) -> bool:
        return True

    def readinto(self, out: Any) -> int:
        while not self._unpack.eof:
            packed = self._unpack.unconsumed_tail or self._file.read(_PIECE)
            data = self._unpack.decompress(packed, len(out))
            if data:
                out[: len(data)] = data
                return len(data)
            if not packed:
                raise EOFError("The file is cut short.")
        return 0

    def close(self) -> None:
        self._file.close()
        super().close()


def _opened(name: str, kind: str) -> BinaryIO:
    if kind == "GZIP":
        return gzip.open(name, "rb")  # type: ignore[return-value]
    file = open(name, "rb")  # noqa: SIM115 - the caller closes it
    return io.BufferedReader(_Unpacked(file)) if kind else file


def _checksum_bytes(data: bytes) -> bytes:
    return struct.pack("<I", masked_checksum(data))
