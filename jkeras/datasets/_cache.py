"""The cache folder of the data sets, and checks of its files.

A file in the cache is used whatever its hash, because a user or a mirror may hold only part of a data set; its arrays are checked
instead. Only a download must have the publisher's hash. Nothing is ever unpickled.
"""

from __future__ import annotations

import gzip
import os
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from jkeras._base.cache_folder import keras_home
from jkeras._base.download import atomic_write, download
from jkeras._base.errors import describe

Split = tuple[np.ndarray, np.ndarray]

_MEMBER_LIMIT = 1 << 28  # bytes; the largest file read from an archive has 1.54e8


def datasets_folder() -> Path:
    """`$KERAS_HOME/datasets` or `~/.keras/datasets`, looked up at each call."""
    return keras_home() / "datasets"


def obtain(path: str | os.PathLike[str], url: str, file_hash: str | None) -> Path:
    """The file at a path relative to the data set folder, downloaded first if it is missing."""
    place = datasets_folder() / Path(path).expanduser()
    return place if place.is_file() else download(url, place, file_hash)


def unpack_members(archive: Path, wanted: Mapping[str, Path]) -> None:
    """Write the regular files with exactly these member names to these paths; everything else in the archive is ignored.

    Raises:
        ValueError: the archive cannot be read, lacks a member, or has one of more than 256 MiB.
    """
    missing = set(wanted)
    try:
        with tarfile.open(archive, "r:*") as tar:
            for member in tar:
                right = member.name in missing and member.isreg() and 0 <= member.size <= _MEMBER_LIMIT
                source = tar.extractfile(member) if right else None
                if source is None:
                    continue
                with source, atomic_write(wanted[member.name]) as file:
                    shutil.copyfileobj(source, file)
                missing.remove(member.name)
                if not missing:
                    return
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise damaged(archive, f"it cannot be read as a tar archive ({error})") from error
    raise damaged(archive, f"it has no regular file {sorted(missing)[0]!r} of at most {_MEMBER_LIMIT:,} bytes")


def check_images(path: Path, images: np.ndarray, labels: np.ndarray, shape: tuple[int, ...]) -> Split:
    """The pair itself, if it holds uint8 images of a shape and as many uint8 labels."""
    right = images.dtype == labels.dtype == np.uint8 and images.shape[1:] == shape and labels.shape == images.shape[:1]
    if not right:
        text = ", ".join(map(str, shape))
        raise damaged(path, f"expected images uint8(n, {text}) and labels uint8(n,), received {describe((images, labels))}")
    return images, labels


def check_table(path: Path, x: np.ndarray, y: np.ndarray) -> Split:
    """The pair itself, if it holds rows of numbers and a number for each."""
    if x.dtype.kind not in "fiu" or y.dtype.kind not in "fiu" or x.ndim != 2 or y.shape != x.shape[:1]:
        raise damaged(path, f"expected rows (n, columns) and targets (n,), received {describe((x, y))}")
    return x, y


def read_arrays(path: Path, names: Sequence[str]) -> list[np.ndarray]:
    """Arrays of an .npz file by name.

    Raises:
        ValueError: it is not such a file, or lacks one of them.
    """
    # np.load would take a file that is not a zip for a pickle or a single array.
    if not zipfile.is_zipfile(path):
        raise damaged(path, "it is not an .npz file")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return [arrays[name] for name in names]
    except KeyError as error:
        raise damaged(path, f"expected the arrays {', '.join(names)}; {error.args[0]}") from error
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise damaged(path, str(error)) from error


def damaged(path: Path, reason: str) -> ValueError:
    """The error for an unusable file in the cache."""
    return ValueError(f"{path} cannot be used: {reason}. Delete it and call again to download it, or put the right file there.")
