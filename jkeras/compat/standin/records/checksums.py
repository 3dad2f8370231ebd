"""CRC-32C, the checksum of TFRecord files.

The checksum of bytes is linear: that of `a ^ b` is that of `a` xor that of `b`, and further bytes of zeros are a linear map. So a
text is cut into rows of equal length, all rows go through the table of bytes at once, and the results are put together by the
map for one row of zeros.
"""

from __future__ import annotations

from functools import cache

import numpy as np

_POLYNOMIAL = 0x82F63B78
_ALL = 0xFFFFFFFF
_SHORT = 64  # below, a plain loop is faster
_MASK_DELTA = 0xA282EAD8


def masked_checksum(data: bytes) -> int:
    """The checksum as TFRecord files have it: rotated, plus a constant.

    Example:
        >>> hex(masked_checksum(b"123456789"))
        '0xc78ab0e5'
    """
    crc = checksum(data)
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & _ALL


def checksum(data: bytes) -> int:
    """CRC-32C of bytes.

    Example:
        >>> hex(checksum(b"123456789"))
        '0xe3069283'
    """
    if len(data) < _SHORT:
        return _register(data, _ALL) ^ _ALL
    power = (len(data).bit_length() + 1) // 2
    rows = -(-len(data) >> power)
    cut = np.zeros(rows << power, np.uint8)
    cut[-len(data) :] = np.frombuffer(data, np.uint8)
    start = len(cut) - len(data)
    cut[start : start + 4] ^= 0xFF  # what a register that starts with ones does to the first four bytes
    table = _table()
    registers = np.zeros(rows, np.uint32)
    for column in cut.reshape(rows, -1).T:
        registers = table[(registers ^ column) & 0xFF] ^ (registers >> 8)
    zeros, total = _zeros(power), 0
    for register in registers.tolist():
        total = _mapped(zeros, total) ^ register
    return total ^ _ALL


def _register(data: bytes, register: int) -> int:
    table = _plain_table()
    for byte in data:
        register = table[(register ^ byte) & 0xFF] ^ (register >> 8)
    return register


@cache
def _table() -> np.ndarray:
    entries = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        entries = np.where(entries & 1, (entries >> 1) ^ np.uint32(_POLYNOMIAL), entries >> 1)
    return entries


@cache
def _plain_table() -> list[int]:
    entries: list[int] = _table().tolist()
    return entries


@cache
def _zeros(power: int) -> list[list[int]]:
    """What `2 ** power` bytes of zeros make of a register: one table for each of its bytes."""
    if power == 0:
        return [[_register(b"\0", byte << 8 * place) for byte in range(256)] for place in range(4)]
    half = _zeros(power - 1)
    return [[_mapped(half, entry) for entry in table] for table in half]


def _mapped(tables: list[list[int]], register: int) -> int:
    first, second, third, fourth = tables
    return first[register & 0xFF] ^ second[register >> 8 & 0xFF] ^ third[register >> 16 & 0xFF] ^ fourth[register >> 24]
