"""Tokens as parts of one buffer, and a table of them in NumPy: no object is made for a token that is only looked up.

A token of at most 16 bytes is two 64-bit numbers, filled up with zeros, and a length, which together are the token itself. The
table is open addressing: a token is at the slot of its hash or, where others are, at the next that is free. A search looks at the
slots of all tokens at once, then at the next ones of those that found another token.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from jkeras._text.tables import MISSING

WIDTH = 16
_IS_BLANK = np.isin(np.arange(256), [*b" \t\n\v\f\r"])
# By length: the bytes of the first and the second number that belong to a token.
_MASKS = [np.array([(1 << 8 * min(max(n - start, 0), 8)) - 1 for n in range(WIDTH + 1)], np.uint64) for start in (0, WIDTH // 2)]
_FACTORS = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F))


class Spans(NamedTuple):
    """The words of some texts.

    Attributes:
        buffer: the texts, one after another, and zeros behind them, uint8.
        begins, sizes: of each word in the buffer.
        lengths: how many words each text has.
    """

    buffer: np.ndarray
    begins: np.ndarray
    sizes: np.ndarray
    lengths: np.ndarray

    @classmethod
    def of(cls, texts: Sequence[bytes]) -> Spans:
        """The words of texts: what is between ASCII white space.

        Example:
            >>> spans = Spans.of([b" to  be ", b"", b"or"])
            >>> spans.words(), spans.lengths.tolist()
            ([b'to', b'be', b'or'], [2, 0, 1])
        """
        buffer = np.frombuffer(b"\n".join([b"", *texts, bytes(WIDTH)]), np.uint8)
        blank = _IS_BLANK[buffer]
        changes = np.flatnonzero(blank[:-1] != blank[1:]) + 1
        begins, ends = changes[:-1:2], changes[1::2]  # the zeros behind the last text would be a word
        of_texts = np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)) + 1)
        return cls(buffer, begins, ends - begins, np.diff(np.searchsorted(begins, of_texts), prepend=0))

    def words(self, chosen: Any = slice(None)) -> list[bytes]:
        """The words, or some of them."""
        data, begins = self.buffer.tobytes(), self.begins[chosen]
        return [data[begin:end] for begin, end in zip(begins.tolist(), (begins + self.sizes[chosen]).tolist())]


class SpanTable:
    """The place of each text in a list, for searches with `Spans`.

    Args:
        tokens: different texts, as bytes.

    Example:
        >>> SpanTable([b"be", b"or"]).find(Spans.of([b"to be", b"or"])).tolist()
        [-1, 0, 1]
    """

    def __init__(self, tokens: Sequence[bytes]):
        places = np.array([i for i, token in enumerate(tokens) if len(token) <= WIDTH], np.int64)
        short = [tokens[i] for i in places.tolist()]
        self._places, self._sizes = places, np.fromiter(map(len, short), np.int64, len(short))
        self._keys = np.array(short, f"S{WIDTH}").view("<u8").reshape(-1, 2).T.astype(np.uint64)
        self._long = {token: i for i, token in enumerate(tokens) if len(token) > WIDTH}
        self._bits = max(4 * len(short), 16).bit_length()
        self._slots = np.full(1 << self._bits, MISSING, np.int32)
        pending, slots = np.arange(len(short)), self._hash(*self._keys)
        while len(pending):
            free = self._slots[slots] == MISSING
            self._slots[slots[free]] = pending[free]
            rest = self._slots[slots] != pending
            pending, slots = pending[rest], self._next(slots[rest])

    def _hash(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):
            mixed = (first ^ (second * _FACTORS[1])) * _FACTORS[0]
            return ((mixed ^ (mixed >> np.uint64(29))) * _FACTORS[1] >> np.uint64(64 - self._bits)).astype(np.int64)

    def _next(self, slots: np.ndarray) -> np.ndarray:
        return (slots + 1) & ((1 << self._bits) - 1)

    def find(self, spans: Spans) -> np.ndarray:
        """The places of words, -1 for those that are not in the table."""
        found = np.full(len(spans.begins), MISSING, np.int64)
        within = np.flatnonzero(spans.sizes <= WIDTH)
        if len(self._places):
            begins, sizes = (
                (spans.begins, spans.sizes) if len(within) == len(found) else (spans.begins[within], spans.sizes[within])
            )
            found[within] = self._find_short(spans.buffer, begins, sizes)
        if len(within) < len(found) and self._long:
            others = np.flatnonzero(spans.sizes > WIDTH)
            found[others] = [self._long.get(word, MISSING) for word in spans.words(others)]
        return found

    def _find_short(self, buffer: np.ndarray, begins: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        words: np.ndarray = np.ndarray((len(buffer) - 7,), "<u8", buffer, strides=(1,))  # the 8 bytes from each byte on
        half = WIDTH // 2
        first, second = words[begins] & _MASKS[0][sizes], np.zeros(len(begins), np.uint64)
        longer = np.flatnonzero(sizes > half)
        second[longer] = words[begins[longer] + half] & _MASKS[1][sizes[longer]]
        found, pending = np.full(len(begins), MISSING, np.int64), np.arange(len(begins))
        slots = self._hash(first, second)
        while len(pending):
            entry = self._slots[slots]
            hit = (self._keys[0][entry] == first) & (self._keys[1][entry] == second) & (self._sizes[entry] == sizes)
            hit &= entry != MISSING
            found[pending[hit]] = self._places[entry[hit]]
            rest = np.flatnonzero(~hit & (entry != MISSING))
            pending, slots = pending[rest], self._next(slots[rest])
            first, second, sizes = first[rest], second[rest], sizes[rest]
        return found
