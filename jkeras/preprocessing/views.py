"""`BatchDataset`: rows that are made when a batch is requested, in a new order for each epoch.

It has the methods of `tf.data` that scripts call on `image_dataset_from_directory(...)`: `map`, `take`, `cache`, `prefetch`.
Where rows can be made in threads of their own (`Begun`), those of the next batch are under way while one is used. The user's
functions run one after the other, in order.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Iterable, Iterator

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


class Begun:
    """A function of row numbers whose work goes on in other threads once it has begun.

    Args:
        begin: returns a function that waits for the batch; its arrays are new ones each time.

    Example:
        >>> make = Begun(lambda rows: lambda: rows + 1)
        >>> make(np.arange(2)).tolist()
        [1, 2]
    """

    def __init__(self, begin: Callable[[np.ndarray], Callable[[], Tree]]):
        self.begin = begin

    def __call__(self, rows: np.ndarray) -> Tree:
        """The batch."""
        return self.begin(rows)()


def in_order(make: Callable[[np.ndarray], Tree], wanted: Iterable[np.ndarray]) -> Iterator[Tree]:
    """The batches of the given rows; a `Begun` begins each before the one ahead of it is handed out.

    Args:
        make: returns the batch for an array of row numbers.
        wanted: the arrays.
    """
    if not isinstance(make, Begun):
        yield from map(make, wanted)
        return
    under_way: deque[Callable[[], Tree]] = deque()
    try:
        for rows in wanted:
            under_way.append(make.begin(rows))
            if len(under_way) > 1:
                yield under_way.popleft()()
        while under_way:
            yield under_way.popleft()()
    finally:
        under_way.clear()  # the traceback of an error would keep what nobody waits for under way


class BatchDataset(PyDataset):
    """Batches of a function of row numbers.

    Args:
        make: returns the batch for an array of row numbers; a `Begun` is asked for the next one ahead.
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
        self._functions: tuple[Callable[..., object], ...] = ()
        self._seed = (next_seed() if seed is None else int(seed)) if shuffle else 0
        self._epoch = 0
        self._limit: int | None = None
        self._drawn: tuple[tuple[int, int, bool], np.ndarray] | None = None  # an order, and what it was drawn from
        vars(self).update(names)

    def __len__(self) -> int:
        count = -(-self.rows // self.batch_size)
        return count if self._limit is None else min(count, self._limit)

    def __getitem__(self, index: int) -> Tree:
        """Batch number `index` of the current epoch."""
        return self._change(self._make(self._rows_of(index, self._order())))

    def __iter__(self) -> Iterator[Tree]:
        return self.__jkeras_in_order__(range(len(self)))

    def __jkeras_in_order__(self, indices: Iterable[int]) -> Iterator[Tree]:
        """The batches with these numbers, made ahead where that is possible."""
        order = self._order()
        rows = (self._rows_of(index, order) for index in indices)
        return map(self._change, in_order(self._make, rows))

    @property
    def __jkeras_fresh__(self) -> bool:
        """Whether nobody writes to the arrays of a batch any more."""
        return isinstance(self._make, Begun) and not self._functions

    def _order(self) -> np.ndarray:
        of = self._seed, self._epoch, self.shuffles
        if self._drawn is None or self._drawn[0] != of:
            rng = np.random.default_rng(of[:2])
            order = rng.permutation(self.rows) if self.shuffles else np.arange(self.rows)
            order.flags.writeable = False
            self._drawn = of, order
        return self._drawn[1]

    def _rows_of(self, index: int, order: np.ndarray) -> np.ndarray:
        if not -len(self) <= index < len(self):
            raise IndexError(f"There are {len(self)} batches, and none with the number {index}.")
        index %= len(self)
        return order[index * self.batch_size : (index + 1) * self.batch_size]

    def _change(self, batch: Tree) -> Tree:
        """A batch as the functions of `map` make it."""
        for function in self._functions:
            batch = function(*batch) if isinstance(batch, tuple) else function(batch)
        return batch

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
        view = copy.copy(self)
        view._functions = (*self._functions, function)
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
