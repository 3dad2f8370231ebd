"""Data without a download: shaped like the real sets, drawn from a fixed seed, and learnable."""

from __future__ import annotations

import numpy as np

PART = 1024


def classes(rows: int, shape: tuple[int, ...], count: int, *, noise: float = 1.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Images of `count` classes: each class has its own picture, with noise added.

    Args:
        rows: Number of rows.
        shape: Shape of a row.
        count: Number of classes.
        noise: Width of the uniform noise, relative to the picture's width of one.
        seed: Seed of pictures and rows.

    Returns:
        `(rows, *shape)` float32 numbers in [0, 1] and `(rows,)` int32 labels.
    """
    rng = np.random.default_rng(seed)
    pictures = rng.random((count, *shape), dtype=np.float32)
    labels = rng.integers(0, count, rows).astype(np.int32)
    images = np.empty((rows, *shape), np.float32)
    for begin in range(0, rows, PART):  # in parts, so that making the data needs no extra memory
        part = images[begin : begin + PART]
        rng.random(out=part, dtype=np.float32)
        part *= noise
        part += pictures[labels[begin : begin + PART]]
        part /= 1 + noise
    return images, labels


def text(rows: int, length: int, vocabulary: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Word numbers, half of them from the label's half of the vocabulary, and labels of two classes."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, rows).astype(np.int32)
    words = rng.integers(1, vocabulary, (rows, length))
    telling = rng.random((rows, length)) < 0.5
    half = vocabulary // 2
    words = np.where(telling, words % half + half * labels[:, None], words)
    return words.astype(np.int32), labels


def language(rows: int, length: int, vocabulary: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows of a text in which one of four characters follows each character, and the same rows one character later."""
    rng = np.random.default_rng(seed)
    followers = rng.integers(0, vocabulary, (vocabulary, 4))
    choices = rng.integers(0, 4, (rows, length + 1))
    signs = np.empty((rows, length + 1), np.int32)
    signs[:, 0] = rng.integers(0, vocabulary, rows)
    for place in range(length):
        signs[:, place + 1] = followers[signs[:, place], choices[:, place]]
    return signs[:, :-1].copy(), signs[:, 1:].copy()
