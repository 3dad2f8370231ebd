"""`ByteRange`: part of an open file that several threads read at once; `Checksum`: its CRC-32, computed on the way.

By hand, for speed: a `.keras` archive loads in the time that h5py takes for its arrays, where reading through `zipfile` takes
fourteen times as long (`bench/RESULTS.md`). A file has one position, so two threads that seek and read disturb each other; a byte
range is read at offsets and has no position.

A CRC-32 is the remainder of a polynomial over two elements, so the checksums of neighbouring parts combine: crc(A + B) = crc(A)
* x^(8 |B|) + crc(B). Each thread therefore checks what it reads while it is in the processor's cache; only what nobody read is
read for the checksum alone.

Source: Peter Deutsch, "GZIP file format specification version 4.3", RFC 1952 (1996), section 8, for the polynomial.
"""

from __future__ import annotations

import concurrent.futures
import functools
import io
import itertools
import os
import zlib
from collections.abc import Callable
from typing import IO, Any, NamedTuple

import numpy as np

THREADS = min(4, os.cpu_count() or 1)
_AT_ONCE = 1 << 30  # bytes per read; systems return at most 2 GiB
_IN_CACHE = 1 << 20  # bytes per read when a checksum is computed
_LEAST = 8 << 20  # bytes that are worth a thread
_NOTED = 1 << 18  # bytes of a part worth remembering
_POLYNOMIAL, _ONE, _X8 = 0xEDB88320, 1 << 31, 1 << 23  # bit 31 is x^0


class ByteRange(NamedTuple):
    """Part of an open file.

    Args:
        descriptor: of the file; it must stay open while anybody reads.
        start: where the part begins.
        size: its length in bytes.
        checksum: is told what was read.
    """

    descriptor: int
    start: int
    size: int
    checksum: Checksum | None = None

    def read_into(self, offset: int, buffer: Any) -> int:
        """Fill a writable buffer from an offset in the range.

        Returns:
            The number of bytes read; fewer than asked for only at the end of the range or the file.
        """
        view = memoryview(buffer).cast("B")[: max(0, self.size - offset)]
        noted = self.checksum is not None and len(view) >= _NOTED
        step, done, crc = _IN_CACHE if noted else _AT_ONCE, 0, 0
        while done < len(view):
            found = os.preadv(self.descriptor, [view[done : done + step]], self.start + offset + done)
            if not found:
                break
            if noted:
                crc = crc32()(view[done : done + found], crc)
            done += found
        if noted and self.checksum is not None:
            self.checksum.note(offset, done, crc)
        return done


def range_of(file: IO[bytes] | io.RawIOBase, start: int, size: int) -> ByteRange | None:
    """A range of a file; None if the file is not on disk, or the system cannot read at an offset (Windows)."""
    if not hasattr(os, "preadv"):
        return None
    try:
        return ByteRange(file.fileno(), start, size)
    except (AttributeError, OSError):
        return None


class Checksum:
    """The CRC-32 of a byte range.

    Example:
        >>> import tempfile, zlib
        >>> with tempfile.TemporaryFile() as file:
        ...     _ = file.write(b"0123456789") + file.seek(0)
        ...     Checksum(ByteRange(file.fileno(), 2, 5)).result() == zlib.crc32(b"23456")
        True
    """

    def __init__(self, whole: ByteRange):
        self._whole = whole._replace(checksum=None)
        self._noted: list[tuple[int, int, int]] = []  # threads append to it

    def note(self, offset: int, size: int, crc: int) -> None:
        """Record that a part was read, and its checksum."""
        self._noted.append((offset, size, crc))

    def result(self) -> int:
        """The checksum of the whole range; parts that were not noted are read now."""
        found = at = 0
        for offset, size, crc in sorted(self._noted):
            if offset >= at:  # otherwise it was read twice
                found = combined(self._read(at, offset, found), crc, size)
                at = offset + size
        return self._read(at, self._whole.size, found)

    def _read(self, start: int, end: int, found: int) -> int:
        """The checksum of everything up to `end`, given that of everything up to `start`."""
        if end - start < 2 * _LEAST:
            return self._part(start, end, found)
        with concurrent.futures.ThreadPoolExecutor(THREADS, "checksum") as pool:
            try:
                bounds = [*range(start, end, _LEAST), end]
                parts = [(pool.submit(self._part, a, b), b - a) for a, b in itertools.pairwise(bounds)]
                return functools.reduce(lambda crc, part: combined(crc, part[0].result(), part[1]), parts, found)
            finally:
                pool.shutdown(cancel_futures=True)

    def _part(self, start: int, end: int, found: int = 0) -> int:
        buffer = np.empty(min(_IN_CACHE, end - start), np.uint8)
        while start < end:
            count = self._whole.read_into(start, buffer[: end - start])
            if not count:
                break
            found = crc32()(buffer[:count], found)
            start += count
        return found


@functools.cache
def crc32() -> Callable[..., int]:
    """`zlib.crc32`, or that of zlib-ng where it is installed, which is much faster."""
    try:
        from zlib_ng import zlib_ng
    except ImportError:
        return zlib.crc32
    return zlib_ng.crc32


def combined(first: int, second: int, size: int) -> int:
    """The CRC-32 of two neighbouring parts, from theirs and the number of bytes of the second.

    Example:
        >>> import zlib
        >>> combined(zlib.crc32(b"abc"), zlib.crc32(b"defgh"), 5) == zlib.crc32(b"abcdefgh")
        True
    """
    return _product(first, _shift(size)) ^ second


@functools.lru_cache(1024)
def _shift(size: int) -> int:
    """x^(8 size)."""
    factor, power = _ONE, _X8
    while size:
        factor = _product(factor, power) if size & 1 else factor
        power, size = _product(power, power), size >> 1
    return factor


def _product(a: int, b: int) -> int:
    """The product of two polynomials, modulo that of the CRC-32."""
    found = 0
    for bit in range(31, -1, -1):
        found ^= b if a >> bit & 1 else 0
        b = b >> 1 ^ (_POLYNOMIAL if b & 1 else 0)
    return found
