"""Items made by several workers and handed out in order.

Threads serve datasets that wait for files or release the interpreter lock. Processes are spawned, because a fork
of a process that runs JAX may deadlock.
"""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Generator, Iterable
from concurrent import futures
from itertools import islice
from typing import Any

from jkeras._base.types import Tree

_dataset: Any = None  # in a worker process: the dataset it makes items of


def _adopt(dataset: object) -> None:
    global _dataset
    _dataset = dataset


def _item(index: int) -> Tree:
    return _dataset[index]


def ordered_items(dataset: Any, indices: Iterable[int], workers: int, processes: bool, ahead: int) -> Generator[Tree]:
    """`dataset[i]` for each index, in order, up to `ahead` of them in advance.

    Args:
        dataset: anything with `__getitem__`; picklable where `processes` is set.
        indices: which items; may be endless.
        workers: how many work at the same time; 0 or 1 without `processes` makes the items in the calling thread.
        processes: use processes rather than threads.
        ahead: the most items that wait ready.
    """
    if workers <= 1 and not (processes and workers):
        yield from (dataset[i] for i in indices)
        return
    indices = iter(indices)
    pool: futures.Executor
    if processes:
        pool = futures.ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_adopt, initargs=(dataset,))
    else:
        pool = futures.ThreadPoolExecutor(workers, thread_name_prefix="dataset")
    make = _item if processes else dataset.__getitem__
    try:
        waiting = deque(pool.submit(make, i) for i in islice(indices, max(ahead, workers)))
        while waiting:
            item = waiting.popleft().result()
            waiting.extend(pool.submit(make, i) for i in islice(indices, 1))
            yield item
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
