"""CIFAR's binary version: fixed-size records of label bytes and 3,072 pixel bytes, channel after channel.

| data set  | a record                                             | bytes |
|-----------|------------------------------------------------------|-------|
| CIFAR-10  | label (0..9), 1024 red, 1024 green, 1024 blue        | 3,073 |
| CIFAR-100 | coarse label (0..19), fine label (0..99), the pixels | 3,074 |

Unlike Keras, which reads the pickled Python version, this reads the binary one: the images are the same, without unpickling.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from jkeras._base.config import image_data_format
from jkeras.datasets._cache import Split, damaged, datasets_folder, obtain, unpack_members

_PIXELS = 3 * 32 * 32


@dataclasses.dataclass(frozen=True)
class Archive:
    """Where a binary version comes from, and the names of its files."""

    folder: str  # in the cache and in the archive
    name: str
    url: str
    md5: str  # the only hash that the publisher provides
    train: tuple[str, ...]
    test: tuple[str, ...]


def load_splits(archive: Archive, label_bytes: int, column: int, classes: int) -> tuple[Split, Split]:
    """Images and labels of the train and test files, unpacked from the archive (downloaded if necessary) if some are missing.

    Args:
        archive: where the files are.
        label_bytes: number of label bytes before the pixels of a record.
        column: which of these bytes is the label.
        classes: how many classes there are.

    Returns:
        uint8 images, `(n, 32, 32, 3)` or with `image_data_format() == "channels_first"` `(n, 3, 32, 32)`; uint8 labels `(n, 1)`.

    Raises:
        ValueError: a file does not consist of such records.
    """
    folder = datasets_folder() / archive.folder
    paths = {f"{archive.folder}/{file}": folder / file for file in (*archive.train, *archive.test)}
    missing = {member: path for member, path in paths.items() if not path.is_file()}
    if missing:
        unpack_members(obtain(archive.name, archive.url, archive.md5), missing)
    train, test = ([folder / file for file in files] for files in (archive.train, archive.test))
    return _split_of(train, label_bytes, column, classes), _split_of(test, label_bytes, column, classes)


def _split_of(paths: list[Path], label_bytes: int, column: int, classes: int) -> Split:
    records = np.concatenate([_records_of(path, label_bytes, column, classes) for path in paths])
    images = records[:, label_bytes:].reshape(-1, 3, 32, 32)
    if image_data_format() == "channels_last":
        images = images.transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), records[:, column : column + 1].copy()


def _records_of(path: Path, label_bytes: int, column: int, classes: int) -> np.ndarray:
    data, size = np.fromfile(path, np.uint8), label_bytes + _PIXELS
    if data.size == 0 or data.size % size:
        raise damaged(path, f"it has {data.size:,} bytes, expected a positive multiple of {size:,}")
    records = data.reshape(-1, size)
    largest = records[:, column].max()
    if largest >= classes:
        raise damaged(path, f"it holds the label {largest}, expected labels below {classes}")
    return records
