"""Transformations that choose and order elements: `shuffle`, `repeat`, `take`, `skip`, `shard`, `unique`, `cache`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import jax
import numpy as np

from jkeras._base.types import Tree
from jkeras.compat.standin.data.node import INFINITE, UNKNOWN, Block, Run, Transformation, joined, parts
from jkeras.compat.standin.data.structure import signature, stack

T = TypeVar("T")
_DRAWN = 1024  # numbers drawn at a time


def buffer_shuffled(items: Iterable[T], size: int, rng: np.random.Generator) -> Iterator[T]:
    """Items in the order of a buffer: it holds `size` of them, and a random one leaves when the next one comes.

    Where the buffer holds all items, their order is a random permutation. What is left at the end is permuted too.

    Example:
        >>> sorted(buffer_shuffled(range(5), 2, np.random.default_rng(0)))
        [0, 1, 2, 3, 4]
    """
    buffer: list[T] = []
    places: list[int] = []
    for item in items:
        if len(buffer) < size:
            buffer.append(item)
            continue
        if not places:
            places = rng.integers(0, size, _DRAWN).tolist()
        place = places.pop()
        yield buffer[place]
        buffer[place] = item
    yield from (buffer[i] for i in rng.permutation(len(buffer)))


@dataclass(frozen=True, eq=False)
class Shuffle(Transformation):
    """The elements in a random order.

    Attributes:
        size: of the buffer.
        seed: None takes that of the run, where each has another order.
        renew: whether each run has another order.
    """

    size: int
    seed: int | None
    renew: bool

    @property
    def static(self) -> bool:
        return self.parent.static and not self.renew

    def rng(self, run: Run) -> np.random.Generator:
        """The numbers for a run."""
        return (run if self.renew else Run()).rng(self.seed, self.depth)

    def order(self, count: int, run: Run) -> np.ndarray:
        """The numbers of `count` elements in the order of a run.

        Example:
            >>> from jkeras.compat.standin.data.sources import Rows
            >>> node = Shuffle(Rows.of([5, 6, 7]), 3, seed=1, renew=True)
            >>> [block.data[0] - 5 for block in node.blocks(Run(), 1)] == node.order(3, Run()).tolist()
            True
        """
        rng = self.rng(run)
        if count <= self.size:
            return rng.permutation(count)
        return np.fromiter(buffer_shuffled(range(count), self.size, rng), np.int64, count)

    def blocks(self, run: Run, rows: int) -> Iterator[Block]:
        rng, count = self.rng(run), self.parent.cardinality
        if 0 < count <= self.size and self.parent.ahead:
            block = joined([*self.parent.blocks(run, count)])
            order = rng.permutation(block.rows)
            yield from (block.take(order[at : at + rows]) for at in range(0, block.rows, rows))
            return
        wanted = max(rows, min(self.size, 1024)) if self.parent.ahead else rows
        chosen: list[tuple[Block, int]] = []
        places = ((block, i) for block in self.parent.blocks(run, wanted) for i in range(block.rows))
        for place in buffer_shuffled(places, self.size, rng):
            chosen.append(place)
            if len(chosen) == rows:
                yield from _gathered(chosen)
                chosen = []
        if chosen:
            yield from _gathered(chosen)


def _gathered(places: list[tuple[Block, int]]) -> Iterator[Block]:
    """Rows of several blocks as one, or as one block each where their shapes differ."""
    first = places[0][0]
    if all(block is first for block, _ in places):
        yield first.take(np.array([i for _, i in places]))
        return
    elements = [block.row(i) for block, i in places]
    if len({signature(element) for element in elements}) == 1:
        yield Block(stack(elements), len(elements))
    else:
        yield from (Block(stack([element]), 1) for element in elements)


@dataclass(frozen=True, eq=False)
class Repeat(Transformation):
    """The elements several times; each time is a run of its own.

    Attributes:
        count: how many times, or INFINITE.
    """

    count: int

    @property
    def cardinality(self) -> int:
        n = self.parent.cardinality
        if self.count == 0 or n == 0:
            return 0
        if self.count == INFINITE:
            return INFINITE
        return n * self.count if n >= 0 else n

    def blocks(self, run: Run, rows: int) -> Iterator[Block]:
        number = 0
        while self.count == INFINITE or number < self.count:
            empty = True
            for block in self.parent.blocks(run.inside(number), rows):
                empty = False
                yield block
            if empty:
                return
            number += 1


@dataclass(frozen=True, eq=False)
class Take(Transformation):
    """The first elements.

    Attributes:
        count: how many; -1 for all.
    """

    count: int

    @property
    def cardinality(self) -> int:
        n = self.parent.cardinality
        if self.count < 0:
            return n
        return min(n, self.count) if n >= 0 else self.count if n == INFINITE else (0 if self.count == 0 else UNKNOWN)

    def blocks(self, run: Run, rows: int) -> Iterator[Block]:
        left = self.count
        if left == 0:
            return
        for block in self.parent.blocks(run, min(rows, left) if left > 0 else rows):
            if left < 0:
                yield block
                continue
            block = block.slice(0, left)
            left -= block.rows
            yield block
            if not left:
                return


@dataclass(frozen=True, eq=False)
class Skip(Transformation):
    """All but the first elements.

    Attributes:
        count: how many to leave out; -1 for all.
    """

    count: int

    @property
    def cardinality(self) -> int:
        n = self.parent.cardinality
        return 0 if self.count < 0 else max(0, n - self.count) if n >= 0 else n

    def blocks(self, run: Run, rows: int) -> Iterator[Block]:
        if self.count < 0:
            return
        left = self.count
        for block in self.parent.blocks(run, rows):
            if left >= block.rows:
                left -= block.rows
                continue
            yield block.slice(left)
            left = 0


@dataclass(frozen=True, eq=False)
class Counted(Transformation):
    """The elements, whose number the user says.

    Attributes:
        count: how many there are.
    """

    count: int

    @property
    def cardinality(self) -> int:
        return self.count

    def blocks(self, run: Run, rows: int) -> Iterator[Block]:
        total = 0
        for block in self.parent.blocks(run, rows):
            total += block.rows
            if total > self.count:
                break
            yield block
        if total != self.count:
            raise ValueError(
                f"assert_cardinality({self.count}): the dataset has {'more' if total > self.count else total} elements."
            )


@dataclass(frozen=True, eq=False)
class Shard(Transformation):
    """Every `count`-th element.

    Attributes:
        count: how many shards.
        index: which of them.
    """

    count: int
    index: int

    @property
    def cardinality(self) -> int:
        n = self.parent.cardinality
        return len(range(self.index, n, self.count)) if n >= 0 else n

    def blocks(self, run: Run, rows: int) -> Iterator[Block]:
        at = 0
        for block in self.parent.blocks(run, rows * self.count if self.parent.ahead else rows):
            part = block.slice((self.index - at) % self.count, None, self.count)
            at += block.rows
            if part.rows:
                yield part


@dataclass(frozen=True, eq=False)
class Unique(Transformation):
    """Each element once, in the order of its first occurrence."""

    @property
    def cardinality(self) -> int:
        return UNKNOWN

    def blocks(self, run: Run, rows: int) -> Iterator[Block]:
        seen: set[Any] = set()
        for block in self.parent.blocks(run, rows):
            new = np.zeros(block.rows, bool)
            for i in range(block.rows):
                value = tuple(leaf.tobytes() if leaf.dtype != object else str(leaf) for leaf in jax.tree.leaves(block.row(i)))
                new[i] = value not in seen
                seen.add(value)
            if new.any():
                yield block.take(new)


@dataclass
class _Kept:
    """What a cache holds.

    Attributes:
        blocks: all elements; None until a run has come to its end.
    """

    blocks: list[Block] | None = None


@dataclass(frozen=True, eq=False)
class Cache(Transformation):
    """The elements of the first run that comes to its end, kept in memory for all later ones."""

    _kept: _Kept = field(default_factory=_Kept)

    @property
    def ahead(self) -> bool:
        return self.parent.ahead or self._kept.blocks is not None

    @property
    def static(self) -> bool:
        return self.parent.cardinality >= 0

    def blocks(self, run: Run, rows: int) -> Iterator[Block]:
        if self._kept.blocks is None:
            blocks = []
            for block in self.parent.blocks(run, rows):
                blocks.append(block)
                yield block
            self._kept.blocks = blocks
        else:
            for block in self._kept.blocks:
                yield from parts(block, rows)

    def __getstate__(self) -> dict[str, Tree]:
        return {**self.__dict__, "_kept": _Kept()}
