"""SipHash-2-4 with a key of two numbers, for many texts at once.

Source: Jean-Philippe Aumasson and Daniel J. Bernstein, "SipHash: a fast short-input PRF", 2012.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Words = Any  # an array of uint64
State = tuple[Words, Words, Words, Words]

_START = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
_WORD = 2**64 - 1


def keyed_hashes(texts: Sequence[bytes], key: Sequence[int]) -> Words:
    """A 64-bit hash of each text under a key.

    Args:
        texts: as bytes.
        key: two integers.

    Returns:
        uint64 `(len(texts),)`.

    Example:
        >>> hex(int(keyed_hashes([bytes(range(15))], (0x0706050403020100, 0x0F0E0D0C0B0A0908))[0]))
        '0xa129ca6149be45e5'
    """
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    result = np.empty(len(texts), np.uint64)
    counts = lengths // 8 + 1  # the last word holds the rest and the length
    with np.errstate(over="ignore"):
        for count in np.unique(counts):
            rows = np.flatnonzero(counts == count)
            data = np.array([texts[i] for i in rows.tolist()], f"S{8 * count}").view("<u8").reshape(len(rows), count)
            words = data.astype(np.uint64)
            words[:, -1] |= lengths[rows].astype(np.uint64) << np.uint64(56)
            result[rows] = _hashed(words, key)
    return result


def _hashed(words: Words, key: Sequence[int]) -> Words:
    both = [np.uint64(int(part) & _WORD) for part in key]
    state: Any = tuple(np.full(len(words), np.uint64(start) ^ both[i % 2]) for i, start in enumerate(_START))
    for word in words.T:
        state = (*state[:3], state[3] ^ word)
        state = _round(_round(state))
        state = (state[0] ^ word, *state[1:])
    state = (state[0], state[1], state[2] ^ np.uint64(0xFF), state[3])
    for _ in range(4):
        state = _round(state)
    return state[0] ^ state[1] ^ state[2] ^ state[3]


def _rotate(value: Words, bits: int) -> Words:
    return (value << np.uint64(bits)) | (value >> np.uint64(64 - bits))


def _round(state: State) -> State:
    a, b, c, d = state
    a, c = a + b, c + d
    b, d = _rotate(b, 13) ^ a, _rotate(d, 16) ^ c
    a, c = _rotate(a, 32) + d, c + b
    b, d = _rotate(b, 17) ^ c, _rotate(d, 21) ^ a
    return a, b, _rotate(c, 32), d
