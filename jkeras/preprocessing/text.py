"""Text as numbers, as in Keras 2: words split at spaces, and a `Tokenizer` that numbers them by frequency."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from jkeras._base.errors import unexpected_arguments, unknown_name
from jkeras._base.registry import export

FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
_TABLES = ("word_counts", "word_docs", "index_docs", "index_word", "word_index")
_Text = str | Sequence[str]
Analyzer = Callable[[str], Sequence[str]]


@export("keras.preprocessing.text.text_to_word_sequence")
def text_to_word_sequence(input_text: str, filters: str = FILTERS, lower: bool = True, split: str = " ") -> list[str]:
    """The words of a text.

    Args:
        input_text: a string.
        filters: characters that separate words as `split` does.
        lower: whether to convert to lower case first.
        split: what separates words.

    Example:
        >>> text_to_word_sequence("The cat, the dog!")
        ['the', 'cat', 'the', 'dog']
    """
    text = input_text.lower() if lower else input_text
    text = text.translate(dict.fromkeys(map(ord, filters), split))
    return [word for word in text.split(split) if word]


def _words(text: str, filters: str, lower: bool, split: str, analyzer: Analyzer | None) -> Sequence[str]:
    return text_to_word_sequence(text, filters, lower, split) if analyzer is None else analyzer(text)


@export("keras.preprocessing.text.one_hot")
def one_hot(
    input_text: str, n: int, filters: str = FILTERS, lower: bool = True, split: str = " ", analyzer: Analyzer | None = None
) -> list[int]:
    """A number from 1 to `n - 1` for each word, by Python's `hash`, which differs between processes; arguments as below."""
    return hashing_trick(input_text, n, hash, filters, lower, split, analyzer)


@export("keras.preprocessing.text.hashing_trick")
def hashing_trick(
    text: str,
    n: int,
    hash_function: Any = None,
    filters: str = FILTERS,
    lower: bool = True,
    split: str = " ",
    analyzer: Analyzer | None = None,
) -> list[int]:
    """A number from 1 to `n - 1` for each word; two words may get the same number.

    Args:
        text: a string.
        n: how many numbers there are, including 0, which no word gets.
        hash_function: a function of a word; `"md5"` for one that is the same in each process; None for Python's `hash`.
        filters, lower, split: as for `text_to_word_sequence`.
        analyzer: a function that splits the text instead.

    Example:
        >>> hashing_trick("cat dog cat", 50, "md5")
        [32, 2, 32]
    """
    number = _md5 if hash_function == "md5" else hash_function or hash
    return [number(word) % (n - 1) + 1 for word in _words(text, filters, lower, split, analyzer)]


def _md5(word: str) -> int:
    return int(hashlib.md5(word.encode()).hexdigest(), 16)


@export("keras.preprocessing.text.Tokenizer")
class Tokenizer:
    """Words as numbers, the most frequent first. 0 is reserved for padding.

    Args:
        num_words: only words with smaller numbers are used; `word_index` has all words.
        filters, lower, split: as for `text_to_word_sequence`.
        char_level: whether characters are the words.
        oov_token: a word with the number 1 for unknown words, which are left out otherwise.
        analyzer: a function that splits a text instead.
        kwargs: Keras' own `document_count`; the old `nb_words`.

    Attributes:
        word_index, index_word: number by word, word by number.
        word_counts: how often each word occurred, in the order of first occurrence.
        word_docs, index_docs: in how many texts each word, or number, occurred.
        document_count: number of texts.

    Example:
        >>> tokenizer = Tokenizer(oov_token="?")
        >>> tokenizer.fit_on_texts(["the cat", "the dog"])
        >>> tokenizer.texts_to_sequences(["the bird and the dog"])
        [[2, 1, 1, 2, 4]]
    """

    def __init__(
        self,
        num_words: int | None = None,
        filters: str = FILTERS,
        lower: bool = True,
        split: str = " ",
        char_level: bool = False,
        oov_token: str | None = None,
        analyzer: Analyzer | None = None,
        **kwargs: Any,
    ):
        num_words = kwargs.pop("nb_words", num_words)
        self.document_count = kwargs.pop("document_count", 0)
        if kwargs:
            known = ("num_words", "filters", "lower", "split", "char_level", "oov_token", "analyzer")
            raise unexpected_arguments("Tokenizer", kwargs, known)
        self.num_words, self.filters, self.lower, self.split = num_words, filters, lower, split
        self.char_level, self.oov_token, self.analyzer = char_level, oov_token, analyzer
        self.word_counts: OrderedDict[str, int] = OrderedDict()
        self.word_docs: defaultdict[str, int] = defaultdict(int)
        self.index_docs: defaultdict[int, int] = defaultdict(int)
        self.word_index: dict[str, int] = {}
        self.index_word: dict[int, str] = {}

    def _split(self, text: _Text) -> list[str]:
        if self.char_level or not isinstance(text, str):
            words = text if not isinstance(text, str) or not self.lower else text.lower()
            return [w.lower() if self.lower else w for w in words] if not isinstance(words, str) else list(words)
        return list(_words(text, self.filters, self.lower, self.split, self.analyzer))

    def fit_on_texts(self, texts: Iterable[_Text]) -> None:
        """Count the words of texts, and renumber all words.

        Args:
            texts: strings, or lists of words.
        """
        for text in texts:
            self.document_count += 1
            words = self._split(text)
            for word in words:
                self.word_counts[word] = self.word_counts.get(word, 0) + 1
            for word in set(words):
                self.word_docs[word] += 1
        ranked = sorted(self.word_counts, key=lambda word: -self.word_counts[word])
        first = [] if self.oov_token is None else [self.oov_token]
        self.word_index = {word: i for i, word in enumerate(dict.fromkeys([*first, *ranked]), 1)}
        self.index_word = {i: word for word, i in self.word_index.items()}
        for word, count in self.word_docs.items():
            self.index_docs[self.word_index[word]] = count

    def fit_on_sequences(self, sequences: Iterable[Iterable[int]]) -> None:
        """Count the numbers of sequences, rather than texts, for `sequences_to_matrix`."""
        for sequence in sequences:
            self.document_count += 1
            for number in set(sequence):
                self.index_docs[number] += 1

    def _is_used(self, number: int | None) -> bool:
        return number is not None and not (self.num_words and number >= self.num_words)

    def texts_to_sequences_generator(self, texts: Iterable[_Text]) -> Iterator[list[int]]:
        """The numbers of each text's words, one text after the other."""
        unknown = None if self.oov_token is None else self.word_index.get(self.oov_token)
        for text in texts:
            numbers = (self.word_index.get(word) for word in self._split(text))
            found = (n if self._is_used(n) else unknown for n in numbers)
            yield [n for n in found if n is not None]

    def texts_to_sequences(self, texts: Iterable[_Text]) -> list[list[int]]:
        """The numbers of each text's words."""
        return list(self.texts_to_sequences_generator(texts))

    def sequences_to_texts_generator(self, sequences: Iterable[Iterable[int]]) -> Iterator[str]:
        """The words of each sequence, with spaces between, one after the other."""
        for sequence in sequences:
            words = (self.index_word.get(n) if self._is_used(n) else None for n in sequence)
            yield " ".join(w for w in (w if w is not None else self.oov_token for w in words) if w is not None)

    def sequences_to_texts(self, sequences: Iterable[Iterable[int]]) -> list[str]:
        """The words of each sequence, with spaces between."""
        return list(self.sequences_to_texts_generator(sequences))

    def texts_to_matrix(self, texts: Iterable[_Text], mode: str = "binary") -> np.ndarray:
        """A row of numbers for each text; modes as below."""
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode)

    def sequences_to_matrix(self, sequences: Sequence[Iterable[int]], mode: str = "binary") -> np.ndarray:
        """A row for each sequence, a column for each number.

        Args:
            sequences: lists of numbers.
            mode: `"binary"`, whether a number occurs; `"count"`, how often; `"freq"`, its share; `"tfidf"`,
                `(1 + log(count)) log(1 + texts / (1 + texts with it))`.

        Returns:
            `(sequences, num_words)`.

        Raises:
            ValueError: an unknown mode, or no words have been counted.
        """
        if mode not in ("binary", "count", "freq", "tfidf"):
            raise unknown_name("mode", mode, ("binary", "count", "freq", "tfidf"))
        if not self.num_words and not self.word_index:
            raise ValueError("The number of columns is unknown: pass num_words, or call fit_on_texts first.")
        if mode == "tfidf" and not self.document_count:
            raise ValueError("tfidf needs counts of texts: call fit_on_texts or fit_on_sequences first.")
        out = np.zeros((len(sequences), self.num_words or len(self.word_index) + 1))
        for row, sequence in zip(out, sequences):
            counts = Counter(sequence)
            total = sum(counts.values())
            for number, count in counts.items():
                if number < len(row):
                    row[number] = {"binary": 1, "count": count, "freq": count / total, "tfidf": self._tfidf(number, count)}[mode]
        return out

    def _tfidf(self, number: int, count: int) -> float:
        documents = self.index_docs.get(number, 0)
        return float((1 + np.log(count)) * np.log(1 + self.document_count / (1 + documents)))

    def get_config(self) -> dict[str, Any]:
        """Arguments and counts, with dicts as JSON strings, as in Keras."""
        names = ("num_words", "filters", "lower", "split", "char_level", "oov_token", "document_count")
        return {**{n: getattr(self, n) for n in names}, **{n: json.dumps(getattr(self, n)) for n in _TABLES}}

    def to_json(self, **kwargs: Any) -> str:
        """Class name and config as a JSON string; `kwargs` go to `json.dumps`."""
        return json.dumps({"class_name": type(self).__name__, "config": self.get_config()}, **kwargs)


@export("keras.preprocessing.text.tokenizer_from_json")
def tokenizer_from_json(json_string: str) -> Tokenizer:
    """A tokenizer from the output of `to_json` of jkeras or Keras.

    Raises:
        ValueError: the string is not such output.

    Example:
        >>> tokenizer = Tokenizer()
        >>> tokenizer.fit_on_texts(["a b a"])
        >>> tokenizer_from_json(tokenizer.to_json()).word_index
        {'a': 1, 'b': 2}
    """
    try:
        config = dict(json.loads(json_string)["config"])
        tables = {n: json.loads(config.pop(n)) for n in _TABLES}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"This is not a tokenizer written by `to_json`: {error!r}.") from None
    tokenizer = Tokenizer(**config)
    tokenizer.word_counts = OrderedDict(tables["word_counts"])
    tokenizer.word_docs.update(tables["word_docs"])
    tokenizer.index_docs.update({int(n): count for n, count in tables["index_docs"].items()})
    tokenizer.word_index = dict(tables["word_index"])
    tokenizer.index_word = {int(n): word for n, word in tables["index_word"].items()}
    return tokenizer
