"""`Vocabulary`: the terms of a lookup, and how it counts data to find them.

An index is that of the mask token, of a token out of vocabulary (OOV), or of a term:

    mode "int", with a mask token     0: mask   1 .. num_oov_indices: OOV   then the terms
    else                              0 .. num_oov_indices - 1: OOV         then the terms
"""

from __future__ import annotations

import os
from collections import Counter
from typing import Any, Self

import numpy as np

from jkeras._base.config import floatx
from jkeras._base.errors import describe
from jkeras._base.types import Tree
from jkeras._text.tables import NumberTable, TextTable
from jkeras._text.tokens import Tokens
from jkeras.layer.host_layer import host_array
from jkeras.layers.features.vocabulary_files import are_lines, read_lines
from jkeras.layers.features.vocabulary_layer import VocabularyLayer

Token = Any  # bytes or int

_RESERVED = """{layer!r}: the {what} token {token!r} is at place {place} of the vocabulary. Leave the special tokens out of it, or
begin it with all of them, in this order: {special}."""


class Vocabulary(VocabularyLayer):
    """The terms of `IndexLookup`, which has the arguments."""

    max_tokens: int | None
    num_oov_indices: int
    mask_token: Any
    oov_token: Any
    invert: bool
    output_mode: str
    pad_to_max_tokens: bool
    idf_weights: np.ndarray | None
    input_vocabulary: list[Any] | None  # the terms, where the constructor was given them
    input_idf_weights: list[float] | None
    _tokens: list[Token]
    _expected_size: int | None  # what the config says, while there are no terms
    _fixed: bool  # whether the constructor was given the terms, so that there are none to learn
    _table_class: type[TextTable] | type[NumberTable] = TextTable

    @property
    def terms(self) -> Self:
        """The layer itself."""
        return self

    # what a token is ------------------------------------------------------------------------------------------------

    def _as_tokens(self, values: Tree) -> list[Token]:
        """Tokens in any form, flat."""
        raise NotImplementedError

    def _shown(self, token: Token) -> Any:
        """A token as `get_vocabulary` returns it."""
        raise NotImplementedError

    def _checked(self, x: Tree) -> Any:
        """The inputs as an array of tokens.

        Raises:
            TypeError: they are of another kind.
        """
        raise NotImplementedError

    # the vocabulary -------------------------------------------------------------------------------------------------

    @property
    def _oov_start(self) -> int:
        return int(self.mask_token is not None and self.output_mode == "int")

    @property
    def _token_start(self) -> int:
        return self._oov_start + self.num_oov_indices

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """The terms in the order of their indices.

        Args:
            include_special_tokens: whether to begin with the mask token and the OOV tokens.

        Returns:
            A list of `str`, or of `int`.
        """
        terms = [self._shown(token) for token in self._tokens]
        return [*self._special, *terms] if include_special_tokens else terms

    @property
    def _special(self) -> list[Any]:
        return [self.mask_token] * self._oov_start + [self.oov_token] * self.num_oov_indices

    def vocabulary_size(self) -> int:
        """The number of indices, with those of the mask token and of OOV tokens."""
        return self._token_start + len(self._tokens)

    def set_vocabulary(self, vocabulary: Tree, idf_weights: Tree = None) -> None:
        """Set the terms.

        Args:
            vocabulary: different terms, with or without all special tokens at the front; or the path of a file with one a line.
            idf_weights: of each entry of `vocabulary`, for `output_mode="tf_idf"`.

        Raises:
            ValueError: no term, one that is there twice, more than `max_tokens`, special tokens elsewhere, or weights where
                there should be none, or the reverse.
        """
        if self.output_mode == "tf_idf" and idf_weights is None:
            raise ValueError(f"{self.name!r}: with output_mode='tf_idf', give idf_weights, one for each term.")
        if self.output_mode != "tf_idf" and idf_weights is not None:
            raise ValueError(f"{self.name!r}: idf_weights are for 'tf_idf'; output_mode is {self.output_mode!r}.")
        if isinstance(vocabulary, (str, os.PathLike)):
            vocabulary = read_lines(vocabulary, self.name)
        given = self._as_tokens(vocabulary)
        if not given:
            raise ValueError(f"{self.name!r}: a vocabulary has at least one term. Received: {describe(vocabulary)}.")
        weights = None if idf_weights is None else np.asarray(idf_weights, floatx())
        special = self._as_tokens([t for t in self._special if t is not None]) if None not in self._special else None
        has_special = special is not None and given[: self._token_start] == special
        tokens = given[self._token_start :] if has_special else given
        self._check_terms(tokens, given)
        padded = None if weights is None else self._padded_weights(weights, len(given), has_special)
        self._take(tokens)
        self.idf_weights = padded
        if self.input_vocabulary is not None:  # the config has the terms: these from now on
            self.input_vocabulary = [self._shown(token) for token in given]
            self.input_idf_weights = None if weights is None else weights.tolist()

    def _take(self, tokens: list[Token]) -> None:
        self._tokens, self._expected_size = tokens, None
        self._make_table()

    def _check_terms(self, tokens: list[Token], given: list[Token]) -> None:
        repeated = [self._shown(token) for token, count in Counter(tokens).items() if count > 1]
        if repeated:
            raise ValueError(f"{self.name!r}: the terms of a vocabulary differ. These are there more than once: {repeated[:10]}.")
        reserved = [("mask", self.mask_token)] + ([("OOV", self.oov_token)] if self.invert else [])
        for what, token in reserved:
            if token is not None and (coded := self._as_tokens([token])[0]) in set(tokens):
                place = len(given) - 1 - given[::-1].index(coded)
                raise ValueError(_RESERVED.format(layer=self.name, what=what, token=token, place=place, special=self._special))
        size = self._token_start + len(tokens)
        if self.max_tokens is not None and size > self.max_tokens:
            raise ValueError(
                f"{self.name!r}: max_tokens={self.max_tokens} counts special tokens too, and this vocabulary makes {size}."
            )

    def _padded_weights(self, weights: np.ndarray, terms: int, has_special: bool) -> np.ndarray:
        """The IDF weights of all indices: their mean for special tokens, 0 behind the last term."""
        if weights.shape != (terms,):
            raise ValueError(
                f"{self.name!r}: idf_weights have one number for each of the {terms} entries of the vocabulary. Received "
                f"shape {weights.shape}."
            )
        front = 0 if has_special else self._token_start
        back = max(self.max_tokens - front - len(weights), 0) if self.pad_to_max_tokens and self.max_tokens else 0
        return np.concatenate([np.full(front, weights.mean()), weights, np.zeros(back)]).astype(floatx())

    def _make_table(self) -> None:
        mask = None if self.mask_token is None else self._as_tokens([self.mask_token])[0]
        self._table = self._table_class(self._tokens, mask)

    # what was learned -----------------------------------------------------------------------------------------------

    def reset_state(self) -> None:
        """Forget what `update_state` has counted."""
        self._counts: Counter[Token] = Counter()
        self._document_counts: Counter[Token] = Counter()
        self._documents = 0

    def update_state(self, data: Tree) -> None:
        """Count the tokens of a batch."""
        self.check_adaptable(self.name)
        rows = self._checked(host_array(data, self.name))
        rows = rows.reshape(len(rows), -1) if rows.ndim > 1 else rows.reshape(1, -1)
        self.count(Tokens(rows.ravel().tolist(), np.full(len(rows), rows.shape[1])))

    def check_adaptable(self, name: str) -> None:
        """Refuse to learn where the constructor was given a vocabulary.

        Args:
            name: of the layer that is adapted.
        """
        if not self.learns:
            raise ValueError(
                f"{name!r} was made with a vocabulary, so there is nothing to adapt. Leave `vocabulary` out, or set another one "
                "with set_vocabulary(...)."
            )

    def count(self, tokens: Tokens) -> None:
        """Count the tokens of documents."""
        self._counts.update(tokens.flat)
        if self.output_mode == "tf_idf":
            self._document_counts.update(token for row in tokens.rows() for token in set(row))
            self._documents += len(tokens.lengths)

    def finalize_state(self) -> None:
        """Make the vocabulary of what was counted."""
        if not self.learns or not self._counts:
            return
        special = self._as_tokens([token for token in (self.mask_token, self.oov_token) if token is not None])
        found = [(count, token) for token, count in self._counts.items() if token not in special]
        found.sort(reverse=True)
        if self.max_tokens:
            found = found[: max(self.max_tokens - self._token_start, 0)]
        self._take([token for _, token in found])
        self.input_vocabulary = self.input_idf_weights = None
        if self.output_mode == "tf_idf":
            documents = np.array([self._document_counts[token] for token in self._tokens], np.float64)
            weights = np.log1p(self._documents / (1 + documents)).astype(floatx())
            self.idf_weights = self._padded_weights(weights, len(weights), has_special=False)
        self.reset_state()

    # configs and files ----------------------------------------------------------------------------------------------

    def vocabulary_config(self) -> dict[str, Any]:
        """What the config says of the vocabulary."""
        size = self.vocabulary_size() if self._tokens else self._expected_size
        return {**self._vocabulary_in_config(), "vocabulary_size": size}

    def _vocabulary_in_config(self) -> dict[str, Any]:
        if self.input_vocabulary is not None:
            found = {"vocabulary": self.input_vocabulary, "idf_weights": self.input_idf_weights}
        elif are_lines(self.lines()):
            return {"vocabulary": None, "idf_weights": None}
        else:
            found = self.vocabulary_arguments()
        return found if self._fixed else {**found, "has_input_vocabulary": False}  # what was learned may be learned anew

    def vocabulary_arguments(self) -> dict[str, Any]:
        """The constructor's arguments for this vocabulary."""
        terms = self.get_vocabulary(include_special_tokens=False)
        weights = self.idf_weights
        if weights is not None:
            weights = weights[self._token_start : self._token_start + len(terms)].tolist()
        return {"vocabulary": terms or None, "idf_weights": weights}

    def lines(self) -> list[bytes]:
        """All terms as the lines of a file; none without a vocabulary."""
        special = [b"" if t is None else t if isinstance(t, bytes) else str(t).encode() for t in self._special]
        terms = [token if isinstance(token, bytes) else b"%d" % token for token in self._tokens]
        return [*special, *terms] if terms else []

    def take_lines(self, lines: list[bytes]) -> None:
        """Take the terms from the lines of a file, behind all special tokens, whatever these look like."""
        tokens = self._as_tokens(lines[self._token_start :])
        if tokens:
            self._check_terms(tokens, tokens)
            self._take(tokens)
