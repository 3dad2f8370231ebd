"""`IndexLookup`: from tokens to indices of a vocabulary and back. `StringLookup` and `IntegerLookup` say what a token is.

An index is that of the mask token, of a token out of vocabulary (OOV), or of a term:

    mode "int", with a mask token     0: mask   1 .. num_oov_indices: OOV   then the terms
    else                              0 .. num_oov_indices - 1: OOV         then the terms
"""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any, Self

import numpy as np

from jkeras._base import configurable
from jkeras._base.config import floatx
from jkeras._base.errors import UnsafeFileError, describe
from jkeras._base.types import Config, CustomObjects, Tree
from jkeras._text.arrays import TextArray
from jkeras._text.farmhash import fingerprints
from jkeras._text.siphash import keyed_hashes
from jkeras._text.tables import MASKED, NumberTable, TextTable
from jkeras._text.tokens import Tokens
from jkeras.graph import Spec
from jkeras.layers.encoding_shapes import OLD_MODES, encoded, encoded_shape
from jkeras.layers.host_layer import HostLayer, check_choice, host_array, integer_dtype, salt_of
from jkeras.layers.vocabulary_files import are_lines, read_asset, read_lines, write_asset

MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")
_DROPPED = np.iinfo(np.int64).max  # an index that counts nowhere
Token = Any  # bytes or int

_NO_VOCABULARY = """{layer!r} has no vocabulary yet, so the size of its output is not known. Give it one: vocabulary=[...] in the
constructor, layer.set_vocabulary([...]), or layer.adapt(data)."""

_PATH_IN_CONFIG = """The config of a {cls} names the vocabulary file {path!r}. Files that configs name are not read, because a
config may come from anywhere. Put the terms in their place, config["vocabulary"] = [...], or None and call
set_vocabulary({path!r})."""

_NOT_IN_VOCABULARY = """{layer!r} received {tokens}, not in its vocabulary. With num_oov_indices=0 every token must be in it:
write num_oov_indices=1, which gives one index to all others."""

_RESERVED = """{layer!r}: the {what} token {token!r} is at place {place} of the vocabulary. Leave the special tokens out of it, or
begin it with all of them, in this order: {special}."""


class IndexLookup(HostLayer):
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

    _table_class: type[TextTable] | type[NumberTable] = TextTable

    # what a token is ------------------------------------------------------------------------------------------------

    def _as_tokens(self, values: Tree) -> list[Token]:
        """Tokens in any form, flat."""
        raise NotImplementedError

    def _shown(self, token: Token) -> Any:
        """A token as `get_vocabulary` returns it."""
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

    # adapt ----------------------------------------------------------------------------------------------------------

    def adapt(self, data: Tree, batch_size: int | None = None, steps: int | None = None) -> None:
        """Count the tokens of data and keep the most frequent ones, at most `max_tokens`; of equally many the last in order.

        Args:
            data: an array or list; or batches: a generator, an iterable, a dataset. For "tf_idf" each row is a document.
            batch_size: as in Keras, without effect.
            steps: how many batches to read; None for all.

        Raises:
            ValueError: the layer was made with a vocabulary, or there are no data.
        """
        self.reset_state()
        for batch in batches_to_adapt(data, steps, self.name):
            self.update_state(batch)
        self.finalize_state()

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
        if self._fixed:
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
        if self._fixed or not self._counts:
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

    def _checked(self, x: Tree) -> Any:
        """The inputs as an array of tokens.

        Raises:
            TypeError: they are of another kind.
        """
        raise NotImplementedError

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

    # files ----------------------------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments; a vocabulary that was learned or read from a file is not among them.

        Except where its terms have line ends, or the last one is empty: a file of lines could not hold it.
        """
        config = super().get_config()
        size = self.vocabulary_size() if self._tokens else self._expected_size
        own = {**self._vocabulary_in_config(), "vocabulary_size": size, "salt": self.salt}
        return {**{k: v for k, v in config.items() if k != "has_input_vocabulary"}, **own}

    def _vocabulary_in_config(self) -> dict[str, Any]:
        if self.input_vocabulary is not None:
            found = {"vocabulary": self.input_vocabulary, "idf_weights": self.input_idf_weights}
        elif are_lines(self._lines()):
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

    @classmethod
    def from_config(cls, config: Config, custom_objects: CustomObjects = None) -> Self:
        """A layer from what `get_config` returned.

        Raises:
            UnsafeFileError: the config names a vocabulary file.
        """
        layer: Self
        with configurable.in_todays_words(config, cls) as todays:
            layer = super().from_config(arguments_of_lookup(cls, todays), custom_objects)
        return layer

    def get_build_config(self) -> dict[str, Tree] | None:
        """Nothing: such a layer has no weights."""
        return {}

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Put the IDF weights into a store."""
        if self.output_mode == "tf_idf" and self.idf_weights is not None:
            store["idf_weights"] = self.idf_weights

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Take the IDF weights from a store."""
        if self.output_mode == "tf_idf" and "idf_weights" in store:
            self.idf_weights = np.asarray(store["idf_weights"], floatx())

    def save_assets(self, folder: str) -> None:
        """Write the vocabulary into a folder, unless the config has it."""
        lines = self._lines()
        if self.input_vocabulary is None and lines:
            write_asset(folder, lines)

    def _lines(self) -> list[bytes]:
        """All terms as the lines of a file; none without a vocabulary."""
        special = [b"" if t is None else t if isinstance(t, bytes) else str(t).encode() for t in self._special]
        terms = [token if isinstance(token, bytes) else b"%d" % token for token in self._tokens]
        return [*special, *terms] if terms else []

    def load_assets(self, folder: str | None) -> None:
        """Read the vocabulary from a folder."""
        if self.input_vocabulary is not None or folder is None:
            return
        lines = read_asset(folder, self.name)
        tokens = self._as_tokens(lines[self._token_start :])  # behind all special tokens, whatever they look like
        if tokens:
            self._check_terms(tokens, tokens)
            self._take(tokens)


def arguments_of_lookup(cls: type, config: Any) -> Any:
    """The config of a layer with a vocabulary, without weights that belong to none.

    Raises:
        UnsafeFileError: it names a vocabulary file.
    """
    if not isinstance(config, Mapping):
        return config
    vocabulary = config.get("vocabulary")
    if isinstance(vocabulary, (str, bytes)):
        raise UnsafeFileError(_PATH_IN_CONFIG.format(cls=cls.__name__, path=vocabulary))
    return config if vocabulary is not None else {**config, "idf_weights": None}  # they come with the vocabulary


def buckets(texts: list[bytes], count: int, salt: list[int] | None) -> np.ndarray:
    """The hash of each text below a number: FarmHash64, or with a salt SipHash."""
    hashes = fingerprints(texts) if salt is None else keyed_hashes(texts, salt)
    return (hashes % np.uint64(count)).astype(np.int64)


def batches_to_adapt(data: Tree, steps: int | None, name: str) -> Iterator[Tree]:
    """The batches of what `adapt` takes: an array or a list is one; a dataset's tuples begin with the inputs.

    Raises:
        ValueError: there are no data.
    """
    whole = hasattr(data, "shape") or hasattr(data, "to_numpy") or isinstance(data, (str, bytes))
    if whole or (isinstance(data, (list, tuple)) and not any(hasattr(part, "shape") for part in data)):
        array = np.atleast_1d(host_array(data, name))
        if not array.size:
            raise ValueError(f"{name!r}: adapt received no data.")
        yield array[:, None] if array.ndim == 1 else array  # each entry is a document
        return
    if not isinstance(data, Iterable) and not hasattr(data, "__getitem__"):
        raise TypeError(f"{name!r}: adapt takes an array, a list, or an iterable of batches. Received: {describe(data)}.")
    items = iter(data) if isinstance(data, Iterable) else (data[i] for i in range(len(data)))
    empty = True
    for batch in itertools.islice(items, steps):
        empty = False
        yield host_array(batch[0] if isinstance(batch, tuple) else batch, name)
    if empty:
        raise ValueError(f"{name!r}: adapt received no data.")
