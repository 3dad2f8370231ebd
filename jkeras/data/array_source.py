"""`ArraySource`: data that fit in memory.

An epoch is a list of row numbers, `order(epoch, seed)`, cut into batches. The engine may put `arrays` on the device once and
gather there; `batches` does the same on the host. The last batch keeps what is left over.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import jax
import numpy as np

from jkeras._base.types import Tree
from jkeras.data.arrays import common_length, spec_of
from jkeras.data.later_rows import read_at_random
from jkeras.data.sample_weights import per_output
from jkeras.data.source import Batch, Source, epoch_range, generator, warn_ran_out


class ArraySource(Source):
    """Batches of arrays.

    Args:
        x: inputs, an array or a nest of arrays.
        y: targets, or None.
        sample_weight: weights, `None`, one array, or a nest like `y`.
        batch_size: rows per batch; None takes 32, or with `steps` as many as make `steps` batches.
        shuffle: True draws a new order of rows for every epoch; `"batch"` keeps batches together and draws their order (the short
            last one stays last); False keeps the order.
        steps: batches of an epoch; None for one pass.

    Example:
        >>> source = ArraySource(np.arange(5), batch_size=2)
        >>> [x.tolist() for x, y, w in source.batches()]
        [[0, 1], [2, 3], [4]]
    """

    num_samples: int
    batch_size: int

    def __init__(
        self,
        x: Tree,
        y: Tree = None,
        sample_weight: Tree = None,
        *,
        batch_size: int | None = None,
        shuffle: bool | str = False,
        steps: int | None = None,
    ):
        sample_weight = per_output(y, sample_weight)
        self.num_samples = common_length(x, y, sample_weight)
        self.arrays: Batch = (x, y, sample_weight)
        self.batch_size = batch_size or (-(-self.num_samples // steps) if steps else 32)
        self.shuffle = shuffle
        self.steps = steps
        self._drawn: tuple[tuple[int, int], np.ndarray] | None = None
        self.total_batches = -(-self.num_samples // self.batch_size)

    @property
    def num_batches(self) -> int:
        """Batches of an epoch."""
        return min(self.steps or self.total_batches, self.total_batches)

    def look(self) -> tuple[Batch, int]:
        """Shapes and dtypes of one batch, and how many rows the first one has."""
        return spec_of(self.arrays), min(self.batch_size, self.num_samples)

    def order(self, epoch: int = 0, seed: int = 0) -> np.ndarray:
        """The row numbers of an epoch in order, a function of `(epoch, seed)` alone; warns where the data end before `steps`."""
        number, first, last = epoch_range(epoch, self.steps, self.total_batches)
        if self.steps is not None and last - first < self.steps:
            warn_ran_out(last - first, self.steps)
        return self._pass_order(number, seed)[first * self.batch_size : last * self.batch_size]

    def _pass_order(self, number: int, seed: int) -> np.ndarray:
        if self._drawn is not None and self._drawn[0] == (number, seed):
            return self._drawn[1]
        order = self._draw(number, seed)
        if self.steps is not None and self.shuffle:  # the next epoch goes on in the same order
            order.flags.writeable = False
            self._drawn = (number, seed), order
        return order

    def _draw(self, number: int, seed: int) -> np.ndarray:
        rows = np.arange(self.num_samples, dtype=np.int32 if self.num_samples < 2**31 else np.int64)
        if self.shuffle == "batch":
            full = self.num_samples // self.batch_size * self.batch_size
            blocks = rows[:full].reshape(-1, self.batch_size)
            return np.concatenate([generator(seed, number).permutation(blocks).reshape(-1), rows[full:]])
        return generator(seed, number).permutation(rows) if self.shuffle else rows

    def batches(self, epoch: int = 0, seed: int = 0, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch from number `start` on."""
        order = self.order(epoch, seed)
        with self.reading():
            for at in range(start * self.batch_size, len(order), self.batch_size):
                rows = order[at : at + self.batch_size]
                # Rows in sequence are a slice: a view, with nothing copied.
                index = rows if self.shuffle else slice(int(rows[0]), int(rows[-1]) + 1)
                yield jax.tree_util.tree_map(lambda a, index=index: a[index], self.arrays)

    def reading(self) -> contextlib.AbstractContextManager[None]:
        """The block in which an epoch is read: files hear of an order at random."""
        return read_at_random(self.arrays) if self.shuffle is True else contextlib.nullcontext()
