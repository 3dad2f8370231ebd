"""Sparse matrices as data, whose rows become dense where a batch is made."""

from __future__ import annotations

from typing import Any

import numpy as np

from jkeras._base.sparse_arrays import is_sparse
from jkeras.data.later_rows import LaterRows


class SparseRows(LaterRows):
    """The rows of a sparse matrix.

    Args:
        entries: what the matrix holds, row by row.
        columns: of the entries.
        starts: where the entries of each row start, and where the last ones end.
        width: columns of the matrix.

    Example:
        >>> rows = SparseRows(np.ones(3), np.array([0, 1, 1]), np.array([0, 1, 3]), 2)
        >>> rows.shape, rows[1:].dense().tolist()
        ((2, 2), [[0.0, 2.0]])
    """

    def __init__(self, entries: np.ndarray, columns: np.ndarray, starts: np.ndarray, width: int):
        self.entries, self.columns, self.starts, self.width = entries, columns, starts, width

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.starts) - 1, self.width

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the entries."""
        return self.entries.dtype

    def __getitem__(self, index: Any) -> SparseRows:
        rows = np.arange(self.shape[0])[index]
        lengths = self.starts[rows + 1] - self.starts[rows]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        taken = np.arange(starts[-1]) + np.repeat(self.starts[rows] - starts[:-1], lengths)
        return SparseRows(self.entries[taken], self.columns[taken], starts, self.width)

    def with_entries(self, entries: np.ndarray) -> SparseRows:
        """The same places with other entries."""
        return SparseRows(entries, self.columns, self.starts, self.width)

    def dense(self) -> np.ndarray:
        """The rows as an array; entries of one place are added up."""
        dense = np.zeros(self.shape, self.dtype)
        np.add.at(dense, (np.repeat(np.arange(len(dense)), np.diff(self.starts)), self.columns), self.entries)
        return dense


def holds_sparse(value: object) -> bool:
    """Whether a value is sparse: a SciPy matrix, an array of `jax.experimental.sparse`, or another class with such methods."""
    return is_sparse(value) or hasattr(value, "tocoo") or (hasattr(value, "todense") and not hasattr(value, "__array__"))


def sparse_rows(value: Any) -> SparseRows | np.ndarray:
    """The rows of a sparse matrix; a dense array where it has another number of axes, or cannot tell its entries row by row.

    Args:
        value: for which `holds_sparse`.
    """
    if is_sparse(value) and hasattr(value, "indices") and not hasattr(value, "indptr") and value.n_sparse == value.ndim == 2:
        entries, places = np.asarray(value.data), np.asarray(value.indices)
        inside = np.flatnonzero((places < value.shape).all(axis=1))  # JAX fills up with places behind the end
        inside = inside[np.argsort(places[inside, 0], kind="stable")]
        starts = np.searchsorted(places[inside, 0], np.arange(value.shape[0] + 1))
        return SparseRows(entries[inside], places[inside, 1], starts, value.shape[1])
    if hasattr(value, "tocsr") and len(value.shape) == 2:
        matrix = value.tocsr()
        return SparseRows(matrix.data, matrix.indices, matrix.indptr, value.shape[1])
    return np.asarray(value.todense())
