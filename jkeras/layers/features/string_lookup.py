"""`StringLookup`: from strings to indices of a vocabulary, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from jkeras._base.errors import describe
from jkeras._base.registry import export
from jkeras._base.types import Tree
from jkeras._text.arrays import TEXT, TextArray, as_texts, texts
from jkeras._text.spans import Spans, SpanTable
from jkeras.layers.features.index_lookup import IndexLookup


@export("keras.layers.StringLookup")
class StringLookup(IndexLookup):
    """The index of each string in a vocabulary, or with `invert` the string of each index.

    | `output_mode` | output for strings `(..., n)`                                                       |
    |---------------|-------------------------------------------------------------------------------------|
    | `"int"`       | `(..., n)`: indices                                                                 |
    | `"one_hot"`   | `(..., n, size)`, or `(..., size)` where `n` is 1                                   |
    | `"multi_hot"` | `(..., size)`: 1 for each string that occurs                                        |
    | `"count"`     | `(..., size)`: how often each occurs                                                |
    | `"tf_idf"`    | `(..., size)`: the count times `log(1 + documents / (1 + documents with the term))` |

    It runs on the host, in NumPy: in a model it comes first. A string counts by its bytes; `str` is taken as UTF-8.

    Args:
        max_tokens: the most indices, special ones included; None for all.
        num_oov_indices: how many indices strings out of vocabulary share, by FarmHash64; 0 makes them an error.
        mask_token: with "int" it has index 0; in other modes it counts nowhere. None for no such token.
        oov_token: what `invert` returns for strings out of vocabulary.
        vocabulary: the terms, or the path of a file with one a line; None leaves them to `adapt`.
        idf_weights: one for each term, for "tf_idf" with a vocabulary.
        invert: whether to map indices to strings, with "int" alone.
        output_mode: see the table.
        pad_to_max_tokens: whether the encodings have `max_tokens` entries, however many terms there are.
        sparse: must be False: there are no sparse tensors here.
        encoding: of the terms in `get_vocabulary`.
        name, salt: `salt` hashes with SipHash instead, under these one or two numbers.
        kwargs: as every layer.

    Raises:
        ValueError: arguments that do not fit together.

    Example:
        >>> layer = StringLookup(vocabulary=["a", "b"])
        >>> layer([["a", "z"], ["b", "a"]]).tolist()
        [[1, 0], [2, 1]]
        >>> StringLookup(vocabulary=["a", "b"], invert=True)([[1, 0]]).tolist()
        [[b'a', b'[UNK]']]

        >>> layer = StringLookup(output_mode="count")
        >>> layer.adapt(["x", "y", "x"])
        >>> layer.get_vocabulary()
        ['[UNK]', 'x', 'y']
    """

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: str | None = None,
        oov_token: str | None = "[UNK]",
        vocabulary: Tree = None,
        idf_weights: Tree = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        sparse: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        salt: Any = None,
        **kwargs: Any,
    ):
        self.encoding = encoding
        self._words_of: object = None  # the table that `_words` has the tokens of
        super().__init__(
            max_tokens, num_oov_indices, mask_token, oov_token, vocabulary, idf_weights, invert, output_mode, sparse,
            pad_to_max_tokens, salt=salt, name=name, **kwargs,
        )  # fmt: skip
        if invert:
            self.input_dtype = "int64"

    def _as_tokens(self, values: Tree) -> list[bytes]:
        flat: list[bytes] = (
            as_texts(np.asarray(values, TEXT) if not isinstance(values, (list, tuple)) else values).ravel().tolist()
        )
        return flat

    def _shown(self, token: bytes) -> str:
        return token.decode(self.encoding, "surrogateescape")

    def _checked(self, x: Tree) -> TextArray:
        if not isinstance(x, TextArray):
            if isinstance(x, np.ndarray) and (x.dtype == TEXT or not x.size):
                return as_texts(x.astype(TEXT))
            raise TypeError(
                f"{self.name!r} looks up strings. Received: {describe(x)}. Write IntegerLookup for integers, or convert them: "
                "x.astype(str)."
            )
        return x

    def find_words(self, spans: Spans) -> np.ndarray:
        """The index of each word of texts."""
        if self._words_of is not self._table:  # made when it is first needed, for this vocabulary
            self._words, self._words_of = SpanTable(self._tokens), self._table
        places = self._words.find(spans)
        unknown = np.flatnonzero(places < 0)
        indices = places + self._token_start
        indices[unknown] = self.find(spans.words(unknown)) if self.num_oov_indices != 1 else self._oov_start
        return indices

    def _terms(self, indices: np.ndarray) -> TextArray:
        if indices.dtype.kind not in "iu":
            raise TypeError(f"{self.name!r} maps indices to strings. Received: {describe(indices)}.")
        known = self._as_tokens(["" if t is None else t for t in self._special]) + self._tokens
        other = self._as_tokens([self.oov_token or ""])[0]
        return texts([known[i] if 0 <= i < len(known) else other for i in indices.ravel().tolist()], indices.shape)
