"""Data that become arrays where a batch is made, so that the whole never has to fit in memory: sparse matrices, and files mapped
into memory whose numbers have another dtype than the model's. Where all rows together are small they become arrays at once
(`prepared.py`).
"""

from __future__ import annotations

import contextlib
import math
import mmap
import threading
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from jkeras._base.types import Tree


class LaterRows(ABC):
    """Rows with what a source asks of an array."""

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """As of the array."""

    @property
    @abstractmethod
    def dtype(self) -> np.dtype[Any]:
        """Of the array."""

    @abstractmethod
    def __getitem__(self, index: Any) -> LaterRows:
        """Some of the rows."""

    @abstractmethod
    def dense(self) -> np.ndarray:
        """The rows as an array."""


class MappedRows(LaterRows):
    """The rows of a file that is mapped into memory, read and cast when they are wanted.

    Args:
        mapped: an array that reads the file.
        dtype: of the array.
        cast: makes the array of some of the rows.

    Example:
        >>> rows = MappedRows(np.arange(3.0), np.dtype("float32"), lambda part: part.astype("float32"))
        >>> rows[1:].dense()
        array([1., 2.], dtype=float32)
    """

    def __init__(self, mapped: np.ndarray, dtype: np.dtype[Any], cast: Callable[[np.ndarray], np.ndarray]):
        self._mapped, self._dtype, self._cast = mapped, dtype, cast

    @property
    def shape(self) -> tuple[int, ...]:
        """As of the file."""
        return self._mapped.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """What the numbers are cast to."""
        return self._dtype

    def __getitem__(self, index: Any) -> MappedRows:
        return MappedRows(self._mapped[index], self._dtype, self._cast)

    def dense(self) -> np.ndarray:
        """The rows as an array."""
        return self._cast(self._mapped)


def dense_rows(tree: Tree) -> Tree:
    """The nest with arrays in place of such rows."""
    return jax.tree.map(lambda leaf: leaf.dense() if isinstance(leaf, LaterRows) else leaf, tree)


def any_later_rows(tree: Tree) -> bool:
    """Whether there are such rows in a nest."""
    return any(isinstance(leaf, LaterRows) for leaf in jax.tree.leaves(tree))


class MakeDense:
    """The preparation of inputs that makes arrays of such rows."""

    def __call__(self, x: Tree) -> Tree:
        """The inputs as arrays."""
        return dense_rows(x)

    def bytes_per_row(self, x: Tree) -> int:
        """Bytes of one row as an array."""
        return sum(math.prod(leaf.shape[1:]) * np.dtype(leaf.dtype).itemsize for leaf in jax.tree.leaves(x))


_READERS = Counter[int]()  # how many blocks read a mapped file at random, by its id
_LOCK = threading.Lock()


@contextlib.contextmanager
def read_at_random(arrays: Tree) -> Iterator[None]:
    """Tell the system that mapped files are read row by row, here and there, while the block runs.

    Otherwise it reads far ahead at each place, on many machines a megabyte and more.

    Args:
        arrays: of any kind; those that are not files are left alone.
    """
    files = {id(file): file for leaf in jax.tree.leaves(arrays) if (file := _file_of(leaf)) is not None}
    with _LOCK:
        _READERS.update(files.keys())  # one for each block that runs
    try:
        for file in files.values():
            file.madvise(mmap.MADV_RANDOM)
        yield
    finally:
        with _LOCK:
            _READERS.subtract(files.keys())
            for number, file in files.items():
                if _READERS[number] == 0:
                    del _READERS[number]
                    if not file.closed:
                        file.madvise(mmap.MADV_NORMAL)


def _file_of(array: object) -> mmap.mmap | None:
    """The mapped file that an array lies in; None where there is none, or no way to tell the system."""
    at: Any = array._mapped if isinstance(array, MappedRows) else array
    while isinstance(at, np.ndarray):
        at = at.base
    return at if isinstance(at, mmap.mmap) and hasattr(mmap, "MADV_RANDOM") and not at.closed else None
