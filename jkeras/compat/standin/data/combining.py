"""Several streams as one: `zip`, `concatenate`, `interleave`, `flat_map`, and choosing among datasets."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import numpy as np

from jkeras._base.errors import describe
from jkeras._base.types import Tree
from jkeras.compat.standin.data.function import RowFunction
from jkeras.compat.standin.data.node import INFINITE, UNKNOWN, Block, Node, Reader, Run, RunsPython, Transformation
from jkeras.compat.standin.data.structure import is_dataset, mapped


def _least(counts: list[int]) -> int:
    """The length of the shortest stream."""
    known = [n for n in counts if n != INFINITE]
    return INFINITE if not known else UNKNOWN if UNKNOWN in known else min(known)


@dataclass(frozen=True, eq=False)
class Zip(Node):
    """The elements of several streams side by side.

    Attributes:
        structure: a nest of nodes.
    """

    structure: Any

    @property
    def parents(self) -> tuple[Node, ...]:
        return tuple(_nodes(self.structure))

    @property
    def cardinality(self) -> int:
        return _least([parent.cardinality for parent in self.parents])

    @cached_property
    def spec(self) -> Tree:
        return mapped(self.structure, lambda node: node.spec)

    def blocks(self, run: Run, rows: int) -> Iterator[Block]:
        readers = [Reader(parent.blocks(run.inside(i), rows)) for i, parent in enumerate(self.parents)]
        while count := min(reader.available() for reader in readers):
            found = [block.data for reader in readers if (block := reader.next(count)) is not None]
            yield Block(_filled(self.structure, iter(found)), count)


def _filled(structure: Any, parts: Iterator[Tree]) -> Tree:
    """The structure with the next part in each place."""
    return mapped(structure, lambda node: next(parts))


def _nodes(structure: Any) -> Iterator[Node]:
    """The nodes in the order in which `mapped` meets them."""
    found: list[Node] = []
    mapped(structure, found.append)
    return iter(found)


@dataclass(frozen=True, eq=False)
class Concatenate(Node):
    """One stream behind the other.

    Attributes:
        first, second: the streams.
    """

    first: Node
    second: Node

    @property
    def parents(self) -> tuple[Node, ...]:
        return self.first, self.second

    @property
    def cardinality(self) -> int:
        counts = self.first.cardinality, self.second.cardinality
        return INFINITE if INFINITE in counts else UNKNOWN if UNKNOWN in counts else sum(counts)

    @property
    def spec(self) -> Tree:
        return self.first.spec

    def blocks(self, run: Run, rows: int) -> Iterator[Block]:
        yield from self.first.blocks(run.inside(0), rows)
        yield from self.second.blocks(run.inside(1), rows)


@dataclass(frozen=True, eq=False)
class Interleave(RunsPython, Transformation):
    """The elements of the datasets that a function makes of elements, some datasets at a time.

    Attributes:
        function: returns a dataset.
        cycle: how many datasets are open at a time.
        block: consecutive elements of one of them.
    """

    function: RowFunction
    cycle: int
    block: int

    @property
    def cardinality(self) -> int:
        return INFINITE if self.parent.cardinality == INFINITE else UNKNOWN

    @cached_property
    def spec(self) -> Tree:
        inner = next(self._inner(Run(), 1), None)
        if inner is not None:
            return inner[0].spec
        return self.parent.spec

    def blocks(self, run: Run, rows: int) -> Iterator[Block]:
        inner = self._inner(run, rows)
        if self.cycle == 1:
            for node, own in inner:
                yield from node.blocks(own, rows)
            return
        slots: list[Reader | None] = [None] * self.cycle
        place, ended = 0, False
        while not (ended and not any(slots)):
            reader = slots[place]
            if reader is None and not ended:
                found = next(inner, None)
                ended = found is None
                if found is not None:
                    slots[place] = Reader(found[0].blocks(found[1], min(rows, self.block)))
                    continue
            left = self.block
            while reader is not None and left:
                part = reader.next(left)
                if part is None:
                    slots[place] = reader = None
                else:
                    left -= part.rows
                    yield part
            place = (place + 1) % self.cycle

    def _inner(self, run: Run, rows: int) -> Iterator[tuple[Node, Run]]:
        key, number = run.key(self.depth), itertools.count()
        first = 0
        for block in self.parent.blocks(run, rows if self.parent.ahead else 1):
            for dataset in self.function.each(block, key, first):
                if not is_dataset(dataset):
                    raise TypeError(
                        f"flat_map and interleave take a function that returns a Dataset. Received: {describe(dataset)}."
                    )
                yield dataset.__jkeras_node__(), run.inside(next(number))
            first += block.rows


@dataclass(frozen=True, eq=False)
class Choose(Node):
    """Elements of several streams, in the order that another stream says.

    Attributes:
        choices: a stream of numbers of streams; None draws them.
        streams: the streams.
        weights: how often each is drawn; they sum to 1.
        seed: of the draws; None takes that of the run.
        renew: whether each run draws anew.
        stop: whether to stop at the first stream that ends; else it is left out from there on.
    """

    choices: Node | None
    streams: tuple[Node, ...]
    weights: tuple[float, ...]
    seed: int | None
    renew: bool
    stop: bool

    @property
    def parents(self) -> tuple[Node, ...]:
        return self.streams if self.choices is None else (self.choices, *self.streams)

    @property
    def cardinality(self) -> int:
        counts = [stream.cardinality for stream in self.streams]
        if self.choices is not None or self.stop:
            return INFINITE if all(n == INFINITE for n in counts) and self.choices is None else UNKNOWN
        return INFINITE if INFINITE in counts else UNKNOWN if UNKNOWN in counts else sum(counts)

    @property
    def static(self) -> bool:
        return False

    @property
    def spec(self) -> Tree:
        return self.streams[0].spec

    def blocks(self, run: Run, rows: int) -> Iterator[Block]:
        readers = [Reader(stream.blocks(run.inside(i + 1), rows)) for i, stream in enumerate(self.streams)]
        over: set[int] = set()
        for choice in self._choices(run, rows, over):
            part = readers[choice].next(1)
            if part is not None:
                yield part
            elif self.stop:
                return
            else:
                over.add(choice)
                if len(over) == len(readers):
                    return

    def _choices(self, run: Run, rows: int, over: set[int]) -> Iterator[int]:
        if self.choices is not None:
            for element in self.choices.elements(run.inside(0), rows):
                number = int(jax.tree.leaves(element)[0])
                if not 0 <= number < len(self.streams):
                    raise ValueError(f"choose_from_datasets: there is no dataset number {number} among {len(self.streams)}.")
                yield number
            return
        rng = (run if self.renew else Run(run.seed)).rng(self.seed, self.depth)
        weights = np.asarray(self.weights)
        while True:
            left = np.where([i in over for i in range(len(weights))], 0, weights)
            if not left.sum():
                return
            yield int(rng.choice(len(weights), p=left / left.sum()))
