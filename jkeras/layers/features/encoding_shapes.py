"""What the layers that encode categories share: the output modes, their shapes, and the encoding in NumPy."""

from __future__ import annotations

import numpy as np

from jkeras._base.types import DTypeLike

OLD_MODES = {"binary": "multi_hot", "tf-idf": "tf_idf"}


def encoded_shape(shape: tuple[int | None, ...], mode: str, depth: int | None) -> tuple[int | None, ...]:
    """Shape of the encoding of indices of a shape.

    Example:
        >>> encoded_shape((None, 3), "one_hot", 5), encoded_shape((None, 1), "one_hot", 5), encoded_shape((None, 3), "count", 5)
        ((None, 3, 5), (None, 5), (None, 5))
    """
    if mode == "int":
        return shape
    if mode == "one_hot" and not (len(shape) > 1 and shape[-1] == 1):
        return (*shape, depth)
    return (*shape[:-1], depth)


def encoded(indices: np.ndarray, mode: str, depth: int, dtype: DTypeLike) -> np.ndarray:
    """Indices as zeros and ones, or counts; those outside the range count nowhere."""
    if mode == "int":
        return indices.astype(dtype)
    if mode == "one_hot":
        if indices.ndim > 1 and indices.shape[-1] == 1:
            indices = indices[..., 0]
        rows = np.arange(indices.size)
        return encoded_rows(indices.ravel(), rows, indices.size, mode, depth, dtype).reshape(*indices.shape, depth)
    indices = np.atleast_1d(indices)
    lead, size = indices.shape[:-1], indices.shape[-1]
    count = int(np.prod(lead, dtype=np.int64))
    rows = np.repeat(np.arange(count), size)
    return encoded_rows(indices.ravel(), rows, count, mode, depth, dtype).reshape(*lead, depth)


def encoded_rows(indices: np.ndarray, rows: np.ndarray, count: int, mode: str, depth: int, dtype: DTypeLike) -> np.ndarray:
    """One row for each sample: 1, or the number of times, at each of its indices.

    Args:
        indices: `(n,)`.
        rows: the sample of each index, `(n,)`.
        count: of samples.
        mode: `"count"`, or another for ones.
        depth: of a row.
        dtype: of the result.
    """
    within = (indices >= 0) & (indices < depth)
    rows, indices = rows[within], indices[within]
    result = np.zeros((count, depth), dtype)
    if mode == "count":
        np.add.at(result, (rows, indices), 1)
    else:
        result[rows, indices] = 1
    return result
