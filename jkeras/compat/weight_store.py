"""`H5IOStore`: arrays in an HDF5 file by path and name, as `keras.src.saving.saving_lib` has it.

The arrays of the path `a/b` lie in the group `a/b/vars`. Files are read by the safe reader, which takes plain numbers alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any, Self

import numpy as np

from jkeras._base.errors import describe
from jkeras._safe_io.hdf5 import create_hdf5, open_hdf5, write_array
from jkeras.state.variable import Variable


class H5IOStore(MutableMapping[str, Any]):
    """A file of arrays, written or read group by group.

    Args:
        path_or_io: of the file.
        archive: not supported; leave it None.
        mode: `"w"` to write a new file, `"r"` to read one.

    Raises:
        ValueError: another mode, an archive, or `make` while reading and `get` while writing.

    Example:
        >>> import tempfile
        >>> path = f"{tempfile.mkdtemp()}/some.h5"
        >>> store = H5IOStore(path, mode="w")
        >>> store.make("low_rank/0")["kernel"] = np.ones((2, 3))
        >>> store.close()
        >>> again = H5IOStore(path)
        >>> again.get("low_rank/0")["kernel"].shape, again.has_path("low_rank/1")
        ((2, 3), False)
        >>> again.close()
    """

    def __init__(self, path_or_io: str | Path, archive: None = None, mode: str = "r"):
        if mode not in ("r", "w"):
            raise ValueError(f"H5IOStore takes the mode 'r' or 'w'. Received: {mode!r}.")
        if archive is not None or not isinstance(path_or_io, (str, Path)):
            raise ValueError(f"H5IOStore takes the path of a file, and no archive. Received: {describe(path_or_io)}.")
        self.mode, self._path = mode, ""
        self._opened = contextlib.ExitStack()
        opening: Any = create_hdf5(Path(path_or_io)) if mode == "w" else open_hdf5(Path(path_or_io), str(path_or_io))
        self._file: Any = self._opened.enter_context(opening)

    def make(self, path: str, metadata: None = None) -> Self:
        """Write the next arrays at this path. `metadata` is not supported; leave it out."""
        if self.mode != "w" or metadata is not None:
            raise ValueError("make(path) is for mode='w', and takes no metadata.")
        self._path = path
        return self

    def get(self, path: str, default: None = None) -> Self:  # type: ignore[override]
        """Read the next arrays at this path. There may be none."""
        if self.mode != "r":
            raise ValueError("get(path) is for mode='r'.")
        self._path = path
        return self

    def has_path(self, path: str) -> bool:
        """Whether the file has a group at this path."""
        return bool(self._file.is_group(path)) if self.mode == "r" else path in self._file

    def close(self) -> None:
        """Close the file."""
        self._opened.close()

    def __setitem__(self, name: str, value: Any) -> None:
        if self.mode != "w":
            raise ValueError("The store was opened for reading. Open it with mode='w' to write.")
        write_array(self._file.require_group(self._place()), name, value.array if isinstance(value, Variable) else value)

    def __getitem__(self, name: str) -> np.ndarray:
        if self.mode == "w":
            return np.asarray(self._file[self._place()][name])
        found = self._file.array(f"{self._place()}/{name}") if name in iter(self) else None
        if found is None:
            raise KeyError(f"{self._place()}/{name} is not in the file. There are: {', '.join(self) or 'no arrays here'}.")
        return np.asarray(found.read(found.shape))

    def __delitem__(self, name: str) -> None:
        raise TypeError("A store is written once: nothing can be deleted.")

    def __iter__(self) -> Iterator[str]:
        place = self._place()
        if self.mode == "w":
            return iter([*self._file[place]] if place in self._file else [])
        return iter(self._file.group(place).names() if self._file.is_group(place) else [])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __bool__(self) -> bool:
        return True

    def _place(self) -> str:
        return f"{self._path}/vars".lstrip("/")
