"""Reuters: 11,228 news, as lists of words' numbers, each on one of 46 topics."""

from __future__ import annotations

import os

import numpy as np

from jkeras._base.registry import export
from jkeras.datasets import _words
from jkeras.datasets._cache import Split, obtain

URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
SHA256 = "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916"
WORDS_MD5 = "4d44cc38712099c9e383dc6e5f11a921"  # the publisher provides no other hash
_TOPICS = """
cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade reserves ship cotton carcass crude nat-gas cpi
money-fx interest gnp meal-feed alum oilseed gold tin strategic-metal livestock retail ipi iron-steel rubber heat jobs lei bop
zinc orange pet-chem dlr gas silver wpi hog lead
"""


@export("keras.datasets.reuters.load_data")
def load_data(
    path: str | os.PathLike[str] = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int | None = 3,
) -> tuple[Split, Split]:
    """Reuters, from the cache folder or, if it is not there, from its publisher. Nothing in the file is run.

    Args:
        path: the file, relative to `$KERAS_HOME/datasets` (`~/.keras/datasets`), or absolute.
        test_split: the share of the test set.
        num_words, skip_top, maxlen, seed, start_char, oov_char, index_from: as for `imdb.load_data`.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: arrays of 8,982 and 2,246 lists of integers; labels `(8982,)` and `(2246,)`, 0 to
        45, see `get_label_names`.

    Raises:
        FileNotFoundError: not in the cache, and the download failed; the error says which file to put where.
        ValueError: the file holds anything but such arrays, a download has another hash, or `maxlen` leaves no text.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data(num_words=10_000)  # doctest: +SKIP
        >>> x_train.shape, x_test.shape  # doctest: +SKIP
        ((8982,), (2246,))

    Source: David D. Lewis, "Reuters-21578 Text Categorization Test Collection", 1997.
    """
    ((texts, labels),) = _words.read_texts(obtain(path, URL + "reuters.npz", SHA256), [("x", "y")])
    texts, labels = _words.shuffled(texts, labels, np.random.RandomState(seed))
    texts, labels = _words.shorter_than(maxlen, _words.shifted(texts, start_char, index_from), labels)
    texts = _words.frequent_words(texts, num_words, skip_top, oov_char)
    cut = int(len(texts) * (1 - test_split))
    return (_words.as_array(texts[:cut]), labels[:cut]), (_words.as_array(texts[cut:]), labels[cut:])


@export("keras.datasets.reuters.get_word_index")
def get_word_index(path: str | os.PathLike[str] = "reuters_word_index.json") -> dict[str, int]:
    """The number of each word, 1 for the most frequent; `load_data` adds its `index_from`.

    Args:
        path: the file, relative to `$KERAS_HOME/datasets` (`~/.keras/datasets`), or absolute.

    Raises:
        FileNotFoundError: not in the cache, and the download failed.
        ValueError: the file holds something else, or a download has another hash.
    """
    return _words.word_index(path, URL + "reuters_word_index.json", WORDS_MD5)


@export("keras.datasets.reuters.get_label_names")
def get_label_names() -> tuple[str, ...]:
    """The topics, in the order of their labels.

    Example:
        >>> len(get_label_names()), get_label_names()[3]
        (46, 'earn')
    """
    return tuple(_TOPICS.split())
