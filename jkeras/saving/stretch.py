"""`Stretch`: a part of an open file that several threads read at once, and `Checksum`, its CRC-32, computed on the way.

A file has one position, so two threads that seek and read in it spoil each other's work. A stretch is read at offsets and knows
no position. A CRC-32 is the remainder of a polynomial over two elements, so those of neighbouring parts, each computed by a
thread of its own, can be put together: crc(A + B) = crc(A) * x^(8 |B|) + crc(B). So a part that is read for its numbers is
checked while it is in the processor's cache, and only what nobody read is read for the checksum alone.

Source: Peter Deutsch, "GZIP file format specification version 4.3", RFC 1952 (1996), section 8, for the polynomial.
"""

from __future__ import annotations

import concurrent.futures
import functools
import itertools
import os
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

THREADS = min(4, os.cpu_count() or 1)
_AT_ONCE = 1 << 30  # bytes of one read; systems give no more than 2 GiB
_IN_CACHE = 1 << 20  # bytes of one read whose checksum is computed
_LEAST = 8 << 20  # bytes that are worth a thread
_NOTED = 1 << 18  # bytes of a part that is worth to be remembered
_POLYNOMIAL, _ONE, _X8 = 0xEDB88320, 1 << 31, 1 << 23  # bit 31 is x^0


class Stretch(NamedTuple):
    """A part of an open file.

    Args:
        descriptor: of the file; it must stay open as long as anybody reads.
        start: where the part begins.
        size: its length in bytes.
        checksum: is told what was read.
    """

    descriptor: int
    start: int
    size: int
    checksum: Checksum | None = None

    def read_into(self, offset: int, buffer: Any) -> int:
        """Fill a buffer.

        Args:
            offset: in the stretch.
            buffer: any writable buffer.

        Returns:
            How many bytes there were; fewer than wanted only where the stretch or the file ends.
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


def stretch_of(file: Any, start: int, size: int) -> Stretch | None:
    """A stretch of a file; None where it is not on a disk, or where the system cannot read at an offset (Windows)."""
    if not hasattr(os, "preadv"):
        return None
    try:
        return Stretch(file.fileno(), start, size)
    except (AttributeError, OSError):
        return None


class Checksum:
    """The CRC-32 of a stretch.

    Args:
        stretch: to read.

    Example:
        >>> import tempfile, zlib
        >>> with tempfile.TemporaryFile() as file:
        ...     _ = file.write(b"0123456789") + file.seek(0)
        ...     Checksum(Stretch(file.fileno(), 2, 5)).result() == zlib.crc32(b"23456")
        True
    """

    def __init__(self, stretch: Stretch):
        self._stretch = stretch._replace(checksum=None)
        self._noted: list[tuple[int, int, int]] = []  # threads append to it

    def note(self, offset: int, size: int, crc: int) -> None:
        """Take a part as read.

        Args:
            offset, size: of the part.
            crc: its checksum.
        """
        self._noted.append((offset, size, crc))

    def result(self) -> int:
        """The checksum; what was not noted is read."""
        found = at = 0
        for offset, size, crc in sorted(self._noted):
            if offset >= at:  # else it was read twice
                found = combined(self._read(at, offset, found), crc, size)
                at = offset + size
        return self._read(at, self._stretch.size, found)

    def _read(self, start: int, end: int, found: int) -> int:
        """The checksum of all up to `end`, where that of all up to `start` was found."""
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
        buffer: Any = np.empty(min(_IN_CACHE, end - start), np.uint8)
        while start < end:
            count = self._stretch.read_into(start, buffer[: end - start])
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
    """The CRC-32 of two stretches in a row.

    Args:
        first, second: theirs.
        size: bytes of the second.

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
