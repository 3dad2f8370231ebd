"""`PyDataset`: a user's class that makes batch number `i` on demand, so that several workers may make them at the same time."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from jkeras._base.registry import export
from jkeras._base.types import Tree


@export("keras.utils.PyDataset", "keras.utils.Sequence")
class PyDataset:
    """Base class of datasets that give batch number `i` on demand.

    A subclass writes `__getitem__(i)`, which returns a whole batch `(x, y)`, and `__len__`, the number of batches.
    `on_epoch_begin` and `on_epoch_end` are called around each epoch.

    Args:
        workers: how many batches are made at the same time; 0 or 1 makes them one after the other.
        use_multiprocessing: make them in fresh processes rather than threads; the dataset must then be picklable.
        max_queue_size: how many batches may wait ready.

    Example:
        >>> class Squares(PyDataset):
        ...     def __len__(self):
        ...         return 2
        ...     def __getitem__(self, i):
        ...         return [i], [i**2]
        >>> list(Squares())
        [([0], [0]), ([1], [1])]
    """

    workers: int = 1
    use_multiprocessing: bool = False
    max_queue_size: int = 10

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10):
        self.workers = workers
        self.use_multiprocessing = use_multiprocessing
        self.max_queue_size = max_queue_size

    def __getitem__(self, index: int) -> Tree:
        """Batch number `index`, a whole batch; subclasses write it."""
        raise NotImplementedError(
            f"{type(self).__name__} must define `__getitem__(self, index)`, which returns a whole batch (x, y)."
        )

    def __iter__(self) -> Iterator[Tree]:
        try:
            count = self.num_batches
        except NotImplementedError:  # without `__len__` it is endless
            count = None
        return (self[i] for i in (itertools.count() if count is None else range(count)))

    @property
    def num_batches(self) -> int | None:
        """Batches of an epoch: `len(self)`; override it to return None for an endless dataset."""
        if hasattr(self, "__len__"):
            return len(self)
        raise NotImplementedError(f"{type(self).__name__} must define `__len__(self)`, the number of batches.")

    def on_epoch_begin(self) -> None:
        """Called before the first batch of every epoch."""

    def on_epoch_end(self) -> None:
        """Called after the last batch of every epoch, to reshuffle for example."""


Sequence = PyDataset
