"""`IterableSource`: iterables of batches, re-iterable ones (tf.data, torch and grain loaders) and generators.

A re-iterable starts over with every pass. A generator cannot be rewound: its batches continue from epoch to epoch. The first
batch is read to learn the shapes, and is not lost. `start` skips batches by reading them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from jkeras._base.errors import describe
from jkeras._base.types import Batch, Tree
from jkeras.data.arrays import common_length, spec_of
from jkeras.data.batch_reader import BatchReader
from jkeras.data.source import Source, naming, warn_ran_out


def known_length(data: Tree) -> int | None:
    """`len(data)`, or None where there is none (generators, tf.data of unknown size)."""
    try:
        return len(data)
    except TypeError:
        return None


def is_endless(data: Tree) -> bool:
    """Whether a source is known to be endless: `itertools.cycle` and its kind, tf.data after `repeat()`."""
    if isinstance(data, (itertools.cycle, itertools.count, itertools.repeat)):
        return True
    return callable(getattr(data, "cardinality", None)) and int(data.cardinality()) == -1


_ENDS_BEFORE = """fit(resume=True) skips the batches that the run has seen, but the data ended after {got} of {wanted}.
Pass data that start where those of the first run started."""


def _no_data(data: Tree) -> ValueError:
    return ValueError(
        f"There is no data: {describe(data)} yielded no batch. Was it used up before? Make a new one for this call."
    )


class IterableSource(Source):
    """Batches of an iterable or a generator.

    Args:
        data: yields `x`, `(x,)`, `(x, y)` or `(x, y, sample_weight)`, each a whole batch.
        steps: batches of an epoch; None for all until the end.
        read: makes a batch of what the data yield; None takes arrays and weights as they are.

    Example:
        >>> source = IterableSource((([float(i)],) for i in range(5)), steps=2)
        >>> [[x.tolist() for x, y, w in source.batches(epoch)] for epoch in range(2)]
        [[[0.0], [1.0]], [[2.0], [3.0]]]
    """

    def __init__(self, data: Tree, *, steps: int | None = None, read: BatchReader | None = None):
        self.data = data
        self.steps = steps
        self.read = read or BatchReader()
        self.one_pass = hasattr(data, "__next__")
        self._length = None if self.one_pass else known_length(data)
        self._items: Any = iter(data) if self.one_pass else None
        self._position = self._seen_before = 0
        self._ahead: list[object] = []  # at most one item, which `has_more` has read

    @property
    def num_batches(self) -> int | None:
        """`steps`, or the length; where the iterable does not know its length, it is known after the first pass."""
        known = [n for n in (self.steps, self._length) if n is not None]
        return min(known, default=None)

    def look(self) -> tuple[Batch, int]:
        """Shapes, dtypes and rows of the first batch, which is not lost."""
        items = self._items if self._items is not None else iter(self.data)
        with naming(self._place(0)):
            first = next(items, None)
        if first is None:
            raise _no_data(self.data)
        self._items = itertools.chain([first], items)
        self.bare_inputs = not isinstance(first, (list, tuple))
        batch = self._read(first, 0)
        return spec_of(batch), common_length(*batch)

    def has_more(self) -> bool:
        """Whether a generator has a batch left, which is not lost; what can be read again has."""
        if not self.one_pass or self._ahead:
            return True
        with naming(self._place(self._position)):
            self._ahead = [*itertools.islice(self._items, 1)]
        return bool(self._ahead)

    def seek(self, batches: int) -> None:
        """Skip this many batches before the next epoch, so that fresh data continue where the run stopped.

        Nothing is skipped where each epoch is a whole pass.

        Args:
            batches: how many the earlier epochs have seen.
        """
        self._seen_before = batches if self.one_pass or self.steps is not None else 0

    def batches(self, epoch: int = 0, seed: int = 0, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch from number `start` on; epoch 0 of a re-iterable always begins at its front.

        The order is the iterable's own; `seed` is ignored.
        """
        self._read_over()
        begun = self._position > 0  # a batch that was only read for its shapes does not count
        if self._items is None or (not self.one_pass and begun and (epoch == 0 or self.steps is None)):
            self._rewind()
        count = 0
        while self.steps is None or count < self.steps:
            try:
                item = self._next(first=not count)
            except StopIteration:
                self._end_of_data(count)
                return
            count += 1
            if count > start:
                yield self._read(item, self._position - 1)
        if not self.one_pass and self._position == self._length:
            self._items = None

    def _read_over(self) -> None:
        count, self._seen_before = self._seen_before, 0
        if count and self._items is None:
            self._rewind()
        for number in range(count):
            try:
                self._next(first=True)
            except StopIteration:
                raise ValueError(_ENDS_BEFORE.format(got=number, wanted=count)) from None

    def _rewind(self) -> None:
        self._items, self._position = iter(self.data), 0

    def _read(self, item: object, number: int) -> Batch:
        with naming(self._place(number)):
            return self.read(item)

    def _place(self, number: int) -> str:
        return f"batch {number} of {type(self.data).__name__} {getattr(self.data, '__name__', '')}".rstrip()

    def _next(self, first: bool) -> object:
        try:
            with naming(self._place(self._position)):
                item = self._ahead.pop() if self._ahead else next(self._items)
        except StopIteration:
            # An epoch that begins where the last pass ended begins the next pass.
            if not first or self.one_pass or not self._position:
                raise
            self._length = self._position
            self._rewind()
            item = next(self._items)
        self._position += 1
        return item

    def _end_of_data(self, count: int) -> None:
        if not self._position:
            raise _no_data(self.data)
        if count and self.steps is not None:  # who gets no batch says what that means
            warn_ran_out(count, self.steps)
        if not self.one_pass:
            self._length = self._position
            self._items = None
