"""What a model is read from and written to: a path, or a binary file that the user has opened.

A source is opened once, so that telling its format and reading it concern the same file. A path gets a whole file in one step
(`_base/atomic.py`). An open file, too, gets nothing until everything is there: it is written to a nameless file on disk first,
because formats are written back and forth, which a pipe or a packed file does not allow.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from jkeras._base.atomic import atomic_file
from jkeras._base.errors import FileFormatError, NoFileError, describe
from jkeras._safe_io.hdf5 import StoredGroup, open_hdf5
from jkeras._safe_io.hdf5_texts import find_signature
from jkeras._safe_io.tensor_bundle import INDEX

FilePath = str | os.PathLike[str] | BinaryIO

# Only these are known to return what is in their file; others have a file, too, and unpack it.
_AS_THEY_ARE = (io.BytesIO, io.FileIO, io.BufferedReader, io.BufferedRandom)
_FARTHEST = 1 << 20  # where HDF5's signature is looked for, behind a block of the user's own


class Source:
    """A file or folder to read from, open until its block ends.

    Attributes:
        where: what messages call it.
        path: None for a file that the user opened.
        names: of what is in a folder; None for a file.
        start: the first 512 bytes of a file.
    """

    def __init__(self, path: Path | None, file: BinaryIO | None, stack: contextlib.ExitStack):
        name = path if path is not None else getattr(file, "name", None)
        self.where = os.fspath(name) if isinstance(name, (str, Path)) else f"<{type(file).__name__}>"
        self.path, self._file, self._stack = path, file, stack
        self.names = frozenset(os.listdir(path)) if path is not None and file is None else None
        self.start = b""
        if file is not None:
            file.seek(0)
            self.start = file.read(512)
        self._root: StoredGroup | None = None

    @property
    def file(self) -> BinaryIO:
        """The open file."""
        assert self._file is not None, f"{self.where} is a folder"
        return self._file

    def hdf5(self) -> StoredGroup | None:
        """The root of an HDF5 file, opened at the first call; None if it is not one.

        Raises:
            FileFormatError: it is damaged.
        """
        if self._root is None and self._file is not None and find_signature(self._file, _FARTHEST) is not None:
            self._root = self._stack.enter_context(open_hdf5(self._file, self.where))
        return self._root


@contextlib.contextmanager
def open_source(filepath: object, verb: str) -> Iterator[Source]:
    """Open what a user gave to read from.

    Args:
        filepath: a string, a path, an open binary file, or an open `h5py.File`.
        verb: what was called, for messages.

    Raises:
        FileNotFoundError: there is no such file.
        FileFormatError: it is a device or a pipe.
        TypeError: it is something else.
        ValueError: it is an empty string, or the address of a page.
    """
    with contextlib.ExitStack() as stack:
        image = getattr(getattr(filepath, "id", None), "get_file_image", None)
        if image is not None:  # an `h5py.File`: its bytes are read as those of any other file
            filepath.flush()  # type: ignore[attr-defined]
            yield Source(None, io.BytesIO(image()), stack)
            return
        if _is_file(filepath, "read", verb):
            yield Source(None, _seekable(filepath), stack)
            return
        path = _path_of(filepath, verb)
        if not path.exists() and path.name and (index := path.with_name(path.name + INDEX)).is_file():
            path = index  # TensorFlow's checkpoints are called by what the names of their files begin with
        if not path.exists():
            raise NoFileError(f"There is no file {path}. {_near(path)}")
        if not path.is_dir() and not path.is_file():
            raise FileFormatError(f"{path}: is a device or a pipe, not a file.")
        file: Any = None if path.is_dir() else stack.enter_context(open(path, "rb", buffering=0))
        yield Source(path, file, stack)


def target_of(filepath: Any, verb: str) -> Path | BinaryIO:
    """What a user gave to write to: a path, or an open file.

    Raises:
        TypeError: it is something else.
        ValueError: it is an empty string, or the address of a page.
    """
    return filepath if _is_file(filepath, "write", verb) else _path_of(filepath, verb)


@contextlib.contextmanager
def opened_to_write(target: Path | BinaryIO) -> Iterator[BinaryIO]:
    """An empty file whose content becomes that of the target if the block ends without an error.

    Example:
        >>> target = io.BytesIO()
        >>> with opened_to_write(target) as file:
        ...     _ = file.write(b"kept")
        >>> target.getvalue()
        b'kept'
    """
    if isinstance(target, Path):
        with atomic_file(target) as temporary, open(temporary, "w+b", buffering=0) as file:
            yield file  # type: ignore[misc]
        return
    with tempfile.TemporaryFile(buffering=0) as file:
        yield file  # type: ignore[misc]
        file.seek(0)
        shutil.copyfileobj(file, target)


def _seekable(file: Any) -> BinaryIO:
    """The file itself, or its content, if not every place in it can be reached."""
    seekable = bool(getattr(file, "seekable", lambda: False)())
    if seekable and type(file) in _AS_THEY_ARE:
        file.flush()
        found: BinaryIO = file
        return found
    if seekable:
        file.seek(0)
    return io.BytesIO(file.read())


def _is_file(filepath: object, method: str, verb: str) -> bool:
    if isinstance(filepath, io.TextIOBase):
        mode = {"read": "rb", "write": "wb"}[method]
        raise TypeError(f"{verb} takes a file that is open in binary mode: open(path, {mode!r}). Received: {describe(filepath)}.")
    return not isinstance(filepath, (str, os.PathLike)) and callable(getattr(filepath, method, None))


def _path_of(filepath: object, verb: str) -> Path:
    if not isinstance(filepath, (str, os.PathLike)):
        raise TypeError(
            f"{verb} takes the path of a file, a string or a pathlib.Path, or a file that is open in binary mode. Received: "
            f"{describe(filepath)}."
        )
    text = os.fspath(filepath)
    if not text:
        raise ValueError(f"{verb} takes the path of a file. Received an empty string.")
    if isinstance(text, str) and "://" in text:
        raise ValueError(
            f"{verb} opens files, not addresses. Received {text!r}. Write jkeras.utils.get_file(origin={text!r}) first."
        )
    return Path(filepath)


def _near(path: Path) -> str:
    """A hint at similar files beside a missing one."""
    if not path.parent.is_dir():
        return f"There is no folder {path.parent} either."
    others = sorted(p.name for p in path.parent.iterdir() if p.name.startswith(path.name.split(".")[0]))[:5]
    return f"There is: {', '.join(others)}." if others else ""
