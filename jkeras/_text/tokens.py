"""From texts to tokens, with TensorFlow's results: standardization, splitting, n-grams.

Letters are lowered and punctuation is dropped in ASCII alone, byte by byte, so every text has tokens, whatever its encoding is.
"""

from __future__ import annotations

import itertools
import string
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from jkeras._text.spans import Spans

_KEPT = bytes(range(256))
_LOWERED = _KEPT.lower()
_PUNCTUATION = string.punctuation.encode()
# What each standardization does in one pass over a text: the table of `bytes.translate`, and the bytes to drop.
STANDARDIZATIONS = {
    "lower_and_strip_punctuation": (_LOWERED, _PUNCTUATION),
    "lower": (_LOWERED, b""),
    "strip_punctuation": (_KEPT, _PUNCTUATION),
}
SPLITS = ("whitespace", "character")


def standardized(texts: Iterable[bytes], kind: str) -> list[bytes]:
    """The texts in a standard form.

    Args:
        texts: as bytes.
        kind: a key of `STANDARDIZATIONS`.

    Example:
        >>> standardized(["It's Ä, B!".encode()], "lower_and_strip_punctuation")[0].decode()
        'its Ä b'
    """
    table, dropped = STANDARDIZATIONS[kind]
    return [text.translate(table, dropped) for text in texts]


class Tokens(NamedTuple):
    """The tokens of some texts.

    Attributes:
        flat: those of all texts, one after another.
        lengths: how many each text has.
    """

    flat: list[bytes]
    lengths: np.ndarray

    @classmethod
    def of(cls, rows: Sequence[Sequence[bytes]]) -> Tokens:
        """The tokens of one list for each text."""
        return cls([*itertools.chain.from_iterable(rows)], np.fromiter(map(len, rows), np.int64, len(rows)))

    def rows(self) -> list[list[bytes]]:
        """One list for each text."""
        ends = np.cumsum(self.lengths).tolist()
        return [self.flat[start:end] for start, end in zip([0, *ends], ends)]


def split(texts: Sequence[bytes], how: str) -> Tokens:
    """Words between ASCII white space, or characters; a byte that is not UTF-8 becomes U+FFFD.

    Example:
        >>> split([b" to  be "], "whitespace").rows(), split(["Äb".encode()], "character").flat
        ([[b'to', b'be']], [b'\\xc3\\x84', b'b'])
    """
    if how != "whitespace":
        return Tokens.of([[character.encode() for character in text.decode("utf-8", "replace")] for text in texts])
    spans = Spans.of(texts)
    return Tokens(b" ".join(texts).split(), spans.lengths)  # one split makes one list


def ngrams(tokens: Tokens, widths: Sequence[int]) -> Tokens:
    """Runs of tokens, joined by a blank: in each text those of the first width, then those of the second, and so on.

    Example:
        >>> ngrams(split([b"a b c"], "whitespace"), (1, 2)).flat
        [b'a', b'b', b'c', b'a b', b'b c']
    """
    return Tokens.of(
        [
            [b" ".join(row[at : at + width]) if width > 1 else row[at] for width in widths for at in range(len(row) - width + 1)]
            for row in tokens.rows()
        ]
    )
