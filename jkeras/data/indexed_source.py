"""`IndexedSource`: datasets that give batch number `i` on demand (`PyDataset`, Keras' `Sequence`, grain's `MapDataset`).

Batches come in any order, so `shuffle` draws one per epoch from `(seed, epoch)`, and `start` costs nothing. Shapes are those of
item 0, which is made when the first epoch begins and kept until its turn: no item is made twice.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jax
import numpy as np

from jkeras._base.types import Batch, Tree
from jkeras.data.arrays import common_length, spec_of
from jkeras.data.batch_reader import BatchReader
from jkeras.data.source import Source, epoch_range, generator, naming, warn_ran_out
from jkeras.data.workers import ordered_items


class IndexedSource(Source):
    """Batches of an object with `__getitem__` and `__len__`.

    Args:
        dataset: `dataset[i]` is a whole batch, `len(dataset)` or `dataset.num_batches` their number (None: endless).
        shuffle: draw a new order of the batches for every epoch.
        steps: batches of an epoch; None for all.
        read: makes a batch of what the data yield; None takes arrays and weights as they are.

    Example:
        >>> class Two:
        ...     def __len__(self):
        ...         return 2
        ...     def __getitem__(self, i):
        ...         return [float(i)], [i]
        >>> [(x.tolist(), y.tolist()) for x, y, w in IndexedSource(Two()).batches()]
        [([0.0], [0]), ([1.0], [1])]
    """

    def __init__(self, dataset: Any, *, shuffle: bool | str = False, steps: int | None = None, read: BatchReader | None = None):
        self.dataset, self.shuffle, self.steps = dataset, shuffle, steps
        self.read = read or BatchReader()
        self.fresh = bool(getattr(dataset, "__jkeras_fresh__", False))
        self._first: Batch | None = None  # item 0, made for its shapes and not used yet
        self._begun = False  # whether `on_epoch_begin` was called for an epoch whose batches were not asked for yet

    @property
    def total_batches(self) -> int | None:
        """Batches of the whole dataset, which may change in `on_epoch_end`; None where it is endless."""
        return self.dataset.num_batches if hasattr(self.dataset, "num_batches") else len(self.dataset)

    @property
    def num_batches(self) -> int | None:
        """Batches of an epoch."""
        known = [n for n in (self.steps, self.total_batches) if n is not None]
        return min(known, default=None)

    def look(self) -> tuple[Batch, int]:
        """Shapes, dtypes and rows of batch 0. The first epoch begins with it."""
        self.begin_epoch()
        self._check_total()
        # Copied, because a dataset may fill the same arrays again for every item.
        self._first = first = jax.tree.map(np.array, self._read(0, lambda: self.dataset[0]))
        return spec_of(first), common_length(*first)

    def indices(self, epoch: int = 0, seed: int = 0) -> Iterable[int]:
        """The batch numbers of an epoch in their order; warns where the dataset ends before `steps`."""
        total = self._check_total()
        if total is None:
            first = epoch * (self.steps or 0)
            return itertools.count(first) if self.steps is None else range(first, first + self.steps)
        number, first, last = epoch_range(epoch, self.steps, total)
        if self.steps is not None and last - first < self.steps:
            warn_ran_out(last - first, self.steps)
        order = generator(seed, number).permutation(total).tolist() if self.shuffle else range(total)
        return order[first:last]

    def batches(self, epoch: int = 0, seed: int = 0, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch from `start` on."""
        workers = getattr(self.dataset, "workers", 1)
        processes, ahead = getattr(self.dataset, "use_multiprocessing", False), getattr(self.dataset, "max_queue_size", 10)
        first, self._first, self._begun = self._first, None, False
        wanted, all_wanted = itertools.tee(itertools.islice(self.indices(epoch, seed), start, None))
        missing = (i for i in wanted if i or first is None)
        with contextlib.closing(ordered_items(self.dataset, missing, workers, processes, ahead)) as items:
            for i in all_wanted:
                yield self._read(i, items.__next__) if i or first is None else first

    def begin_epoch(self) -> None:
        """Call the dataset's `on_epoch_begin`, unless the epoch has begun already, for its shapes."""
        if not self._begun:
            self._begun = True
            getattr(self.dataset, "on_epoch_begin", lambda: None)()

    def end_epoch(self) -> None:
        """Call the dataset's `on_epoch_end`."""
        getattr(self.dataset, "on_epoch_end", lambda: None)()

    def _check_total(self) -> int | None:
        total = self.total_batches
        if total == 0:
            raise ValueError(f"There is no data: {type(self.dataset).__name__} says that it has 0 batches.")
        return total

    def _read(self, index: int, make: Callable[[], Tree]) -> Batch:
        with naming(f"item {index} of the dataset {type(self.dataset).__name__}"):
            return self.read(make())
