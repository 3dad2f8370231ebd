"""Sequences of numbers: padding to one length, and pairs of words for word2vec."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
from jax.typing import DTypeLike

from jkeras._base.errors import describe, unknown_name
from jkeras._base.registry import export
from jkeras.preprocessing.timeseries import TimeseriesGenerator as TimeseriesGenerator

_EULER = 0.577  # with the digits of word2vec's table


@export("keras.utils.pad_sequences", "keras.preprocessing.sequence.pad_sequences")
def pad_sequences(
    sequences: Sequence[Sequence[object]],
    maxlen: int | None = None,
    dtype: DTypeLike = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: float | str = 0.0,
) -> np.ndarray:
    """Sequences of different lengths as the rows of one array.

    Args:
        sequences: of numbers, or of vectors of one shape.
        maxlen: the length to pad or cut to; by default that of the longest sequence.
        dtype: of the result; `object` or a string dtype for strings.
        padding: `"pre"` fills in before a sequence, `"post"` after it.
        truncating: `"pre"` cuts off the beginning of a sequence that is too long, `"post"` its end.
        value: what to fill in.

    Returns:
        `(number of sequences, maxlen, ...)`.

    Raises:
        ValueError: not a list of sequences, vectors of different shapes, an unknown option, or a string `value` for numbers.

    Example:
        >>> pad_sequences([[1], [2, 3], [4, 5, 6]], maxlen=2)
        array([[0, 1],
               [2, 3],
               [5, 6]], dtype=int32)
    """
    for name, word in (("padding", padding), ("truncating", truncating)):
        if word not in ("pre", "post"):
            raise unknown_name(name, word, ("pre", "post"))
    if not hasattr(sequences, "__len__") or any(not hasattr(s, "__len__") for s in sequences):
        wrong = (
            next((s for s in sequences if not hasattr(s, "__len__")), sequences) if hasattr(sequences, "__iter__") else sequences
        )
        raise ValueError(f"pad_sequences takes a list of sequences, such as [[1, 2], [3]]. Found: {describe(wrong)}.")
    is_text = np.issubdtype(dtype, np.str_) or np.dtype(dtype) == object
    if isinstance(value, str) and not is_text:
        raise ValueError(f"value={value!r} is a string, but dtype={dtype!r} is not for strings. Write dtype=object.")
    rows = [np.asarray(s, dtype if len(s) else None) for s in sequences]
    length = max((len(r) for r in rows), default=0) if maxlen is None else maxlen
    shapes = {r.shape[1:] for r in rows if len(r)}
    if len(shapes) > 1:
        raise ValueError(f"The entries of all sequences must have one shape. Found: {sorted(shapes)}.")
    out = np.full((len(rows), length, *next(iter(shapes), ())), value, dtype)
    for target, row in zip(out, rows):
        kept = row[max(len(row) - length, 0) :] if truncating == "pre" else row[:length]
        if len(kept):
            target[slice(length - len(kept), None) if padding == "pre" else slice(len(kept))] = kept
    return out


@export("keras.preprocessing.sequence.make_sampling_table")
def make_sampling_table(size: int, sampling_factor: float = 1e-5) -> np.ndarray:
    """The probability of keeping the word of each rank, so that frequent words do not crowd out others.

    By Zipf's law, the word of rank r has the frequency `1 / (r (log r + 0.577) + 1/2 - 1/(12 r))`; it is kept with the
    probability `min(1, sqrt(sampling_factor / frequency))`.

    Args:
        size: number of words, ranked from the most frequent; rank 0 counts as 1.
        sampling_factor: of word2vec.

    Returns:
        `(size,)` probabilities.

    Source: Mikolov and others, "Distributed Representations of Words and Phrases", 2013.

    Example:
        >>> make_sampling_table(3).round(4)
        array([0.0032, 0.0032, 0.0055])
    """
    rank = np.maximum(np.arange(size), 1)
    inverse_frequency = rank * (np.log(rank) + _EULER) + 0.5 - 1 / (12 * rank)
    return np.minimum(1.0, np.sqrt(sampling_factor * inverse_frequency))


@export("keras.preprocessing.sequence.skipgrams")
def skipgrams(
    sequence: Sequence[int],
    vocabulary_size: int,
    window_size: int = 4,
    negative_samples: float = 1.0,
    shuffle: bool = True,
    categorical: bool = False,
    sampling_table: Sequence[float] | None = None,
    seed: int | None = None,
) -> tuple[list[list[int]], list[int] | list[list[int]]]:
    """Pairs of words for word2vec: neighbours with label 1, random pairs with label 0.

    Args:
        sequence: numbers of words; 0 means no word and is skipped.
        vocabulary_size: the largest number plus one.
        window_size: how far apart neighbours may be.
        negative_samples: random pairs for each pair of neighbours.
        shuffle: whether to mix the pairs.
        categorical: whether labels are `[0, 1]` and `[1, 0]`.
        sampling_table: the probability of keeping each word, as from `make_sampling_table`.
        seed: for the same pairs each time; the draws differ from Keras', which seeds Python's own generator.

    Returns:
        `(pairs, labels)`.

    Example:
        >>> skipgrams([1, 2, 3], 4, window_size=1, negative_samples=0, shuffle=False)
        ([[1, 2], [2, 1], [2, 3], [3, 2]], [1, 1, 1, 1])
    """
    rng = random if seed is None else random.Random(seed)
    pairs = []
    for i, word in enumerate(sequence):
        if not word or (sampling_table is not None and sampling_table[word] < rng.random()):
            continue
        around = range(max(0, i - window_size), min(len(sequence), i + window_size + 1))
        pairs += [[word, sequence[j]] for j in around if j != i and sequence[j]]
    labels: list[Any] = [[0, 1] if categorical else 1] * len(pairs)
    count = int(len(pairs) * negative_samples)
    if count:
        words = [pair[0] for pair in pairs]
        rng.shuffle(words)
        pairs += [[words[i % len(words)], rng.randint(1, vocabulary_size - 1)] for i in range(count)]
        labels += [[1, 0] if categorical else 0] * count
    if shuffle:
        order = list(range(len(pairs)))
        rng.shuffle(order)
        pairs, labels = [pairs[i] for i in order], [labels[i] for i in order]
    return pairs, labels
