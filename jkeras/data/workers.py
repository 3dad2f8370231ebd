"""Items made by several workers and handed out in order.

Threads serve datasets that wait for files or release the interpreter lock. Processes are spawned, because a fork
of a process that runs JAX may deadlock. Reading a batch of files is cut finer, one task for each file, and all readers share the
threads of one pool.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import weakref
from collections import deque
from collections.abc import Callable, Generator, Iterable
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
        dataset: anything with `__getitem__`; picklable where `processes` is set. One with a method `__jkeras_in_order__(indices)`
            makes items ahead itself, where nobody asks for workers.
        indices: which items; may be endless.
        workers: how many work at the same time; 0 or 1 without `processes` makes the items in the calling thread.
        processes: use processes rather than threads.
        ahead: the most items that wait ready.
    """
    if workers <= 1 and not (processes and workers):
        in_order = getattr(dataset, "__jkeras_in_order__", None)
        yield from (dataset[i] for i in indices) if in_order is None else in_order(indices)
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


def in_threads(function: Callable[..., object], calls: Iterable[tuple[Any, ...]]) -> Callable[[], None]:
    """Begin calls in the threads that all readers of files share, one for each core.

    Args:
        function: what to call; it must not begin calls itself.
        calls: the arguments of each.

    Returns:
        A function that waits for all calls, and raises the error of the first that failed. Calls that have not begun are
        dropped once one has failed, and when the function is dropped.

    Example:
        >>> found = {}
        >>> wait = in_threads(found.__setitem__, [("a", 1), ("b", 2)])
        >>> wait()
        >>> sorted(found)
        ['a', 'b']
    """
    pool = _threads(os.getpid())
    begun = [pool.submit(function, *arguments) for arguments in calls]

    def wait() -> None:
        try:
            for one in begun:
                one.result()
        finally:
            _cancel(begun)

    weakref.finalize(wait, _cancel, begun)
    return wait


def _cancel(begun: list[futures.Future[object]]) -> None:
    """Drop the calls that no thread has begun."""
    for one in begun:
        one.cancel()


@functools.cache
def _threads(process: int) -> futures.Executor:
    """The threads of a process; one that was forked has none of its parent's and starts its own."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return futures.ThreadPoolExecutor(cores, thread_name_prefix="jkeras-files")
