"""Transformations with a function of each element: `map`, `filter`, `take_while`, `scan`, and dropping elements that fail."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import numpy as np

from jkeras._base.types import Tree
from jkeras.compat.standin.data.function import RowFunction
from jkeras.compat.standin.data.node import UNKNOWN, Block, Run, RunsPython, Transformation, to_blocks
from jkeras.compat.standin.data.structure import as_element, as_tensor, specs_of
from jkeras.compat.standin.tensor_spec import TensorSpec


def example_of(spec: Tree, more: int = 0) -> Tree | None:
    """Shapes of an element; open axes are `more` longer than in the first one. None where they are not known."""
    leaves = jax.tree.leaves(spec)
    if not leaves or any(leaf.sizes is None for leaf in leaves):
        return None

    def struct(leaf: TensorSpec) -> jax.ShapeDtypeStruct:
        shape = leaf.shape if leaf.shape is not None else (None,) * len(leaf.sizes)
        sizes = (size + more if axis is None else size for axis, size in zip(shape, leaf.sizes))
        return jax.ShapeDtypeStruct(tuple(sizes), leaf.dtype)

    return jax.tree.map(struct, spec)


@dataclass(frozen=True, eq=False)
class _OfRows(Transformation):
    """A transformation with a function of each element.

    Attributes:
        function: the function.
    """

    function: RowFunction

    @cached_property
    def traced(self) -> bool:
        """Whether the function is compiled."""
        example = example_of(self.parent.spec)
        return example is not None and self.function.shapes(example) is not None

    @property
    def ahead(self) -> bool:
        return self.parent.ahead and self.traced

    @property
    def static(self) -> bool:
        return self.parent.static and self.ahead and not self.function.draws

    def results(self, run: Run, rows: int) -> Iterator[tuple[Block, Iterator[Block]]]:
        """Blocks and the function's results for them."""
        key, first = run.key(self.depth), 0
        for block in self.parent.blocks(run, rows):
            yield block, self.function.over(block, key, first)
            first += block.rows


@dataclass(frozen=True, eq=False)
class Map(_OfRows):
    """The function's results."""

    @cached_property
    def spec(self) -> Tree:
        if not self.traced:
            first = next(self.elements(Run()), None)
            return self.parent.spec if first is None else specs_of(first)
        result = self.function.shapes(example_of(self.parent.spec))
        longer = self.function.shapes(example_of(self.parent.spec, more=1))
        longer = result if longer is None else longer

        def spec(one: Any, other: Any) -> TensorSpec:
            shape = [a if a == b else None for a, b in zip(one.shape, other.shape)]
            return TensorSpec(shape, one.dtype, sizes=one.shape)

        return jax.tree.map(spec, result, longer)

    def blocks(self, run: Run, rows: int) -> Iterator[Block]:
        for _, results in self.results(run, rows):
            yield from results


@dataclass(frozen=True, eq=False)
class Filter(_OfRows):
    """The elements for which the function is true."""

    @property
    def cardinality(self) -> int:
        return UNKNOWN if self.parent.cardinality >= 0 else self.parent.cardinality

    def blocks(self, run: Run, rows: int) -> Iterator[Block]:
        for block, results in self.results(run, rows):
            chosen = np.concatenate([np.asarray(result.data, bool) for result in results])
            if chosen.any():
                yield block.take(chosen)


@dataclass(frozen=True, eq=False)
class TakeWhile(_OfRows):
    """The elements before the first for which the function is false."""

    @property
    def cardinality(self) -> int:
        return UNKNOWN

    def blocks(self, run: Run, rows: int) -> Iterator[Block]:
        for block, results in self.results(run, rows):
            chosen = np.concatenate([np.asarray(result.data, bool) for result in results])
            if not chosen.all():
                if count := int(chosen.argmin()):
                    yield block.slice(0, count)
                return
            yield block


@dataclass(frozen=True, eq=False)
class Scan(RunsPython, Transformation):
    """`state, element = function(state, element)`, from an initial state.

    Attributes:
        initial: the state.
        function: of state and element.
    """

    initial: Tree
    function: Callable[..., Any]

    @cached_property
    def spec(self) -> Tree:
        return specs_of(next(self.elements(Run())))

    def blocks(self, run: Run, rows: int) -> Iterator[Block]:
        yield from to_blocks(self._scanned(run, rows), rows)

    def _scanned(self, run: Run, rows: int) -> Iterator[Tree]:
        state = jax.tree.map(as_tensor, as_element(self.initial))
        for element in self.parent.elements(run, rows):
            state, result = self.function(state, jax.tree.map(as_tensor, element))
            yield as_element(result)


@dataclass(frozen=True, eq=False)
class IgnoreErrors(Transformation):
    """The results of a `Map` without those whose function raised an error.

    Attributes:
        log: whether to print what was dropped.
    """

    log: bool

    @property
    def cardinality(self) -> int:
        return UNKNOWN if isinstance(self.parent, Map) else self.parent.cardinality

    def blocks(self, run: Run, rows: int) -> Iterator[Block]:
        if isinstance(self.parent, Map) and not self.parent.traced:
            yield from to_blocks(self._survivors(self.parent, run, rows), rows)
        else:
            yield from self.parent.blocks(run, rows)

    def _survivors(self, node: Map, run: Run, rows: int) -> Iterator[Tree]:
        key, first = run.key(node.depth), itertools.count()
        for block in node.parent.blocks(run, rows):
            for i in range(block.rows):
                try:
                    results = [*node.function.over(block.slice(i, i + 1), key, next(first))]
                except Exception as error:
                    if self.log:
                        print(f"tf.data drops an element: {error}")
                    continue
                yield results[0].row(0)


def reduced(elements: Iterator[Tree], initial: Any, function: Callable[..., Any]) -> Any:
    """The state after `state = function(state, element)` for each element."""
    state = jax.tree.map(as_tensor, as_element(initial))
    for element in elements:
        state = jax.tree.map(as_tensor, as_element(function(state, jax.tree.map(as_tensor, element))))
    return state
