"""`TextVectorization`: from texts to indices of their words."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from jkeras._base.config import floatx
from jkeras._base.errors import describe
from jkeras._base.registry import export
from jkeras._base.types import Tree
from jkeras._text.arrays import TEXT, TextArray, as_texts, texts
from jkeras._text.spans import Spans
from jkeras._text.tokens import SPLITS, STANDARDIZATIONS, Tokens, ngrams, split, standardized
from jkeras.graph import Spec
from jkeras.layer.host_layer import check_choice, host_array, integer_dtype
from jkeras.layers.features.encoding_shapes import OLD_MODES, encoded, encoded_rows, encoded_shape
from jkeras.layers.features.index_lookup import MODES
from jkeras.layers.features.string_lookup import StringLookup
from jkeras.layers.features.vocabulary_layer import VocabularyLayer

Step = str | Callable[[Any], Any] | None


@export("keras.layers.TextVectorization")
class TextVectorization(VocabularyLayer):
    """Texts, standardized and split into tokens, as indices of a vocabulary or as one vector each.

    | `output_mode`             | output for texts `(n,)` or `(n, 1)`                                                  |
    |---------------------------|--------------------------------------------------------------------------------------|
    | `"int"`                   | `(n, length)`: indices; 0 fills up short texts, 1 stands for words out of vocabulary |
    | `"multi_hot"`             | `(n, size)`: 1 for each word that occurs                                             |
    | `"count"`                 | `(n, size)`: how often each occurs                                                   |
    | `"tf_idf"`                | `(n, size)`: the count times the word's weight, see `StringLookup`                   |

    `length` is `output_sequence_length`, or that of the longest text of the batch. The layer runs on the host, in NumPy: in a
    model it comes first. Its tokens are byte for byte those of TensorFlow: upper case and punctuation are those of ASCII.

    Args:
        max_tokens: the most indices, with those for padding and out-of-vocabulary words; None for all.
        standardize: `"lower_and_strip_punctuation"`, `"lower"`, `"strip_punctuation"`, None, or a function from an array of `str`
            to one.
        split: `"whitespace"`, `"character"`, None for texts that are tokens, or a function from an array of `str` `(n,)` to one
            list of tokens for each.
        ngrams: also join up to so many tokens that follow each other; a tuple says which numbers. None for tokens alone.
        output_mode: see the table.
        output_sequence_length: cut or fill up to this length, with "int".
        pad_to_max_tokens: whether vectors have `max_tokens` entries, however many words there are.
        vocabulary: the words, or the path of a file with one a line; None leaves them to `adapt`.
        idf_weights: one for each word, for "tf_idf" with a vocabulary.
        sparse, ragged: must be False.
        encoding: of the words in `get_vocabulary`.
        name: of the layer.
        kwargs: as every layer.

    Raises:
        ValueError: arguments that do not fit together, or texts of a shape that is neither `(n,)` nor `(n, 1)`.

    Example:
        >>> layer = TextVectorization(output_sequence_length=4)
        >>> layer.adapt(["foo bar", "bar baz", "Baz, bada boom!"])
        >>> layer.get_vocabulary()
        ['', '[UNK]', 'baz', 'bar', 'foo', 'boom', 'bada']
        >>> layer(["foo qux bar", "qux baz"]).tolist()
        [[4, 1, 3, 0], [1, 2, 0, 0]]
    """

    def __init__(
        self,
        max_tokens: int | None = None,
        standardize: Step = "lower_and_strip_punctuation",
        split: Step = "whitespace",
        ngrams: int | Sequence[int] | None = None,
        output_mode: str = "int",
        output_sequence_length: int | None = None,
        pad_to_max_tokens: bool = False,
        vocabulary: Tree = None,
        idf_weights: Tree = None,
        sparse: bool = False,
        ragged: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        **kwargs: Any,
    ):
        hidden = {key: kwargs.pop(key) for key in ("vocabulary_size", "has_input_vocabulary") if key in kwargs}  # type: ignore[misc]
        if kwargs.get("dtype") == "string":  # Keras 2 has it in configs
            kwargs["dtype"] = None
        super().__init__(name=name, **kwargs)
        output_mode = OLD_MODES.get(output_mode, output_mode)
        check_choice("TextVectorization", "output_mode", output_mode, MODES)
        for argument, value, choices in (("standardize", standardize, (*STANDARDIZATIONS,)), ("split", split, SPLITS)):
            if value is not None and not callable(value):
                check_choice("TextVectorization", argument, value, choices)
        self._refuse("ragged", ragged, "ragged tensors")
        if output_mode != "int" and output_sequence_length is not None:
            raise ValueError(
                f"TextVectorization: output_sequence_length is for output_mode='int'. Received: output_mode={output_mode!r}, "
                f"output_sequence_length={output_sequence_length!r}."
            )
        if output_sequence_length is not None and not (_is_int(output_sequence_length) and output_sequence_length > 0):
            raise ValueError(
                f"TextVectorization: output_sequence_length is a positive integer. Received: {output_sequence_length!r}."
            )
        self._widths = _widths(ngrams)
        self._standardize, self._split, self._ngrams = standardize, split, ngrams
        self._output_mode, self._output_sequence_length = output_mode, output_sequence_length
        self._lookup_layer = StringLookup(
            max_tokens, mask_token="", vocabulary=vocabulary, idf_weights=idf_weights, output_mode=output_mode,
            pad_to_max_tokens=pad_to_max_tokens, sparse=sparse, encoding=encoding, name=f"{self.name}_lookup", **hidden,
        )  # fmt: skip

    # tokens ---------------------------------------------------------------------------------------------------------

    def _standardized(self, x: TextArray) -> TextArray | list[bytes]:
        """The texts in standard form: an array where the user's function made it, else a list."""
        if callable(self._standardize):
            return as_texts(np.asarray(self._standardize(_unicode(x, self._lookup_layer.encoding))))
        flat: list[bytes] = x.ravel().tolist()
        return flat if self._standardize is None else standardized(flat, self._standardize)

    def _tokens(self, x: TextArray) -> tuple[Tokens, tuple[int, ...]]:
        """The tokens of texts, and the shape of the texts."""
        x = np.atleast_1d(x).view(TextArray) if self._split is None else _without_last(x, self.name)
        clean, shape = self._standardized(x), x.shape
        if isinstance(clean, TextArray):
            shape, clean = clean.shape, clean.ravel().tolist()
        if self._split is None:
            found, shape = Tokens(clean, np.full(math.prod(shape[:-1]), shape[-1])), shape[:-1]
        elif callable(self._split):
            strings = _unicode(texts(clean, shape), self._lookup_layer.encoding)
            found = Tokens.of(_as_rows(self._split(strings), shape, self.name))
        else:
            found = split(clean, self._split)
        return (found if self._widths is None else ngrams(found, self._widths)), shape

    def on_host(self, x: Tree) -> np.ndarray:
        """Indices of the words, or a vector for each text."""
        lookup, mode = self._lookup_layer, self._output_mode
        x, depth = lookup._checked(x), lookup.depth()
        if self._split == "whitespace" and self._widths is None and not callable(self._standardize):
            x = _without_last(x, self.name)
            clean, shape = self._standardized(x), x.shape
            spans = Spans.of(clean)  # type: ignore[arg-type]
            indices, lengths = lookup.find_words(spans), spans.lengths
        else:
            tokens, shape = self._tokens(x)
            indices, lengths = lookup.find(tokens.flat), tokens.lengths
        count = len(lengths)
        if mode == "int":
            return _padded(indices, lengths, self._output_sequence_length).reshape(*shape, -1)
        assert depth is not None
        if mode == "one_hot":
            size = int(lengths.max(initial=0))
            result = np.zeros((count, size, depth), floatx())
            result[np.arange(size) < lengths[:, None]] = encoded(indices, mode, depth, floatx())
            wanted: Any = encoded_shape((*shape, size), mode, depth)
            return result.reshape(wanted)
        vectors = encoded_rows(indices, np.repeat(np.arange(count), lengths), count, _counted(mode), depth, floatx())
        return lookup.weighted(vectors).reshape(*shape, depth)

    def output_spec(self, x: Spec) -> Spec:
        """`(n, length)` of indices, or `(n, size)`."""
        shape = x.shape if self._split is None else x.shape[:-1] if len(x.shape) > 1 else x.shape
        if self._split is None and not shape:
            shape = (1,)
        if self._output_mode == "int":
            length = self._output_sequence_length
            if self._split is None and length is None and self._widths is None:
                return Spec(shape, integer_dtype())
            return Spec((*(shape[:-1] if self._split is None else shape), length), integer_dtype())
        tokens = shape if self._split is None else (*shape, None)
        return Spec(encoded_shape(tokens, self._output_mode, self._lookup_layer.known_depth()), floatx())

    # the vocabulary -------------------------------------------------------------------------------------------------

    @property
    def terms(self) -> StringLookup:
        """The lookup of the words."""
        return self._lookup_layer

    def update_state(self, data: Tree) -> None:
        """Count the words of a batch."""
        self._lookup_layer.check_adaptable(self.name)
        self._lookup_layer.count(self._tokens(self._lookup_layer._checked(host_array(data, self.name)))[0])

    def finalize_state(self) -> None:
        """Make the vocabulary of what was counted."""
        self._lookup_layer.finalize_state()

    def reset_state(self) -> None:
        """Forget what `update_state` has counted."""
        self._lookup_layer.reset_state()

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """The words in the order of their indices.

        Args:
            include_special_tokens: whether to begin with those for padding and for words out of vocabulary.
        """
        return self._lookup_layer.get_vocabulary(include_special_tokens)

    def vocabulary_size(self) -> int:
        """The number of indices, with those for padding and for words out of vocabulary."""
        return self._lookup_layer.vocabulary_size()

    def set_vocabulary(self, vocabulary: Tree, idf_weights: Tree = None) -> None:
        """Set the words; see `StringLookup.set_vocabulary`.

        Args:
            vocabulary: the words, or the path of a file with one a line.
            idf_weights: one for each word, for "tf_idf".
        """
        self._lookup_layer.set_vocabulary(vocabulary, idf_weights)

    def vocabulary_arguments(self) -> dict[str, Any]:
        """The constructor's arguments for this vocabulary."""
        return self._lookup_layer.vocabulary_arguments()


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _widths(value: Any) -> tuple[int, ...] | None:
    widths = tuple(range(1, value + 1)) if _is_int(value) else value
    if widths is not None and not (isinstance(widths, (tuple, list)) and widths and all(_is_int(w) and w > 0 for w in widths)):
        raise ValueError(f"TextVectorization: ngrams is None, a positive integer, or a tuple of them. Received: {value!r}.")
    return None if widths is None else tuple(widths)


def _counted(mode: str) -> str:
    return "count" if mode == "tf_idf" else mode


def _unicode(x: TextArray, encoding: str) -> np.ndarray:
    """The texts as an array of `str`, for a user's function."""
    flat = [text.decode(encoding, "surrogateescape") for text in x.ravel().tolist()]
    return np.array(flat, str).reshape(x.shape)


def _without_last(x: TextArray, name: str) -> TextArray:
    if x.ndim > 1:
        if x.shape[-1] != 1:
            raise ValueError(
                f"{name!r} splits texts of shape (n,) or (n, 1). Received shape {x.shape}. Give one text a row, or "
                "split=None for rows of tokens."
            )
        return x[..., 0].view(TextArray)
    return x


def _as_rows(value: Any, shape: tuple[int, ...], name: str) -> list[list[bytes]]:
    """What a user's split function returned, as lists of tokens."""
    array = np.asarray(value) if hasattr(value, "__array__") else None
    value = value if array is None else array
    rows = [value] if not shape else array.reshape(-1, *array.shape[len(shape) :]) if array is not None else value
    listed = isinstance(rows, (np.ndarray, list, tuple)) and len(rows) == math.prod(shape)
    if listed and not any(isinstance(row, (str, bytes)) for row in rows):
        return [as_texts(np.array([*row, None], TEXT)[:-1]).tolist() for row in rows]
    raise ValueError(
        f"{name!r}: the function given as split= takes an array of strings {shape} and returns a list of tokens for each. It "
        f"returned {describe(value)}."
    )


def _padded(indices: np.ndarray, lengths: np.ndarray, size: int | None) -> np.ndarray:
    """Rows of indices, one after another, as an array; cut, and filled up with zeros."""
    width = int(lengths.max(initial=0)) if size is None else size
    result = np.zeros((len(lengths), width), integer_dtype())
    within = np.arange(width) < lengths[:, None]
    if size is not None and lengths.max(initial=0) > size:
        places = np.arange(len(indices)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        indices = indices[places < size]
    result[within] = indices
    return result
