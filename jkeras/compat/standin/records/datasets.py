"""`tf.data.TFRecordDataset`: the records of files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jkeras.compat.standin.data.dataset import Dataset
from jkeras.compat.standin.records.files import checked_kind, paths_in, records_of
from jkeras.compat.standin.tensor_spec import TensorSpec

__all__ = ["TFRecordDataset"]


def TFRecordDataset(
    filenames: Any,
    compression_type: str | None = None,
    buffer_size: int | None = None,
    num_parallel_reads: int | None = None,
    name: object = None,
) -> Dataset:
    """The records of TFRecord files as texts, one file after the other.

    Args:
        filenames: a path, several, or a dataset of paths.
        compression_type: `"GZIP"`, `"ZLIB"`, or None.
        buffer_size, num_parallel_reads, name: have no effect.

    Raises:
        ValueError: there is no such compression.
        OSError: a file is damaged, once it is read.
    """
    kind = checked_kind(compression_type)

    def records() -> Iterator[bytes]:
        names = filenames.as_numpy_iterator() if isinstance(filenames, Dataset) else paths_in(filenames)
        for path in names:
            yield from records_of(path, kind)

    return Dataset.from_generator(records, output_signature=TensorSpec((), "string"))
