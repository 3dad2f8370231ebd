"""What a model is written to and read from: a path, or a binary file that the user has opened.

A path gets the whole file in one step (`_base/atomic.py`). To an open file, too, nothing is written before all of it is there: it
goes to a nameless file on the disk first. The formats are written back and forth, which a pipe or a packed file does not allow.
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
from jkeras._base.errors import describe

# Only of these it is known that what they read is what is in their file: others have a file, too, and unpack it.
_AS_THEY_ARE = (io.BytesIO, io.FileIO, io.BufferedReader, io.BufferedRandom)


def source_of(filepath: Any, verb: str) -> Path | BinaryIO:
    """What a user gave to read from: a path, or an open file, in which every place can be reached.

    Args:
        filepath: text, a path, or an open binary file.
        verb: what was called, for the message.

    Raises:
        TypeError: it is something else.
        ValueError: it is an empty text, or the address of a page.
    """
    if not _is_file(filepath, "read", verb):
        return _path_of(filepath, verb)
    seekable = bool(getattr(filepath, "seekable", lambda: False)())
    if seekable and type(filepath) in _AS_THEY_ARE:
        filepath.flush()
        file: BinaryIO = filepath
        return file
    if seekable:
        filepath.seek(0)
    return io.BytesIO(filepath.read())


def target_of(filepath: Any, verb: str) -> Path | BinaryIO:
    """What a user gave to write to: a path, or an open file.

    Args:
        filepath: text, a path, or an open binary file.
        verb: what was called, for the message.

    Raises:
        TypeError: it is something else.
        ValueError: it is an empty text, or the address of a page.
    """
    return filepath if _is_file(filepath, "write", verb) else _path_of(filepath, verb)


def where_of(source: Path | BinaryIO) -> str:
    """What messages call it."""
    if isinstance(source, Path):
        return os.fspath(source)
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else f"<{type(source).__name__}>"


@contextlib.contextmanager
def opened_to_read(source: Path | BinaryIO) -> Iterator[BinaryIO]:
    """The source as an open file; closed afterwards only if it was opened here.

    Args:
        source: as of `source_of`.
    """
    if not isinstance(source, Path):
        yield source
        return
    with open(source, "rb", buffering=0) as file:
        yield file  # type: ignore[misc]


@contextlib.contextmanager
def opened_to_write(target: Path | BinaryIO) -> Iterator[BinaryIO]:
    """An empty file whose content becomes that of the target, when the block ends without an error.

    Args:
        target: as of `target_of`.

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


def _is_file(filepath: Any, method: str, verb: str) -> bool:
    if isinstance(filepath, io.TextIOBase):
        mode = {"read": "rb", "write": "wb"}[method]
        raise TypeError(f"{verb} takes a file that is open in binary mode: open(path, {mode!r}). Received: {describe(filepath)}.")
    return not isinstance(filepath, (str, os.PathLike)) and callable(getattr(filepath, method, None))


def _path_of(filepath: Any, verb: str) -> Path:
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
            f"{verb} opens files, no addresses. Received {text!r}. Write jkeras.utils.get_file(origin={text!r}) first."
        )
    return Path(filepath)
