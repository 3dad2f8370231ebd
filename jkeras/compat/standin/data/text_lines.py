"""`tf.data.TextLineDataset`: the lines of text files."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from jkeras.compat.standin.data.dataset import Dataset
from jkeras.compat.standin.files import path_of
from jkeras.compat.standin.records.files import checked_kind, paths_in
from jkeras.compat.standin.tensor_spec import TensorSpec

__all__ = ["TextLineDataset"]

_OPENERS: dict[str, Callable[[str], bytes]] = {
    "": lambda path: _bytes(path),
    "GZIP": lambda path: gzip.decompress(_bytes(path)),
    "ZLIB": lambda path: zlib.decompress(_bytes(path)),
}


def TextLineDataset(
    filenames: Any,
    compression_type: str | None = None,
    buffer_size: int | None = None,
    num_parallel_reads: int | None = None,
    name: object = None,
) -> Dataset:
    """The lines of text files, one file after the other.

    Args:
        filenames: a path, several, or a dataset of paths.
        compression_type: `"GZIP"`, `"ZLIB"`, or None.
        buffer_size, num_parallel_reads, name: have no effect.

    Raises:
        ValueError: another compression.
    """
    kind = checked_kind(compression_type)

    def lines() -> Iterator[bytes]:
        names = filenames.as_numpy_iterator() if isinstance(filenames, Dataset) else paths_in(filenames)
        for path in names:
            yield from _OPENERS[kind](path_of(path)).splitlines()

    return Dataset.from_generator(lines, output_signature=TensorSpec((), "string"))


def _bytes(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
