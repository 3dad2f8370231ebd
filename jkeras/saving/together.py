"""Arrays of a file, read by several threads.

What costs time is not the disk but the copy out of the system's cache into memory that was never touched. One thread does not
keep a memory busy, so a few share the work. Only arrays that lie in the file as they are wanted are read so; HDF5 itself serves
one thread at a time.
"""

from __future__ import annotations

import concurrent.futures
from collections.abc import Iterator, Sequence

import numpy as np

from jkeras.saving.hdf5_door import StoredArray
from jkeras.saving.stretch import THREADS

_LEAST = 8 << 20  # bytes that are worth a thread


def read_together(arrays: Sequence[StoredArray]) -> Iterator[np.ndarray]:
    """The numbers of arrays, one after the other; those behind are read meanwhile.

    Args:
        arrays: whose shapes are the expected ones.

    Yields:
        What `array.read(array.shape)` gives.

    Raises:
        FileFormatError: an array is damaged.
    """
    if THREADS == 1 or sum(array.bytes for array in arrays if array.direct) < _LEAST:
        for array in arrays:
            yield array.read(array.shape)
        return
    pool = concurrent.futures.ThreadPoolExecutor(THREADS, "arrays")
    try:
        # Memory of other threads comes from pools that are not given back as readily, so it is taken here.
        begun = [pool.submit(array.fill, array.empty()) if array.direct else None for array in reversed(arrays)]
        for array in arrays:
            future = begun.pop()
            yield array.read(array.shape) if future is None else array.finished(future.result())
    finally:
        pool.shutdown(cancel_futures=True)
