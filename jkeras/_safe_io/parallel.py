"""Reading the arrays of a file in several threads.

By hand, for speed: the cost is not the disk but the copy from the system's cache into memory that was never touched, and one
thread does not keep a memory busy. Only arrays that lie in the file exactly as they are wanted are read this way; HDF5 serves
one thread at a time.
"""

from __future__ import annotations

import concurrent.futures
from collections.abc import Iterator, Sequence

import numpy as np

from jkeras._safe_io.byte_range import THREADS
from jkeras._safe_io.stored_array import StoredArray

_LEAST = 8 << 20  # bytes that are worth a thread


def read_parallel(arrays: Sequence[StoredArray]) -> Iterator[np.ndarray]:
    """Yield what `array.read(array.shape)` returns for each array, in order; later ones are read meanwhile.

    Raises:
        FileFormatError: an array is damaged.
    """
    if THREADS == 1 or sum(array.bytes for array in arrays if array.direct) < _LEAST:
        for array in arrays:
            yield array.read(array.shape)
        return
    pool = concurrent.futures.ThreadPoolExecutor(THREADS, "arrays")
    try:
        # Memory that other threads allocate comes from pools that are not returned as readily, so it is allocated here.
        started = [pool.submit(array.fill, array.empty()) if array.direct else None for array in reversed(arrays)]
        for array in arrays:
            future = started.pop()
            yield array.read(array.shape) if future is None else array.finished(future.result())
    finally:
        pool.shutdown(cancel_futures=True)
