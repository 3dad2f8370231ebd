"""`Node`: one source or transformation of a pipeline, and the blocks that it makes.

A block holds consecutive elements of the same shapes, stacked: element `i` is `block.row(i)`. `blocks(run, rows)` yields the
blocks of a pass in order. `rows` says how many elements the reader can use at once; a node may make blocks of any size, but makes
more elements ahead than asked only where nobody can tell (`ahead`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import jax
import numpy as np

from jkeras._base.types import Tree
from jkeras.compat.standin.data.structure import runs_of_one_shape, signature, stack

INFINITE, UNKNOWN = -1, -2


class Block(NamedTuple):
    """Consecutive elements, stacked.

    Attributes:
        data: an element with a further first axis on each component.
        rows: the length of that axis.
    """

    data: Tree
    rows: int

    def row(self, i: int) -> Tree:
        """Element number `i`."""
        return jax.tree.map(lambda a: a[i, ...], self.data)

    def slice(self, start: int, stop: int | None = None, step: int = 1) -> Block:
        """Some of the elements, without a copy."""
        count = len(range(self.rows)[start:stop:step])
        whole = count == self.rows
        return self if whole else Block(jax.tree.map(lambda a: a[start:stop:step], self.data), count)

    def take(self, rows: np.ndarray) -> Block:
        """The elements with these numbers, or where a mask is true."""
        data = jax.tree.map(lambda a: a[rows], self.data)
        return Block(data, int(np.count_nonzero(rows)) if rows.dtype == bool else len(rows))


@dataclass(frozen=True)
class Run:
    """One pass over a pipeline; every draw is a function of it.

    Attributes:
        seed: of the pass, for transformations without a seed of their own.
        numbers: which pass it is: of the dataset, and of each `repeat` and branch around the node.
        call: tells apart the runs of transformations that have their own seed.
    """

    seed: int = 0
    numbers: tuple[int, ...] = ()
    call: int = 0

    def inside(self, number: int) -> Run:
        """The run of pass or branch number `number`."""
        return Run(self.seed, (*self.numbers, number), self.call)

    def words(self, seed: int | None, depth: int) -> np.random.SeedSequence:
        """Where the random numbers of a node come from; its depth tells it from others."""
        own = (self.seed, depth) if seed is None else (seed, self.call)
        return np.random.SeedSequence([*(n & 0xFFFFFFFF for n in own), len(self.numbers), *self.numbers])

    def rng(self, seed: int | None, depth: int) -> np.random.Generator:
        """A generator for a node."""
        return np.random.Generator(np.random.PCG64(self.words(seed, depth)))

    def key(self, depth: int) -> np.ndarray:
        """The data of a JAX key for a node."""
        return self.words(None, depth).generate_state(2)


@dataclass(frozen=True, eq=False)
class Node(ABC):
    """A source or transformation."""

    @property
    def parents(self) -> tuple[Node, ...]:
        """What it reads."""
        return ()

    @abstractmethod
    def blocks(self, run: Run, rows: int) -> Iterator[Block]:
        """The stream of a run, for a reader that can use `rows` elements at once."""

    @property
    @abstractmethod
    def cardinality(self) -> int:
        """The number of elements, or INFINITE or UNKNOWN."""

    @property
    @abstractmethod
    def spec(self) -> Tree:
        """`TensorSpec`s of an element, whose `sizes` are those of the first one."""

    @property
    def ahead(self) -> bool:
        """Whether elements can be made ahead: none of the user's Python runs for each."""
        return all(parent.ahead for parent in self.parents)

    @property
    def static(self) -> bool:
        """Whether each run gives the same elements, and may be replaced by what another run gave."""
        return all(parent.static for parent in self.parents)

    @cached_property
    def depth(self) -> int:
        """How many transformations lie before it."""
        return 1 + max((parent.depth for parent in self.parents), default=-1)

    def elements(self, run: Run, rows: int = 1) -> Iterator[Tree]:
        """The elements of a run, one by one."""
        for block in self.blocks(run, rows):
            for i in range(block.rows):
                yield block.row(i)


@dataclass(frozen=True, eq=False)
class RunsPython(Node):
    """A node in which Python of the user's runs for each element: none is made ahead, and two runs may differ."""

    @property
    def ahead(self) -> bool:
        return False

    @property
    def static(self) -> bool:
        return False


@dataclass(frozen=True, eq=False)
class Transformation(Node):
    """A node that reads one other; by default as many elements of the same kind.

    Attributes:
        parent: what it reads.
    """

    parent: Node

    @property
    def parents(self) -> tuple[Node, ...]:
        return (self.parent,)

    @property
    def cardinality(self) -> int:
        return self.parent.cardinality

    @property
    def spec(self) -> Tree:
        return self.parent.spec


def to_blocks(elements: Iterator[Tree], rows: int) -> Iterator[Block]:
    """Elements as blocks of at most `rows`."""
    for group in runs_of_one_shape(elements, rows):
        yield Block(stack(group), len(group))


class Reader:
    """Reads a stream of blocks in portions of other sizes.

    Example:
        >>> reader = Reader(iter([Block(np.arange(3), 3), Block(np.arange(3, 5), 2)]))
        >>> [block.data.tolist() for block in (reader.next(2), reader.next(2), reader.next(9))]
        [[0, 1], [2], [3, 4]]
    """

    def __init__(self, blocks: Iterator[Block]):
        self._blocks = blocks
        self._block: Block | None = None
        self._at = 0

    def available(self) -> int:
        """How many elements the current block still has; 0 at the end of the stream."""
        while self._block is None or self._at >= self._block.rows:
            self._block, self._at = next(self._blocks, None), 0
            if self._block is None:
                return 0
        return self._block.rows - self._at

    def next(self, most: int) -> Block | None:
        """The next elements, `most` at most, without a copy; None at the end."""
        count = min(most, self.available())
        if not count:
            return None
        assert self._block is not None
        self._at += count
        return self._block.slice(self._at - count, self._at)

    def exactly(self, count: int) -> Block | None:
        """The next `count` elements as one block, fewer at the end of the stream; None where there are none.

        Raises:
            ValueError: their shapes differ.
        """
        first = self.next(count)
        if first is None or first.rows == count:
            return first
        parts, total = [first], first.rows
        while total < count and (part := self.next(count - total)) is not None:
            parts.append(part)
            total += part.rows
        return joined(parts)


def joined(blocks: list[Block]) -> Block:
    """Blocks as one.

    Raises:
        ValueError: the shapes of their elements differ.
    """
    if len(blocks) == 1:
        return blocks[0]
    kinds = {signature(block.row(0)): block for block in blocks}
    if len(kinds) > 1:
        stack([block.row(0) for block in kinds.values()])
    return Block(
        jax.tree.map(lambda *parts: np.concatenate(parts), *(block.data for block in blocks)), sum(b.rows for b in blocks)
    )


def parts(block: Block, rows: int) -> Iterator[Block]:
    """A block in portions of at most `rows`."""
    return (block.slice(at, at + rows) for at in range(0, block.rows, rows))


def bytes_per_element(spec: Tree) -> Any:
    """Bytes of an element of these specs."""
    return sum(int(np.prod(leaf.sizes)) * leaf.dtype.itemsize for leaf in jax.tree.leaves(spec))
