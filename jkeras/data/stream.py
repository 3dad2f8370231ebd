"""Streams: a background thread makes the batches of generators, datasets and loaders a few ahead of the computation.

The thread runs the user's code, checks each batch and starts its copy to the device. What it raises is raised in the thread that
trains. When the epoch ends, early or not, the thread is told to stop and is waited for.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from jkeras.data.feed import Block, to_device
from jkeras.data.source import Source

_AHEAD = 2
_PATIENCE = 10.0  # seconds to wait for a user's code that was told to stop
_WAITING = """The data are still busy {seconds:.0f} s after the run has ended; their thread goes on in the background until the
batch that it works on is done."""


class StreamFeed:
    """Blocks of one batch each, made in a thread.

    Args:
        source: batches in their own order.
        check: called with `(x, y, sample_weight)` of each batch.

    Example:
        >>> from jkeras.data.iterable_source import IterableSource
        >>> feed = StreamFeed(IterableSource([[[1.0], [2.0]], [[3.0]]]))
    """

    capacity = 1
    on_device = False

    def __init__(self, source: Source, check: Callable[..., None] = lambda *batch: None):
        self.source, self.check = source, check
        self._size = 0

    def blocks(self, epoch: int = 0, seed: int = 0, start: int = 0) -> Iterator[Block]:
        """The batches of an epoch from number `start` on, as they come."""
        return self._run(self.source.batches(epoch, seed, start), padded=False)

    def padded_blocks(self) -> Iterator[Block]:
        """The batches of one pass, each padded with its first row to the size of the largest before it."""
        return self._run(self.source.batches(), padded=True)

    def _run(self, batches: Iterator[Any], padded: bool) -> Iterator[Block]:
        ready: queue.Queue[Any] = queue.Queue(_AHEAD)
        stop = threading.Event()

        def put(item: Any) -> bool:
            while not stop.is_set():
                with contextlib.suppress(queue.Full):
                    ready.put(item, timeout=0.1)
                    return True
            return False

        def work() -> None:
            try:
                with contextlib.closing(batches):  # type: ignore[type-var]
                    for batch in batches:
                        self.check(*batch)
                        if not put(self._block(batch, padded)):
                            return
                put(None)
            except BaseException as error:
                put(error)

        thread = threading.Thread(target=work, name="jkeras-data", daemon=True)
        thread.start()
        try:
            while (item := ready.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            stop.set()
            thread.join(_PATIENCE)
            if thread.is_alive():
                warnings.warn(_WAITING.format(seconds=_PATIENCE), stacklevel=2)

    def _block(self, batch: Any, padded: bool) -> Block:
        rows = jax.tree.leaves(batch)[0].shape[0]
        self._size = max(self._size, rows)
        missing = self._size - rows if padded else 0

        def stack(array: Any) -> Any:
            if missing:
                array = np.asarray(array)
                array = np.concatenate([array, np.repeat(array[:1], missing, axis=0)])
            return array[None]

        return Block(to_device(jax.tree.map(stack, batch)), 1, rows)
