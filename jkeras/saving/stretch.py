"""`Stretch`: a part of an open file that several threads read at once, and `Checksum`, which does so in the background.

A file has one position, so two threads that seek and read in it spoil each other's work. A stretch is read at offsets and knows
no position. A CRC-32 is the remainder of a polynomial over two elements, so those of neighbouring parts, each computed by a
thread of its own, can be put together: crc(A + B) = crc(A) * x^(8 |B|) + crc(B).

Source: Peter Deutsch, "GZIP file format specification version 4.3", RFC 1952 (1996), section 8, for the polynomial.
"""

from __future__ import annotations

import concurrent.futures
import itertools
import os
import threading
import zlib
from typing import Any, NamedTuple

import numpy as np

THREADS = min(4, os.cpu_count() or 1)
_AT_ONCE = 1 << 30  # bytes of one read; systems give no more than 2 GiB
_LEAST = 8 << 20  # bytes that are worth a thread
_BUFFER = 16 << 20  # large, since a thread waits for Python between two reads
_POLYNOMIAL, _ONE, _X8 = 0xEDB88320, 1 << 31, 1 << 23  # bit 31 is x^0


class Stretch(NamedTuple):
    """A part of an open file.

    Args:
        descriptor: of the file; it must stay open as long as anybody reads.
        start: where the part begins.
        size: its length in bytes.
    """

    descriptor: int
    start: int
    size: int

    def read_into(self, offset: int, buffer: Any) -> int:
        """Fill a buffer.

        Args:
            offset: in the stretch.
            buffer: any writable buffer.

        Returns:
            How many bytes there were; fewer than wanted only where the stretch or the file ends.
        """
        view = memoryview(buffer).cast("B")[: max(0, self.size - offset)]
        done = 0
        while done < len(view):
            found = os.preadv(self.descriptor, [view[done : done + _AT_ONCE]], self.start + offset + done)
            if not found:
                break
            done += found
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
    """The CRC-32 of a stretch, computed by threads from the moment it is made.

    Args:
        stretch: to read.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryFile() as file:
        ...     _ = file.write(b"0123456789") + file.seek(0)
        ...     Checksum(Stretch(file.fileno(), 2, 5)).result() == zlib.crc32(b"23456")
        True
    """

    def __init__(self, stretch: Stretch):
        self._stretch, self._stopped = stretch, threading.Event()
        parts = min(THREADS, 1 + stretch.size // _LEAST)
        bounds = [stretch.size * i // parts for i in range(parts + 1)]
        self._pool = concurrent.futures.ThreadPoolExecutor(parts, "checksum")
        self._parts = [(self._pool.submit(self._part, a, b), b - a) for a, b in itertools.pairwise(bounds)]

    def result(self) -> int:
        """The checksum; waits for it."""
        found = 0
        try:
            for part, size in self._parts:
                found = combined(found, part.result(), size)
        finally:
            self.stop()
        return found

    def stop(self) -> None:
        """Leave it, and wait until nobody reads any more."""
        self._stopped.set()
        self._pool.shutdown(cancel_futures=True)

    def _part(self, start: int, end: int) -> int:
        buffer: Any = np.empty(min(_BUFFER, end - start), np.uint8)
        found = 0
        while start < end and not self._stopped.is_set():
            count = self._stretch.read_into(start, buffer[: end - start])
            if not count:
                break
            found = zlib.crc32(buffer[:count], found)
            start += count
        return found


def combined(first: int, second: int, size: int) -> int:
    """The CRC-32 of two stretches in a row.

    Args:
        first, second: theirs.
        size: bytes of the second.

    Example:
        >>> combined(zlib.crc32(b"abc"), zlib.crc32(b"defgh"), 5) == zlib.crc32(b"abcdefgh")
        True
    """
    factor, power = _ONE, _X8
    while size:
        factor = _product(factor, power) if size & 1 else factor
        power, size = _product(power, power), size >> 1
    return _product(first, factor) ^ second


def _product(a: int, b: int) -> int:
    """The product of two polynomials, modulo that of the CRC-32."""
    found = 0
    for bit in range(31, -1, -1):
        found ^= b if a >> bit & 1 else 0
        b = b >> 1 ^ (_POLYNOMIAL if b & 1 else 0)
    return found
