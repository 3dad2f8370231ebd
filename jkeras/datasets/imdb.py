"""IMDB: 50,000 reviews of films, as lists of words' numbers, half of them favourable."""

from __future__ import annotations

import os

import numpy as np

from jkeras._base.errors import unexpected_arguments
from jkeras._base.registry import export
from jkeras.datasets import _words
from jkeras.datasets._cache import Split, obtain

URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
SHA256 = "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"
WORDS_MD5 = "bfafd718b763782e994055a2d397834f"  # the publisher provides no other hash


@export("keras.datasets.imdb.load_data")
def load_data(
    path: str | os.PathLike[str] = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int | None = 3,
    **kwargs: int,
) -> tuple[Split, Split]:
    """IMDB, from the cache folder or, if it is not there, from its publisher. Nothing in the file is run.

    Args:
        path: the file, relative to `$KERAS_HOME/datasets` (`~/.keras/datasets`), or absolute.
        num_words: numbers from here on are left out; None, as in Keras, for the largest number that occurs.
        skip_top: numbers below are left out.
        maxlen: reviews of as many numbers or more are left out; None for none.
        seed: of the order; the same seed gives the same order on every machine.
        start_char: the number that each review begins with; None for nothing.
        oov_char: the number in place of words that are left out; None for nothing in their place.
        index_from: what is added to the words' numbers.
        kwargs: `nb_words`, Keras 1's name of `num_words`.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: arrays of 25,000 lists of integers; labels `(25000,)`, 1 for a favourable review.

    Raises:
        FileNotFoundError: not in the cache, and the download failed; the error says which file to put where.
        ValueError: the file holds anything but such arrays, a download has another hash, or `maxlen` leaves no review.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data(num_words=10_000)  # doctest: +SKIP
        >>> x_train.shape, x_train[0][:4]  # doctest: +SKIP
        ((25000,), [1, 14, 22, 16])

    Source: Andrew L. Maas et al., "Learning Word Vectors for Sentiment Analysis", 2011.
    """
    num_words = kwargs.pop("nb_words", num_words)
    if kwargs:
        raise unexpected_arguments("imdb.load_data", kwargs, ["path", "num_words", "skip_top", "maxlen", "seed", "start_char"])
    halves = _words.read_texts(obtain(path, URL + "imdb.npz", SHA256), [("x_train", "y_train"), ("x_test", "y_test")])
    random = np.random.RandomState(seed)
    in_order = [_words.shuffled(texts, labels, random) for texts, labels in halves]
    train, test = (_words.shorter_than(maxlen, _words.shifted(x, start_char, index_from), y) for x, y in in_order)
    texts = _words.frequent_words(train[0] + test[0], num_words, skip_top, oov_char)
    cut = len(train[0])
    return (_words.as_array(texts[:cut]), train[1]), (_words.as_array(texts[cut:]), test[1])


@export("keras.datasets.imdb.get_word_index")
def get_word_index(path: str | os.PathLike[str] = "imdb_word_index.json") -> dict[str, int]:
    """The number of each word, 1 for the most frequent; `load_data` adds its `index_from`.

    Args:
        path: the file, relative to `$KERAS_HOME/datasets` (`~/.keras/datasets`), or absolute.

    Raises:
        FileNotFoundError: not in the cache, and the download failed.
        ValueError: the file holds something else, or a download has another hash.

    Example:
        >>> words = {number + 3: word for word, number in get_word_index().items()}  # doctest: +SKIP
        >>> " ".join(words.get(number, "?") for number in [1, 14, 22, 16])  # doctest: +SKIP
        '? this film was'
    """
    return _words.word_index(path, URL + "imdb_word_index.json", WORDS_MD5)
