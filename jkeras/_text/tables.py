"""Tables from tokens to numbers: a hash table for texts, a sorted array for integers."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

MISSING, MASKED = -1, -2


class TextTable:
    """The place of each text in a list.

    Args:
        tokens: different texts, as bytes.
        mask: a text apart, which is at -2; None for none.

    Example:
        >>> TextTable([b"a", b"b"], b"").find([b"b", b"c", b""]).tolist()
        [1, -1, -2]
    """

    def __init__(self, tokens: Sequence[bytes], mask: bytes | None = None):
        self._places = dict(zip(tokens, range(len(tokens))))
        if mask is not None:
            self._places[mask] = MASKED

    def find(self, tokens: Iterable[bytes], count: int = -1) -> np.ndarray:
        """The places of texts, -1 for those that are not in the table.

        Args:
            tokens: as bytes.
            count: how many, if known.
        """
        return np.fromiter(map(self._places.get, tokens, itertools.repeat(MISSING)), np.int64, count)


class NumberTable:
    """The place of each integer in a list; `find` takes an array."""

    def __init__(self, tokens: Sequence[int], mask: int | None = None):
        self._mask = mask
        numbers = np.array(tokens, np.int64)
        self._places = np.argsort(numbers, kind="stable")
        self._numbers = numbers[self._places]

    def find(self, tokens: Any, count: int = -1) -> np.ndarray:
        """The places of integers, -1 for those that are not in the table."""
        wanted = np.asarray(tokens, np.int64)
        found = np.full(wanted.shape, MISSING, np.int64)
        if len(self._numbers):
            at = np.minimum(np.searchsorted(self._numbers, wanted), len(self._numbers) - 1)
            found = np.where(self._numbers[at] == wanted, self._places[at], MISSING)
        return found if self._mask is None else np.where(wanted == self._mask, MASKED, found)
