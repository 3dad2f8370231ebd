"""`IndexLookup`: from tokens to indices of a vocabulary and back. `StringLookup` and `IntegerLookup` say what a token is."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from jkeras._base.config import floatx
from jkeras._base.types import Tree
from jkeras._text.arrays import TextArray
from jkeras._text.farmhash import fingerprints
from jkeras._text.siphash import keyed_hashes
from jkeras._text.tables import MASKED
from jkeras.graph import Spec
from jkeras.layer.host_layer import check_choice, integer_dtype, salt_of
from jkeras.layers.features.encoding_shapes import OLD_MODES, encoded, encoded_shape
from jkeras.layers.features.vocabulary import Token, Vocabulary

MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")
_DROPPED = np.iinfo(np.int64).max  # an index that counts nowhere

_NO_VOCABULARY = """{layer!r} has no vocabulary yet, so the size of its output is not known. Give it one: vocabulary=[...] in the
constructor, layer.set_vocabulary([...]), or layer.adapt(data)."""

_NOT_IN_VOCABULARY = """{layer!r} received {tokens}, not in its vocabulary. With num_oov_indices=0 every token must be in it:
write num_oov_indices=1, which gives one index to all others."""


class IndexLookup(Vocabulary):
    """Base of `StringLookup` and `IntegerLookup`, which have the arguments."""

    def __init__(
        self,
        max_tokens: int | None,
        num_oov_indices: int,
        mask_token: Token,
        oov_token: Token,
        vocabulary: Tree,
        idf_weights: Tree,
        invert: bool,
        output_mode: str,
        sparse: bool,
        pad_to_max_tokens: bool,
        oov_method: str = "floormod",
        salt: Tree = None,
        **kwargs: Any,
    ):
        self._expected_size = kwargs.pop("vocabulary_size", None)
        given = kwargs.pop("has_input_vocabulary", None)
        kwargs.pop("vocabulary_dtype", None)
        if kwargs.get("dtype") is not None and not isinstance(kwargs["dtype"], str):
            kwargs["dtype"] = None
        if kwargs.get("dtype") in ("string", "int64", "int32"):
            kwargs["dtype"] = None  # Keras 2's name for the dtype of the tokens or of the indices
        super().__init__(**kwargs)
        name = type(self).__name__
        if max_tokens is not None and max_tokens <= 1:
            raise ValueError(f"{name}: max_tokens is greater than 1, or None. Received: max_tokens={max_tokens}.")
        if pad_to_max_tokens and max_tokens is None:
            raise ValueError(f"{name}: pad_to_max_tokens=True needs max_tokens, the size to pad to. Received: max_tokens=None.")
        if num_oov_indices < 0:
            raise ValueError(f"{name}: num_oov_indices is 0 or more. Received: num_oov_indices={num_oov_indices}.")
        output_mode = OLD_MODES.get(output_mode, output_mode)
        check_choice(name, "output_mode", output_mode, MODES)
        check_choice(name, "oov_method", oov_method, ("floormod", "farmhash"))
        if invert and output_mode != "int":
            raise ValueError(f"{name}: invert=True needs output_mode='int'. Received: output_mode={output_mode!r}.")
        if idf_weights is not None and output_mode != "tf_idf":
            raise ValueError(f"{name}: idf_weights are for output_mode='tf_idf'. Received: output_mode={output_mode!r}.")
        if vocabulary is not None and output_mode == "tf_idf" and idf_weights is None:
            raise ValueError(f"{name}: with a vocabulary and output_mode='tf_idf', give idf_weights too, one for each term.")
        self._refuse("sparse", sparse, "sparse tensors")
        self.max_tokens, self.num_oov_indices = max_tokens, num_oov_indices
        self.mask_token, self.oov_token = mask_token, oov_token
        self.invert, self.output_mode, self.sparse = invert, output_mode, False
        self.pad_to_max_tokens, self.oov_method, self.salt = pad_to_max_tokens, oov_method, salt_of(name, salt)
        self.idf_weights: np.ndarray | None = None
        self.input_vocabulary: list[Any] | None = None
        self.input_idf_weights = None if idf_weights is None else np.asarray(idf_weights).tolist()
        self._tokens: list[Token] = []
        self.reset_state()
        self._make_table()
        if vocabulary is not None:
            self.set_vocabulary(vocabulary, idf_weights)
            if not isinstance(vocabulary, (str, os.PathLike)):
                self.input_vocabulary = [self._shown(token) for token in self._as_tokens(vocabulary)]
        self._fixed = vocabulary is not None if given is None else bool(given)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments; see `VocabularyLayer.get_config`."""
        return {**super().get_config(), "salt": self.salt}

    # lookups --------------------------------------------------------------------------------------------------------

    def on_host(self, x: Tree) -> np.ndarray:
        """Indices, their encoding, or with `invert` the terms."""
        if self.invert:
            return self._terms(np.asarray(x))
        x = self._checked(x)
        depth = self.depth()  # first, for its error
        indices = self.find(x.ravel().tolist() if isinstance(x, TextArray) else x.ravel()).reshape(x.shape)
        if self.output_mode == "int":
            return indices.astype(integer_dtype())
        mode = "count" if self.output_mode == "tf_idf" else self.output_mode
        assert depth is not None
        return self.weighted(encoded(indices, mode, depth, floatx()))

    def depth(self) -> int | None:
        """The size of the axis of encodings.

        Raises:
            RuntimeError: there is no vocabulary.
        """
        if self.output_mode == "int":
            return None
        if self.pad_to_max_tokens:
            return self.max_tokens
        if not self._tokens:
            raise RuntimeError(_NO_VOCABULARY.format(layer=self.name))
        return self.vocabulary_size()

    def find(self, tokens: Any) -> np.ndarray:
        """The index of each token.

        Args:
            tokens: a list of texts, or an array of integers.

        Raises:
            ValueError: one is not in the vocabulary, and there are no indices for those.
        """
        found = self._table.find(tokens, len(tokens))
        other = np.flatnonzero(found < 0)
        if not len(other):
            return found + self._token_start
        masked = found[other] == MASKED
        found += self._token_start
        found[other[masked]] = 0 if self.output_mode == "int" else _DROPPED
        other = other[~masked]
        if self.num_oov_indices == 1:
            found[other] = self._oov_start
        elif len(other):
            found[other] = self._of_unknown([tokens[i] for i in other] if isinstance(tokens, list) else tokens[other])
        return found

    def _of_unknown(self, tokens: Any) -> np.ndarray:
        """The indices of tokens that are not in the vocabulary."""
        if self.num_oov_indices == 0:
            strange = dict.fromkeys(self._shown(token) for token in tokens)
            raise ValueError(_NOT_IN_VOCABULARY.format(layer=self.name, tokens=", ".join(map(repr, [*strange][:5]))))
        return self._oov_start + self._buckets(tokens)

    def _buckets(self, tokens: Any) -> np.ndarray:
        numbers = not isinstance(tokens, list)
        if numbers and self.oov_method == "floormod":
            return np.mod(tokens, self.num_oov_indices)
        texts = [b"%d" % token for token in tokens.tolist()] if numbers else tokens
        return buckets(texts, self.num_oov_indices, self.salt)

    def weighted(self, counts: np.ndarray) -> np.ndarray:
        """Counts times the IDF weights, for "tf_idf"."""
        if self.output_mode != "tf_idf":
            return counts
        if self.idf_weights is None:
            raise RuntimeError(_NO_VOCABULARY.format(layer=self.name))
        return counts * self.idf_weights

    def _terms(self, indices: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def output_spec(self, x: Spec) -> Spec:
        """Indices in the shape of the input, or their encoding."""
        if self.output_mode == "int":
            return Spec(x.shape, self._term_dtype if self.invert else integer_dtype())
        return Spec(encoded_shape(x.shape, self.output_mode, self.known_depth()), floatx())

    _term_dtype = "string"

    @property
    def _program_constants(self) -> int | None:
        return None if self.output_mode == "int" else self.known_depth()  # compiled code calls back, for this shape

    def known_depth(self) -> int | None:
        """`depth`, None where it is not known yet."""
        return self.depth() if self.pad_to_max_tokens or self._tokens else self._expected_size


def buckets(texts: list[bytes], count: int, salt: list[int] | None) -> np.ndarray:
    """The hash of each text below a number: FarmHash64, or with a salt SipHash."""
    hashes = fingerprints(texts) if salt is None else keyed_hashes(texts, salt)
    return (hashes % np.uint64(count)).astype(np.int64)
