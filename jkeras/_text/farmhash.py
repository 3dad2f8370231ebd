"""FarmHash's `Fingerprint64`, for many texts at once.

A text is hashed by one of five formulas, by its length. Texts of one formula are the rows of a matrix of bytes; the arithmetic is
that of unsigned 64-bit numbers, which wraps around.

Source: Geoff Pike, "FarmHash", 2014, `farmhashna::Hash64`, which TensorFlow calls `Fingerprint64`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Words = Any  # an array of uint64

_K0, _K1, _K2 = (np.uint64(k) for k in (0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F))
_CAT = np.uint64(0xC6A4A7935BD1E995)
_SEED = 81


def fingerprints(texts: Sequence[bytes]) -> Words:
    """A 64-bit hash of each text.

    Args:
        texts: as bytes.

    Returns:
        uint64 `(len(texts),)`.

    Example:
        >>> fingerprints([b"", b"hello"]).tolist()
        [11160318154034397263, 13009744463427800296]
    """
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    result = np.empty(len(texts), np.uint64)
    kinds = np.searchsorted([0, 3, 7, 16, 32, 64], lengths)
    with np.errstate(over="ignore"):
        for kind in np.unique(kinds):
            rows = np.flatnonzero(kinds == kind)
            if kind < 6:
                data = _matrix([texts[i] for i in rows.tolist()], 64)
                result[rows] = _SHORT[kind](data, lengths[rows])
            else:
                _hash_long(texts, lengths, rows, result)
    return result


def concatenated(first: Words, second: Words) -> Words:
    """The fingerprint of a pair of fingerprints, as TensorFlow's crosses have it."""
    with np.errstate(over="ignore"):
        result = (first ^ _CAT) ^ (_shift_mix(second * _CAT) * _CAT)
        return _shift_mix(_shift_mix(result * _CAT) * _CAT)


def _matrix(texts: list[bytes], width: int) -> np.ndarray:
    """Texts as rows of bytes, filled with zeros."""
    return np.array(texts, f"S{width}").view(np.uint8).reshape(len(texts), width)


def _words(data: np.ndarray, at: Any, size: int = 8) -> Words:
    """Little-endian numbers of `size` bytes that begin at one place in all rows, or at one for each."""
    if np.ndim(at) == 0:
        part = data[:, at : at + size]
    else:
        part = np.take_along_axis(data, at[:, None] + np.arange(size), axis=1)
    return np.ascontiguousarray(part).view(f"<u{size}")[:, 0].astype(np.uint64)


def _rotate(value: Words, bits: int) -> Words:
    return (value >> np.uint64(bits)) | (value << np.uint64(64 - bits))


def _shift_mix(value: Words) -> Words:
    return value ^ (value >> np.uint64(47))


def _mixed(u: Words, v: Words, mul: Words) -> Words:
    a = _shift_mix((u ^ v) * mul)
    return _shift_mix((v ^ a) * mul) * mul


def _multiplier(lengths: Words) -> Words:
    return _K2 + lengths.astype(np.uint64) * np.uint64(2)


def _empty(data: np.ndarray, lengths: Words) -> Words:
    return np.full(len(lengths), _K2)


def _up_to_3(data: np.ndarray, lengths: Words) -> Words:
    rows = np.arange(len(lengths))
    first, middle, last = (data[rows, at].astype(np.uint64) for at in (0 * lengths, lengths >> 1, lengths - 1))
    y, z = first + (middle << np.uint64(8)), lengths.astype(np.uint64) + (last << np.uint64(2))
    return _shift_mix(y * _K2 ^ z * _K0) * _K2


def _up_to_7(data: np.ndarray, lengths: Words) -> Words:
    a, b = _words(data, 0, 4), _words(data, lengths - 4, 4)
    return _mixed(lengths.astype(np.uint64) + (a << np.uint64(3)), b, _multiplier(lengths))


def _up_to_16(data: np.ndarray, lengths: Words) -> Words:
    mul = _multiplier(lengths)
    a, b = _words(data, 0) + _K2, _words(data, lengths - 8)
    return _mixed(_rotate(b, 37) * mul + a, (_rotate(a, 25) + b) * mul, mul)


def _up_to_32(data: np.ndarray, lengths: Words) -> Words:
    mul = _multiplier(lengths)
    a, b = _words(data, 0) * _K1, _words(data, 8)
    c, d = _words(data, lengths - 8) * mul, _words(data, lengths - 16) * _K2
    return _mixed(_rotate(a + b, 43) + _rotate(c, 30) + d, a + _rotate(b + _K2, 18) + c, mul)


def _up_to_64(data: np.ndarray, lengths: Words) -> Words:
    mul = _multiplier(lengths)
    a, b = _words(data, 0) * _K2, _words(data, 8)
    c, d = _words(data, lengths - 8) * mul, _words(data, lengths - 16) * _K2
    y = _rotate(a + b, 43) + _rotate(c, 30) + d
    z = _mixed(y, a + _rotate(b + _K2, 18) + c, mul)
    e, f = _words(data, 16) * mul, _words(data, 24)
    g, h = (y + _words(data, lengths - 32)) * mul, (z + _words(data, lengths - 24)) * mul
    return _mixed(_rotate(e + f, 43) + _rotate(g, 30) + h, e + _rotate(f + a, 18) + g, mul)


_SHORT = (_empty, _up_to_3, _up_to_7, _up_to_16, _up_to_32, _up_to_64)


def _hash_long(texts: Sequence[bytes], lengths: np.ndarray, rows: np.ndarray, result: Words) -> None:
    """Hash texts of more than 64 bytes, those of one number of blocks together."""
    blocks = (lengths[rows] - 1) // 64
    for count in np.unique(blocks):
        chosen = rows[blocks == count]
        data = _matrix([texts[i] for i in chosen.tolist()], 64 * (int(count) + 1))
        result[chosen] = _of_blocks(data, lengths[chosen], int(count))


def _weak(data: np.ndarray, at: Any, a: Words, b: Words) -> tuple[Words, Words]:
    w, x, y, z = (_words(data, at + 8 * i) for i in range(4))
    a = a + w
    b = _rotate(b + a + z, 21)
    c = a
    a = a + x + y
    return a + z, b + _rotate(a, 44) + c


def _of_blocks(data: np.ndarray, lengths: Words, blocks: int) -> Words:
    x = np.full(len(lengths), _SEED, np.uint64)
    y = x * _K1 + np.uint64(113)
    z = _shift_mix(y * _K2 + np.uint64(113)) * _K2
    x = x * _K2 + _words(data, 0)
    v = w = (np.zeros_like(x), np.zeros_like(x))
    for block in range(blocks):
        x, y, z, v, w = _round(data, 64 * block, (x, y, z, v, w), _K1, np.uint64(1))
    mul = _K1 + ((z & np.uint64(0xFF)) << np.uint64(1))
    rest = (lengths - 1) & 63
    first = w[0] + rest.astype(np.uint64)
    v = (v[0] + first, v[1])
    w = (first + v[0], w[1])
    x, y, z, v, w = _round(data, 64 * blocks + rest - 63, (x, y, z, v, w), mul, np.uint64(9))
    mixed = _mixed(v[0], w[0], mul) + _shift_mix(y) * _K0 + z
    return _mixed(mixed, _mixed(v[1], w[1], mul) + x, mul)


def _round(data: np.ndarray, at: Any, state: tuple[Any, ...], mul: Words, factor: np.uint64) -> tuple[Any, ...]:
    x, y, z, v, w = state
    x = _rotate(x + y + v[0] + _words(data, at + 8), 37) * mul
    y = _rotate(y + v[1] + _words(data, at + 48), 42) * mul
    x = x ^ (w[1] * factor)
    y = y + v[0] * factor + _words(data, at + 40)
    z = _rotate(z + w[0], 33) * mul
    v = _weak(data, at, v[1] * mul, x + w[0])
    w = _weak(data, at + 32, z + w[1], y + _words(data, at + 16))
    return z, y, x, v, w
