"""Data that needs no download: of the shapes of the real sets, drawn from a fixed seed, and learnable."""

from __future__ import annotations

import numpy as np

PART = 1024


def classes(rows: int, shape: tuple[int, ...], count: int, *, noise: float = 1.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Images of `count` classes: each class has a picture of its own, seen through noise.

    Args:
        rows: Number of rows.
        shape: Shape of a row.
        count: Number of classes.
        noise: Width of the uniform noise beside the picture's own width of one.
        seed: Seed of pictures and rows.

    Returns:
        `(rows, *shape)` float32 numbers in [0, 1] and `(rows,)` int32 labels.
    """
    rng = np.random.default_rng(seed)
    pictures = rng.random((count, *shape), dtype=np.float32)
    labels = rng.integers(0, count, rows).astype(np.int32)
    images = np.empty((rows, *shape), np.float32)
    for begin in range(0, rows, PART):  # in parts, so that making the data takes no memory beyond them
        part = images[begin : begin + PART]
        rng.random(out=part, dtype=np.float32)
        part *= noise
        part += pictures[labels[begin : begin + PART]]
        part /= 1 + noise
    return images, labels


def text(rows: int, length: int, vocabulary: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Word numbers, half of them from the half of the vocabulary that goes with the label, and labels of two classes."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, rows).astype(np.int32)
    words = rng.integers(1, vocabulary, (rows, length))
    telling = rng.random((rows, length)) < 0.5
    half = vocabulary // 2
    words = np.where(telling, words % half + half * labels[:, None], words)
    return words.astype(np.int32), labels


def language(rows: int, length: int, vocabulary: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows of a text in which each sign is followed by one of four, and the same rows one sign later."""
    rng = np.random.default_rng(seed)
    followers = rng.integers(0, vocabulary, (vocabulary, 4))
    choices = rng.integers(0, 4, (rows, length + 1))
    signs = np.empty((rows, length + 1), np.int32)
    signs[:, 0] = rng.integers(0, vocabulary, rows)
    for place in range(length):
        signs[:, place + 1] = followers[signs[:, place], choices[:, place]]
    return signs[:, :-1].copy(), signs[:, 1:].copy()
