"""Atomic writing: a reader sees the old file or the new one, never part of one.

The new content goes to a temporary name in the same folder, is forced to the disk, and then takes the place of the old file in
one step of the file system. A full disk, an exception or a kill at any moment leaves the old file whole; after an exception the
temporary file is removed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path

from jkeras._base.context import holding
from jkeras._base.processes import is_first

FilePath = str | os.PathLike[str]
_CANNOT_WRITE = """Cannot write {target}: {reason}. {state} Free space or choose another path if the disk is the reason."""
_NO_FOLDER = "Cannot make the folder {folder} for {target}: {reason}. Choose a path below a folder that you may write to."

_discarding = ContextVar("discarding", default=False)


def is_discarding() -> bool:
    """Whether what is written now is thrown away, because process 0 alone keeps files."""
    return _discarding.get()


@contextlib.contextmanager
def atomic_file(path: FilePath) -> Iterator[Path]:
    """Give a temporary path to write to; it becomes `path` when the block ends without an error.

    A missing folder is made. A link is followed: its target is replaced, not the link. Of several processes that work as one,
    all write, since their arrays are gathered as they do; what the others write goes to the folder for temporary files, and away:
    they may leave out the arrays (`is_discarding`).

    Args:
        path: the file to write.

    Yields:
        The path to write to, in the same folder; nothing is there yet. It keeps the suffix of `path`.

    Raises:
        OSError: the folder or the file cannot be written; the class is the system's (`PermissionError`, ...), the text names the
            file, and the old file is whole.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "runs" / "note.txt"
        >>> with atomic_file(target) as temporary:
        ...     _ = temporary.write_text("kept")
        >>> target.read_text(), [p.name for p in target.parent.iterdir()]
        ('kept', ['note.txt'])
    """
    target = _target_of(path)
    if target.is_dir():
        raise IsADirectoryError(f"Cannot write {target}: it is a folder. Give the path of a file.")
    if target.exists() and not os.access(target, os.W_OK):
        # A rename would replace even a read-only file, and whoever protected it does not want that.
        raise PermissionError(f"Cannot write {target}: the file is read-only. Choose another path, or make it writable.")
    temporary = _free_name(target)
    try:
        with holding(_discarding, not is_first()):
            yield temporary
        if is_first():
            flush(temporary)
            if target.exists():
                shutil.copymode(target, temporary)
            os.replace(temporary, target)
            flush(target.parent)
    except OSError as error:
        raise _explained(error, target) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(path: FilePath) -> Iterator[Path]:
    """Give a temporary folder to fill; it becomes `path` when the block ends without an error.

    A folder that was there before is moved aside first and removed last: these are two steps, so a kill between them leaves the
    old folder under its temporary name. An error moves it back.

    Args:
        path: the folder to write.

    Yields:
        An empty folder beside it.

    Raises:
        OSError: it cannot be written; the old folder is whole then.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "model"
        >>> with atomic_folder(target) as temporary:
        ...     _ = (temporary / "note.txt").write_text("kept")
        >>> [p.name for p in target.iterdir()], [p.name for p in target.parent.iterdir()]
        (['note.txt'], ['model'])
    """
    target = _target_of(path)
    if target.exists() and not target.is_dir():
        raise NotADirectoryError(f"Cannot write the folder {target}: there is a file of this name. Give another path.")
    temporary = _free_name(target)
    aside = _free_name(target)
    try:
        temporary.mkdir()
        with holding(_discarding, not is_first()):
            yield temporary
        if is_first():
            _replace_folder(temporary, target, aside)
    except OSError as error:
        raise _explained(error, target) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if target.exists():
            shutil.rmtree(aside, ignore_errors=True)


def _replace_folder(temporary: Path, target: Path, aside: Path) -> None:
    for item in (*temporary.rglob("*"), temporary):
        flush(item)
    if target.exists():
        os.rename(target, aside)
    try:
        os.rename(temporary, target)
    except OSError:
        if aside.exists():
            os.rename(aside, target)
        raise
    flush(target.parent)


def _target_of(path: FilePath) -> Path:
    """What a path leads to, in a folder that is made if it is missing; the error where it cannot be made names both."""
    target = Path(os.path.realpath(os.fspath(path)))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        text = _NO_FOLDER.format(folder=target.parent, target=target.name, reason=reason)
        raise type(error)(error.errno, text) from error
    return target


def flush(path: Path) -> None:
    """Force a file, or the names in a folder, to the disk.

    Args:
        path: what was written; folders are skipped where the system cannot do this.
    """
    try:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError:
        if not path.is_dir():  # Windows opens no folders
            raise


def _free_name(target: Path) -> Path:
    """An unused name beside the target: hidden, with the same suffix and the mode of new files."""
    folder = target.parent if is_first() else None
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.stem[:40]}-", suffix=f".tmp{target.suffix}", dir=folder)
    except OSError as error:
        raise _explained(error, target) from error
    os.close(handle)
    # The writer opens it again, so it gets the process' mode for new files; mkstemp's is 0600.
    os.unlink(name)
    return Path(name)


def _explained(error: OSError, target: Path) -> OSError:
    """The same error with a text that names the file and says what is there now."""
    reason = error.strerror or str(error)
    state = "The file that was there before is unchanged." if target.is_file() else "Nothing was written."
    text = _CANNOT_WRITE.format(target=target, reason=reason, state=state)
    try:
        return type(error)(error.errno, text)
    except TypeError:  # a subclass with a constructor of its own
        return OSError(error.errno, text)
