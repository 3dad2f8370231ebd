"""Texts as lists of numbers, one for each word: 1 for the most frequent word, 2 for the next, and so on.

Some numbers have a meaning of their own, so the words' numbers are moved up: by default 0 is for padding, 1 begins a text, 2
stands for words that are left out, and the most frequent word is 4.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from jkeras._base.errors import FileFormatError
from jkeras._safe_io.int_lists import MAX_BYTES, read_int_lists
from jkeras._safe_io.json import MAX_BYTES as MAX_JSON
from jkeras._safe_io.json import read_json
from jkeras._safe_io.zip import open_zip
from jkeras.datasets._cache import damaged, obtain, read_arrays

Texts = list[list[int]]


def read_texts(path: Path, names: Sequence[tuple[str, str]]) -> list[tuple[Texts, np.ndarray]]:
    """Texts and labels in an .npz file.

    Args:
        path: of the file.
        names: of each array of texts and the labels that belong to it.
    """
    try:
        with open(path, "rb", buffering=0) as file, open_zip(file, str(path)) as archive:
            texts = [read_int_lists(archive.read(f"{x}.npy", MAX_BYTES), f"{path}: {x}") for x, _ in names]
    except FileFormatError as error:
        raise damaged(path, str(error)) from error
    labels = read_arrays(path, [y for _, y in names])
    for (x, y), one, those in zip(names, texts, labels):
        if those.shape != (len(one),):
            raise damaged(path, f"{x} has {len(one)} texts, and {y} the shape {those.shape}")
    return list(zip(texts, labels))


def shuffled(texts: Texts, labels: np.ndarray, random: np.random.RandomState) -> tuple[Texts, np.ndarray]:
    """Texts and labels in the order that a stream draws next."""
    order = random.permutation(len(texts))
    return [texts[i] for i in order], labels[order]


def shifted(texts: Texts, start_char: int | None, index_from: int | None) -> Texts:
    """Texts with their words' numbers moved up.

    Args:
        texts: of the data set.
        start_char: what each text begins with; None for nothing.
        index_from: how far to move.

    Example:
        >>> shifted([[1, 2]], start_char=1, index_from=3)
        [[1, 4, 5]]
    """
    start, by = [] if start_char is None else [start_char], index_from or 0
    return [start + [word + by for word in text] for text in texts]


def shorter_than(maxlen: int | None, texts: Texts, labels: np.ndarray) -> tuple[Texts, np.ndarray]:
    """The texts of fewer than `maxlen` numbers, with their labels; all if it is None or 0."""
    if not maxlen:
        return texts, labels
    kept = [i for i, text in enumerate(texts) if len(text) < maxlen]
    if not kept:
        raise ValueError(f"maxlen={maxlen} leaves no text: each has as many numbers or more. Give a larger one.")
    return [texts[i] for i in kept], labels[kept]


def frequent_words(texts: Texts, num_words: int | None, skip_top: int, oov_char: int | None) -> Texts:
    """Texts with only the words whose numbers are at least `skip_top` and less than `num_words`.

    Args:
        texts: after `shifted`, so these limits count from there.
        num_words: None for the largest number in the texts, which therefore counts as left out, as in Keras.
        skip_top: how many of the lowest numbers to leave out.
        oov_char: what to put in place of the others; None to leave them out.

    Example:
        >>> frequent_words([[1, 4, 9, 5]], num_words=9, skip_top=4, oov_char=2)
        [[2, 4, 2, 5]]
    """
    most = num_words or max(max(text, default=0) for text in texts)
    if oov_char is None:
        return [[word for word in text if skip_top <= word < most] for text in texts]
    return [[word if skip_top <= word < most else oov_char for word in text] for text in texts]


def as_array(texts: Texts) -> np.ndarray:
    """Texts as an array of lists."""
    array = np.empty(len(texts), object)
    array[:] = texts
    return array


def word_index(path: str | os.PathLike[str], url: str, md5: str) -> dict[str, int]:
    """Words and their numbers, from a JSON file in the cache folder or from the publisher.

    Raises:
        ValueError: the file holds something else.
    """
    place = obtain(path, url, md5)
    if place.stat().st_size > MAX_JSON:
        raise damaged(place, f"it has more than {MAX_JSON:,} bytes")
    found: object = None
    with contextlib.suppress(FileFormatError):
        found = read_json(place.read_bytes(), where=str(place))
    if not isinstance(found, dict) or not all(type(number) is int for number in found.values()):
        raise damaged(place, "it is not a JSON object of words and their numbers")
    return found
