"""`BatchDataset`: rows that are made when a batch is requested, in a new order for each epoch.

It has the methods of `tf.data` that scripts call on `image_dataset_from_directory(...)`: `map`, `take`, `cache`, `prefetch`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np

from jkeras._base.errors import unknown_name
from jkeras._base.types import Tree
from jkeras.data.py_dataset import PyDataset
from jkeras.state.random import next_seed


def check_format(format: str) -> None:
    """Check the argument of this name: the library whose datasets Keras returns. Here it is a `BatchDataset` that grain takes.

    Raises:
        ValueError: `"grain"`, with what to write instead; or another name.
    """
    if format == "grain":
        raise ValueError("The dataset is a source for grain as it is. Write grain.MapDataset.source(dataset), without format.")
    if format != "tf":
        raise unknown_name("format", format, ("tf", "grain"))


class BatchDataset(PyDataset):
    """Batches of a function of row numbers.

    Args:
        make: returns the batch for an array of row numbers.
        rows: how many there are.
        batch_size: rows in a batch; the last may be shorter.
        shuffle: whether each epoch has its own order.
        seed: of the orders; by default from the global stream.
        names: further attributes, such as `class_names`.

    Example:
        >>> data = BatchDataset(lambda rows: rows * 10, rows=3, batch_size=2)
        >>> [batch.tolist() for batch in data.map(lambda x: x + 1)]
        [[1, 11], [21]]
    """

    def __init__(
        self,
        make: Callable[[np.ndarray], Tree],
        rows: int,
        batch_size: int,
        shuffle: bool = False,
        seed: int | None = None,
        **names: object,
    ):
        super().__init__()
        self._make, self.rows, self.batch_size, self.shuffles = make, rows, batch_size, shuffle
        self._seed = (next_seed() if seed is None else int(seed)) if shuffle else 0
        self._epoch = 0
        self._limit: int | None = None
        vars(self).update(names)

    def __len__(self) -> int:
        count = -(-self.rows // self.batch_size)
        return count if self._limit is None else min(count, self._limit)

    def __getitem__(self, index: int) -> Tree:
        """Batch number `index` of the current epoch."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"There are {len(self)} batches, and none with the number {index}.")
        rng = np.random.default_rng((self._seed, self._epoch))
        order = rng.permutation(self.rows) if self.shuffles else np.arange(self.rows)
        index %= len(self)
        return self._make(order[index * self.batch_size : (index + 1) * self.batch_size])

    def on_epoch_end(self) -> None:
        """The next epoch has another order."""
        self._epoch += 1

    def map(
        self, function: Callable[..., object], num_parallel_calls: object = None, deterministic: object = None
    ) -> BatchDataset:
        """The dataset with a function applied to each batch; the parts of a tuple become its arguments.

        Args:
            function: of NumPy arrays.
            num_parallel_calls, deterministic: as in tf.data, without effect; `workers` is how many batches to make at a time.
        """
        view, make = copy.copy(self), self._make

        def mapped(rows: np.ndarray) -> Tree:
            batch = make(rows)
            return function(*batch) if isinstance(batch, tuple) else function(batch)

        view._make = mapped
        return view

    def take(self, count: int) -> BatchDataset:
        """The first batches of each epoch."""
        view = copy.copy(self)
        view._limit = count if self._limit is None else min(count, self._limit)
        return view

    def cache(self, filename: object = None) -> BatchDataset:
        """The dataset itself, as a method of tf.data: nothing is cached."""
        return self

    def prefetch(self, buffer_size: object = None) -> BatchDataset:
        """The dataset itself: `fit` always prepares batches ahead."""
        return self

    def shuffle(
        self, buffer_size: object = None, seed: int | None = None, reshuffle_each_iteration: object = None
    ) -> BatchDataset:
        """The dataset with a new order of its rows in each epoch, shuffled as a whole rather than within a buffer."""
        view = copy.copy(self)
        view.shuffles, view._seed = True, next_seed() if seed is None else int(seed)
        return view
