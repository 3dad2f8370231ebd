"""Streams: a background thread makes the batches of generators, datasets and loaders while the computation runs.

The thread runs the user's code, checks each batch and copies it into a batch stack, or to the accelerator, before it asks for the
next one, because many generators fill the same array for every batch; only where a source makes new ones (`fresh`), and a batch
fills a stack, is it the stack. The computation takes whatever is ready, one batch or a
few: it never waits while it has something to do, and where it is the slower side, a dispatch holds several batches. Errors of the
thread are raised in the thread that trains. When the epoch ends, early or not, the thread is told to stop and joined.
"""

from __future__ import annotations

import contextlib
import threading
import warnings
from collections.abc import Callable, Generator
from typing import TypeAlias

import jax
import numpy as np

from jkeras._base import processes
from jkeras._base.aligned import aligned_empty, is_aligned
from jkeras._base.types import Batch, Tree
from jkeras.data.array_stacker import ArrayStacker, BatchStack, batches_per_stack, bytes_of, default_device, to_device
from jkeras.data.source import Source, naming
from jkeras.state.placement import Placement

# Batches of a stack on a CPU, where a dispatch costs as much as a small step. More would let a stream read outdated weights.
_MOST_BATCHES = 8
_PATIENCE = 10.0  # seconds to wait for a user's code that was told to stop
_WAITING = """The data source is still busy {seconds:.0f} s after the run has ended. Its thread finishes the current batch in the
background."""


class StreamStacker:
    """Stacks of the batches of a source, made in a thread.

    Args:
        source: batches in their own order.
        check: called with `(x, y, sample_weight)` of each batch.
        beside: shapes of what the program keeps beside each batch, such as its outputs.
        placement: where the rows of batches lie; None for one device.

    Example:
        >>> from jkeras.data.iterable_source import IterableSource
        >>> stacker = StreamStacker(IterableSource([np.zeros((2, 1)), np.zeros((1, 1))]))
        >>> [stack.rows for stack in stacker.stacks()]
        [2, 1]
    """

    on_device = False

    def __init__(
        self,
        source: Source,
        check: Callable[..., None] = lambda *batch: None,
        beside: Tree = None,
        placement: Placement | None = None,
    ):
        self.source, self.check, self.placement = source, check, placement
        self._in_parts = placement is not None and placement.parts and processes.several()
        self._beside = bytes_of(beside)
        self._size = 0

    def stacks(self, epoch: int = 0, seed: int = 0, start: int = 0) -> Generator[BatchStack]:
        """The batches of an epoch from number `start` on, as they come."""
        return self._run(epoch, seed, start, padded=False)

    def padded_stacks(self) -> Generator[BatchStack]:
        """The batches of one pass, each padded with its first row to the size of the largest before it."""
        return self._run(0, 0, 0, padded=True)

    def _run(self, epoch: int, seed: int, start: int, padded: bool) -> Generator[BatchStack]:
        self.source.begin_epoch()
        batches = self.source.batches(epoch, seed, start)
        handover = _Handover(self.source.fresh)

        def work() -> None:
            try:
                with contextlib.closing(batches):  # type: ignore[type-var]
                    for number, batch in enumerate(batches, start):
                        with naming(f"batch {number} of the epoch"):
                            self.check(*batch)
                        if not handover.put(*self._ready(batch, padded)):
                            return
                handover.end()
            except BaseException as error:
                handover.end(error)

        thread = threading.Thread(target=work, name="jkeras-data", daemon=True)
        thread.start()
        try:
            while (stack := handover.take()) is not None:
                if self._in_parts:  # unequal parts would be different programs, each of which waits for the other
                    processes.check_same("rows in their parts of a batch", stack.rows)
                yield stack
        finally:
            handover.stop()
            thread.join(_PATIENCE)
            if thread.is_alive():
                warnings.warn(_WAITING.format(seconds=_PATIENCE), stacklevel=2)
        self.source.end_epoch()

    def _ready(self, batch: Batch, padded: bool) -> tuple[Batch, int, int]:
        """A batch as a stack of one, its rows of data, and how many such batches make a stack."""
        rows = jax.tree.leaves(batch)[0].shape[0]
        self._size = max(self._size, rows)
        missing = self._size - rows if padded else 0
        if missing:
            batch = jax.tree.map(lambda array: np.concatenate([array, np.repeat(array[:1], missing, axis=0)]), batch)
        if self.placement is not None:
            stack = jax.tree.map(lambda array: np.array(array)[None], batch)
            return (self.placement.put_parts if self._in_parts else self.placement.put_stack)(stack), rows, 1
        platform = default_device().platform
        if platform != "cpu":
            return jax.block_until_ready(to_device(jax.tree.map(lambda array: array[None], batch))), rows, 1
        batch = jax.tree.map(lambda array: np.asarray(array)[None], batch)
        return batch, rows, min(_MOST_BATCHES, batches_per_stack(bytes_of(batch) + self._beside, platform))


Stacker: TypeAlias = ArrayStacker | StreamStacker


class _Handover:
    """What lies between the two threads: a stack of batches of one shape, of which only the last is padded.

    Args:
        fresh: whether a batch may be used as it is.
    """

    def __init__(self, fresh: bool = False) -> None:
        self._fresh = fresh
        self._changed = threading.Condition()
        self._stack: Batch = (None, None, None)
        self._batches = self._rows = self._room = 0
        self._shape: Tree = None
        self._stopped = self._ended = False
        self._error: BaseException | None = None

    def put(self, batch: Batch, rows: int, capacity: int) -> bool:
        """Wait until a batch fits in, and add it; False where the run has ended."""
        leaves, structure = jax.tree.flatten(batch)
        shape = structure, [(leaf.shape, leaf.dtype) for leaf in leaves]
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or not self._batches or (self._room and shape == self._shape))
            if self._stopped:
                return False
            if not self._batches:
                self._shape, self._room, self._rows = shape, capacity, 0
                self._stack = jax.tree.map(lambda array: _empty_stack(array, capacity, self._fresh), batch)
            for room, array in zip(jax.tree.leaves(self._stack), leaves):
                if room is not array:
                    room[self._batches] = array[0]
            self._batches += 1
            self._rows += rows
            self._room = self._room - 1 if rows == leaves[0].shape[1] else 0
            self._changed.notify_all()
        return True

    def end(self, error: BaseException | None = None) -> None:
        """No batch follows."""
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()

    def stop(self) -> None:
        """No batch is wanted any more."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def take(self) -> BatchStack | None:
        """Wait for a batch and take all that are ready; None at the end.

        Raises:
            BaseException: the one that ended the other thread.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._batches or self._ended)
            if self._batches:
                stack, self._batches = BatchStack(self._stack, self._batches, self._rows), 0
                self._changed.notify_all()
                return stack
        if self._error is not None:
            raise self._error
        return None


def _empty_stack(batch: Tree, capacity: int, fresh: bool) -> Tree:
    """Room for batches like this one of shape `(1, ...)`; one on the device, or a fresh one that fills it, is its own stack."""
    ready = isinstance(batch, jax.Array) or (fresh and capacity == 1 and is_aligned(batch))
    return batch if ready else aligned_empty((capacity, *batch.shape[1:]), batch.dtype)
