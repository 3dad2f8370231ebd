"""How `fit`, `evaluate` and `predict` read a dataset.

Where an epoch is the same rows in some order, cut into batches, the rows are computed once and the run gets arrays: so it is with
arrays, functions of them without random draws, `shuffle` and `batch`. Everything else is a stream, whose batches are made in the
background, many at a time where the functions are compiled.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import jax
import numpy as np

from jkeras._base.types import Batch as Triple
from jkeras._base.types import Tree
from jkeras.compat.standin.data.batching import Batch
from jkeras.compat.standin.data.mapping import Map
from jkeras.compat.standin.data.node import INFINITE, Block, Node, Run, bytes_per_element, joined
from jkeras.compat.standin.data.ordering import Repeat, Shuffle
from jkeras.compat.standin.host_tensor import STRING
from jkeras.data.array_source import ArraySource
from jkeras.data.arrays import common_length, spec_of
from jkeras.data.batch import unpack_x_y_sample_weight
from jkeras.data.batch_reader import BatchReader
from jkeras.data.prepared import fits
from jkeras.data.source import Source, epoch_range, warn_ran_out
from jkeras.graph import Spec
from jkeras.state.random import stream_position

_MOST_BYTES = 1 << 30  # of rows that are computed at once and kept
_BLOCK_BYTES = 16 << 20
_MOST_BATCHES = 64  # made at a time
_EMPTY = "There is no data: the dataset is empty."


def source_of(node: Node, steps: int | None, read: BatchReader, call: int) -> Source:
    """The source of a dataset.

    Args:
        node: of the dataset.
        steps: batches of an epoch; None for one pass.
        read: makes a batch of what the dataset yields.
        call: number of this run among the passes over the dataset.
    """
    plan = _plan(node, steps)
    if plan is None or (read.prepare is not None and not fits(read.prepare, _inputs(node), plan.rows.cardinality)):
        return StreamOfBatches(node, steps, read, call)
    return OrderedRows(plan, steps, read, call)


def _inputs(node: Node) -> Tree:
    """Shapes and dtypes of the inputs in the batches of a dataset."""
    x, _, _ = unpack_x_y_sample_weight(node.spec)
    return jax.tree.map(lambda leaf: Spec((None, *leaf.sizes[1:]), leaf.dtype), x)


class _Plan(NamedTuple):
    """An epoch as rows in an order.

    Attributes:
        rows: the node that makes the rows, always the same.
        shuffle: the node that orders them; None where they stay in order.
        maps: functions between the two and the batches, the first one first.
        batch: the node that cuts them.
        repeated: whether passes follow each other without end.
    """

    rows: Node
    shuffle: Shuffle | None
    maps: tuple[Map, ...]
    batch: Batch
    repeated: bool


def _plan(node: Node, steps: int | None) -> _Plan | None:
    """How a pipeline is rows in an order; None where it is not, or where they are too many."""
    repeated = isinstance(node, Repeat) and node.count == INFINITE
    if repeated:
        node = node.parents[0]
    if not isinstance(node, Batch):
        return None
    batch, node = node, node.parent
    maps: list[Map] = []
    below = node
    while isinstance(below, Map) and below.parent.ahead and below.traced and not below.function.draws:
        maps.insert(0, below)
        below = below.parent
    if isinstance(below, Shuffle):
        rows, shuffle = below.parent, below
    else:
        rows, shuffle, maps = node, None, []
    count = rows.cardinality
    if count < 1 or not rows.static or any(leaf.dtype == STRING or leaf.sizes is None for leaf in jax.tree.leaves(batch.spec)):
        return None
    largest = max(bytes_per_element(each.spec) for each in (rows, *maps))
    even = batch.drop_remainder or count % batch.size == 0
    if largest * count > _MOST_BYTES or batch.cardinality < 2 or (repeated and (steps is None or not even)):
        return None
    return _Plan(rows, shuffle, tuple(maps), batch, repeated)


class OrderedRows(ArraySource):
    """The rows of a dataset in the order that it says.

    Args:
        plan: rows, order and batches.
        steps: batches of an epoch; None for one pass.
        read: makes batches.
        call: number of this run among the passes over the dataset.
    """

    def __init__(self, plan: _Plan, steps: int | None, read: BatchReader, call: int):
        size = plan.batch.size
        run = Run(stream_position()[0], call=call)
        block = _all_of(plan.rows, run)
        for function in plan.maps:
            block = joined([*function.function.over(block, run.key(function.depth), 0)])
        self.bare_inputs = not isinstance(block.data, tuple)
        x, y, sample_weight = read(block.data)
        super().__init__(x, y, sample_weight, batch_size=size, shuffle=plan.shuffle is not None, steps=steps)
        self._plan, self._call = plan, call
        self.total_batches = plan.batch.cardinality
        if plan.repeated:  # an epoch may go on into the next pass
            assert steps is not None
            self.steps, self.total_batches = None, steps

    def order(self, epoch: int = 0, seed: int = 0) -> np.ndarray:
        """The row numbers of an epoch."""
        if not self._plan.repeated:
            return super().order(epoch, seed)
        each, first = self._plan.batch.cardinality, epoch * self.total_batches
        passes = range(first // each, (first + self.total_batches - 1) // each + 1)
        rows = np.concatenate([self._pass_order(number, seed)[: each * self.batch_size] for number in passes])
        start = (first - passes[0] * each) * self.batch_size
        return rows[start : start + self.total_batches * self.batch_size]

    def _pass_order(self, number: int, seed: int) -> np.ndarray:
        count = self.num_samples
        dtype = np.int32 if count < 2**31 else np.int64
        if self._plan.shuffle is None:
            return np.arange(count, dtype=dtype)
        run = Run(seed, (number,), self._call)
        return self._plan.shuffle.order(count, run).astype(dtype)


def _all_of(node: Node, run: Run) -> Block:
    """All elements of a pass as one block."""
    rows = max(1, min(node.cardinality, _BLOCK_BYTES // max(bytes_per_element(node.spec), 1)))
    return joined([*node.blocks(run, node.cardinality if not node.parents else rows)])


def _example(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    return np.full(shape, b"", object) if dtype == STRING else np.zeros(shape, dtype)


class StreamOfBatches(Source):
    """The batches of a dataset, made when they are needed.

    Args:
        node: of the dataset.
        steps: batches of an epoch; None for one pass.
        read: makes a batch of what the dataset yields.
        call: number of this run among the passes over the dataset.
    """

    def __init__(self, node: Node, steps: int | None, read: BatchReader, call: int):
        self.node, self.steps, self.read, self.call = node, steps, read, call
        count = node.cardinality
        self._total: int | None = count if count >= 0 else None
        self._ahead = node.ahead
        self._live: tuple[tuple[int, int, int], Iterator[Tree]] | None = None  # (pass, its next batch, seed) and the batches

    @property
    def num_batches(self) -> int | None:
        known = [n for n in (self.steps, self._total) if n is not None]
        return min(known, default=None)

    def look(self) -> tuple[Triple, int]:
        """Shapes and dtypes of a batch, and the rows of the first one."""
        if self._total == 0 or any(leaf.sizes is None for leaf in jax.tree.leaves(self.node.spec)):
            raise ValueError(_EMPTY)
        self.bare_inputs = not isinstance(self.node.spec, tuple)
        batch = self.read(self._example() if self.read.prepare is None else self._first())
        return spec_of(batch), common_length(*batch)

    def _example(self) -> Tree:
        return jax.tree.map(lambda leaf: _example(leaf.sizes, leaf.dtype), self.node.spec)

    def _first(self) -> Tree:
        """The first batch, because layers on the host refuse some values. A run with the same seed begins with it."""
        items = self._from(0, 0, 0)
        first = next(items, None)
        if first is None:
            raise ValueError(_EMPTY)
        self._live = ((0, 0, 0), itertools.chain([first], items))
        return first

    def batches(self, epoch: int = 0, seed: int = 0, start: int = 0) -> Iterator[Triple]:
        number, first, last = self._range(epoch)
        items = self._from(number, first + start, seed)
        at = first + start
        while last is None or at < last:
            item = next(items, None)
            if item is None:
                if self._total is None and number == 0:
                    self._total = at  # known from now on
                if at == first and at:  # the last epoch ended with the data
                    yield from self.batches(epoch, seed, start)
                    return
                break
            at += 1
            self._live = ((number, at, seed), items)
            yield self.read(item)
        if self.steps is not None and at - first < self.steps:
            warn_ran_out(at - first, self.steps)

    def _range(self, epoch: int) -> tuple[int, int, int | None]:
        """Number of the pass, the first batch, and the one behind the last; None where the end of the data is the end."""
        if self._total is not None:
            return epoch_range(epoch, self.steps, self._total)
        if self.steps is None:
            return epoch, 0, None
        return 0, epoch * self.steps, (epoch + 1) * self.steps

    def _from(self, number: int, first: int, seed: int) -> Iterator[Tree]:
        """The batches of a pass from one on; they go on where the last epoch stopped, if that is the place."""
        if self._live is not None and self._live[0] == (number, first, seed):
            return self._live[1]
        run = Run(seed, (number,), self.call)
        rows = 1
        if self._ahead:
            rows = max(1, min(_MOST_BATCHES, _BLOCK_BYTES // max(bytes_per_element(self.node.spec), 1)))
        items = self.node.elements(run, rows)
        for _ in range(first):
            next(items, None)
        return items
