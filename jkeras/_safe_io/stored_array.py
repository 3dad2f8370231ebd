"""`StoredArray`: an array in an opened file, known by its description; its numbers stay in the file until they are asked for."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from jkeras._base.aligned import aligned_empty
from jkeras._base.errors import FileFormatError

MAX_RANK = 32


class StoredArray(ABC):
    """An array in an opened file.

    Args:
        where: the file, for messages.
        path: the array's place in it.
        kind: the type of its numbers; `V2` is bfloat16.
        shape: its sizes.
        file_bytes: size of the file.

    Attributes:
        dtype: name of the type of its numbers.
        bytes: its size in memory.
        stored_bytes: its size in the file.
    """

    def __init__(self, where: str, path: str, kind: np.dtype[Any], shape: tuple[int, ...], file_bytes: int):
        self.where, self.path, self.place = where, path, f"{where}: {path}"
        self._type, self.shape, self.file_bytes = kind, shape, file_bytes
        self.dtype = "bfloat16" if kind.kind == "V" else kind.name
        self.bytes = self.stored_bytes = math.prod(shape) * kind.itemsize

    @property
    @abstractmethod
    def direct(self) -> bool:
        """Whether its bytes lie in the file as they are wanted, in one piece, so that several threads may `fill` at once."""

    @abstractmethod
    def fill(self, found: np.ndarray) -> np.ndarray:
        """Read its numbers into the memory from `empty`.

        Raises:
            FileFormatError: they are damaged.
        """

    @property
    def kind(self) -> str:
        """`"f"`, `"i"`, `"u"` or `"b"`."""
        return "f" if self._type.kind == "V" else self._type.kind

    def read(self, shape: Sequence[int], dtype: DTypeLike | None = None) -> np.ndarray:
        """The numbers.

        Args:
            shape: the expected shape.
            dtype: to cast to; default as stored.

        Raises:
            FileFormatError: the shape differs, it holds floats where integers are expected, or the numbers are damaged.
        """
        if tuple(shape) != self.shape:
            raise FileFormatError(f"{self.place}: has shape {self.shape}, but {tuple(shape)} is expected.")
        wanted = None if dtype is None else np.dtype(dtype)
        if wanted is not None and not self.fits(wanted):
            raise FileFormatError(f"{self.place}: holds {self.dtype}, but {wanted} is expected.")
        found = self.finished(self.fill(self.empty()))
        return found if wanted is None else found.astype(wanted, copy=False)

    def empty(self) -> np.ndarray:
        """Memory for its numbers."""
        return aligned_empty(self.shape, self._type)

    def finished(self, found: np.ndarray) -> np.ndarray:
        """The filled memory as numbers."""
        return found.view(jnp.bfloat16) if self._type.kind == "V" else found

    def fits(self, dtype: DTypeLike) -> bool:
        """Whether its numbers may be cast to a type: floats stay floats, and booleans stay booleans."""
        if self.kind == "b" or np.dtype(dtype) == np.bool_:
            return self.kind == "b" and np.dtype(dtype) == np.bool_
        return self.kind != "f" or bool(jnp.issubdtype(dtype, jnp.floating))
