"""`tf.io.gfile`: the file system, as Python has it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

from jkeras.compat.standin.files import matching_files, path_of

__all__ = [
    "Exists",
    "FastGFile",
    "GFile",
    "Glob",
    "IsDirectory",
    "ListDirectory",
    "MakeDirs",
    "Open",
    "copy",
    "exists",
    "get_registered_schemes",
    "glob",
    "isdir",
    "join",
    "listdir",
    "makedirs",
    "mkdir",
    "remove",
    "rename",
    "rmtree",
    "stat",
    "walk",
]


def GFile(name: Any, mode: str = "r") -> Any:
    """An open file; text is UTF-8."""
    return open(path_of(name), mode, encoding=None if "b" in mode else "utf-8")


def exists(path: Any) -> bool:
    """Whether there is a file or a folder."""
    return os.path.exists(path_of(path))


def get_registered_schemes() -> list[str]:
    """What may stand before `://` in a name: nothing, since all files are the machine's own."""
    return [""]


def isdir(path: Any) -> bool:
    """Whether there is a folder."""
    return os.path.isdir(path_of(path))


def glob(pattern: Any) -> list[str]:
    """The paths that match a pattern, or several, sorted."""
    return [path.decode() for path in matching_files(pattern).numpy()]


def listdir(path: Any) -> list[str]:
    """The names in a folder."""
    return os.listdir(path_of(path))


def makedirs(path: Any) -> None:
    """Make a folder and those above it, where they are missing."""
    os.makedirs(path_of(path), exist_ok=True)


def mkdir(path: Any) -> None:
    """Make a folder."""
    os.mkdir(path_of(path))


def remove(path: Any) -> None:
    """Delete a file."""
    os.remove(path_of(path))


def rmtree(path: Any) -> None:
    """Delete a folder and all that is in it."""
    shutil.rmtree(path_of(path))


def rename(src: Any, dst: Any, overwrite: bool = False) -> None:
    """Give a file another name.

    Raises:
        FileExistsError: there is a file of this name, and `overwrite` is False.
    """
    _check_free(dst, overwrite)
    os.replace(path_of(src), path_of(dst))


def copy(src: Any, dst: Any, overwrite: bool = False) -> None:
    """Copy a file; errors as for `rename`."""
    _check_free(dst, overwrite)
    shutil.copyfile(path_of(src), path_of(dst))


def _check_free(path: Any, overwrite: bool) -> None:
    if not overwrite and os.path.exists(path_of(path)):
        raise FileExistsError(f"{path_of(path)} exists already. Write overwrite=True to replace it.")


def walk(top: Any, topdown: bool = True) -> Iterator[tuple[str, list[str], list[str]]]:
    """Each folder below one, with the names of its folders and files."""
    return os.walk(path_of(top), topdown)


def stat(path: Any) -> os.stat_result:
    """Size and times of a file."""
    return os.stat(path_of(path))


def join(path: Any, *paths: Any) -> str:
    """Parts of a path, joined."""
    return os.path.join(path_of(path), *map(path_of, paths))


Open = FastGFile = GFile
Exists, Glob, IsDirectory, ListDirectory, MakeDirs = exists, glob, isdir, listdir, makedirs
