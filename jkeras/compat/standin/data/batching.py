"""Transformations between elements and batches: `batch`, `padded_batch`, `unbatch`, `rebatch`, `window`, groups by a key."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import numpy as np

from jkeras._base.types import Tree
from jkeras.compat.standin.data.node import UNKNOWN, Block, Node, Reader, Run, RunsPython, Transformation, joined
from jkeras.compat.standin.data.sources import Listed, Rows
from jkeras.compat.standin.data.structure import as_component, as_tensor, boxed, signature, specs_of
from jkeras.compat.standin.host_tensor import STRING
from jkeras.compat.standin.tensor_spec import TensorSpec

_AHEAD = 4096  # the most elements to make at once for a few batches


def _batches(count: int, size: int, drop_remainder: bool) -> int:
    return count if count < 0 else count // size if drop_remainder else -(-count // size)


@dataclass(frozen=True, eq=False)
class Batch(Transformation):
    """Consecutive elements, stacked.

    Attributes:
        size: elements of a batch.
        drop_remainder: whether to leave out a last batch of fewer.
    """

    size: int
    drop_remainder: bool

    @property
    def cardinality(self) -> int:
        return _batches(self.parent.cardinality, self.size, self.drop_remainder)

    @cached_property
    def spec(self) -> Tree:
        count = self.parent.cardinality
        first = self.size if count < 0 or self.drop_remainder else min(self.size, count)
        leading = self.size if self.drop_remainder else None

        def spec(leaf: TensorSpec) -> TensorSpec:
            shape = None if leaf.shape is None else (leading, *leaf.shape)
            return TensorSpec(shape, leaf.dtype, sizes=None if leaf.sizes is None else (first, *leaf.sizes))

        return jax.tree.map(spec, self.parent.spec)

    def blocks(self, run: Run, rows: int) -> Iterator[Block]:
        size = self.size
        several = max(1, min(rows, _AHEAD // size)) if self.parent.ahead else 1
        reader = Reader(self.parent.blocks(run, size * several))
        while available := reader.available():
            whole = available // size * size
            block = reader.next(whole) if whole else reader.exactly(size)
            assert block is not None
            if block.rows >= size:
                yield _stacked(block, size)
            elif not self.drop_remainder:
                yield _stacked(block, block.rows)


def _stacked(block: Block, size: int) -> Block:
    count = block.rows // size
    return Block(jax.tree.map(lambda a: a.reshape(count, size, *a.shape[1:]), block.data), count)


@dataclass(frozen=True, eq=False)
class PaddedBatch(Transformation):
    """Consecutive elements, padded at the ends of their axes to one shape and stacked.

    Attributes:
        size, drop_remainder: as for `Batch`.
        shapes: per component a shape, None where an axis gets the size of the largest; None for all axes.
        values: per component what to pad with; None for zeros and empty strings.
    """

    size: int
    drop_remainder: bool
    shapes: Any
    values: Any

    @property
    def cardinality(self) -> int:
        return _batches(self.parent.cardinality, self.size, self.drop_remainder)

    @cached_property
    def spec(self) -> Tree:
        first = next(self.elements(Run()), None)
        if first is None:
            return self.parent.spec
        leading = self.size if self.drop_remainder else None
        shapes = _per_component(self.shapes, first)

        def spec(leaf: np.ndarray, shape: Any) -> TensorSpec:
            axes = (None,) * (leaf.ndim - 1) if shape is None else shape
            return TensorSpec((leading, *axes), leaf.dtype, sizes=leaf.shape)

        leaves, structure = jax.tree.flatten(first)
        return jax.tree.unflatten(structure, [spec(leaf, shape) for leaf, shape in zip(leaves, shapes)])

    def blocks(self, run: Run, rows: int) -> Iterator[Block]:
        group: list[Tree] = []
        for element in self.parent.elements(run, self.size):
            group.append(element)
            if len(group) == self.size:
                yield padded(group, self.shapes, self.values)
                group = []
        if group and not self.drop_remainder:
            yield padded(group, self.shapes, self.values)


def _per_component(given: Any, element: Tree) -> list[Any]:
    """What is given per component, in the order of the components; None for each where nothing is."""
    leaves = jax.tree.leaves(element)
    if given is None:
        return [None] * len(leaves)
    if len(leaves) == 1 and not isinstance(given, dict) and not (given and isinstance(given, tuple) and _is_shape(given[0])):
        return [given]
    if isinstance(given, dict):
        return [part for key in sorted(given) for part in _per_component(given[key], element[key])]
    if isinstance(element, tuple):
        return [part for one, own in zip(given, element) for part in _per_component(one, own)]
    return [given[0]]


def _is_shape(value: Any) -> bool:
    return isinstance(value, (tuple, list)) or value is None


def padded(group: Sequence[Tree], shapes: Any = None, values: Any = None) -> Block:
    """Elements as one padded batch.

    Raises:
        ValueError: an element is larger than the shape it is to be padded to.

    Example:
        >>> padded([np.array([1]), np.array([2, 3])], values=9).data.tolist()
        [[[1, 9], [2, 3]]]
    """
    structure = jax.tree.structure(group[0])
    columns = zip(*(jax.tree.leaves(element) for element in group))
    wanted = _per_component(shapes, group[0])
    fills = [values] * len(wanted) if np.ndim(values) == 0 and not isinstance(values, dict) else _per_component(values, group[0])
    batches = [_padded_column([*column], shape, fill)[None] for column, shape, fill in zip(columns, wanted, fills)]
    return Block(jax.tree.unflatten(structure, batches), 1)


def _padded_column(column: list[np.ndarray], shape: Any, fill: Any) -> np.ndarray:
    largest = np.max([array.shape for array in column], axis=0) if column[0].ndim else ()
    wanted = [None if n in (None, -1) else int(n) for n in (largest if shape is None else shape)]
    sizes = [int(most) if n is None else n for n, most in zip(wanted, largest)]
    if len(wanted) != len(largest) or any(n < most for n, most in zip(sizes, largest)):
        raise ValueError(f"padded_batch: elements of shapes up to {tuple(map(int, largest))} do not fit padded_shapes={shape}.")
    dtype = column[0].dtype
    if fill is None:
        fill = b"" if dtype == STRING else 0
    batch = np.full((len(column), *sizes), as_component(fill)[()] if dtype == STRING else np.asarray(fill), dtype)
    for place, array in zip(batch, column) if largest else ():
        place[tuple(map(slice, array.shape))] = array
    return batch if len(sizes) else np.stack(column)


@dataclass(frozen=True, eq=False)
class Unbatch(Transformation):
    """The rows of each element."""

    @cached_property
    def cardinality(self) -> int:  # type: ignore[override]
        count = self.parent.cardinality
        sizes = {leaf.shape[0] if leaf.shape else None for leaf in jax.tree.leaves(self.parent.spec)} if count >= 0 else {None}
        size = sizes.pop()
        return UNKNOWN if count >= 0 and size is None else count * size if count >= 0 and size is not None else count

    @cached_property
    def spec(self) -> Tree:
        return jax.tree.map(
            lambda leaf: TensorSpec(leaf.shape and leaf.shape[1:], leaf.dtype, sizes=leaf.sizes and leaf.sizes[1:]),
            self.parent.spec,
        )

    def blocks(self, run: Run, rows: int) -> Iterator[Block]:
        for block in self.parent.blocks(run, 1):
            data = jax.tree.map(lambda a: a.reshape(-1, *a.shape[2:]), block.data)
            count = len(jax.tree.leaves(data)[0])
            if count:
                yield Block(data, count)


@dataclass(frozen=True, eq=False)
class Window(Transformation):
    """Consecutive elements as datasets, one for each component.

    Attributes:
        size: elements of a window.
        shift: from the begin of a window to that of the next.
        stride: from an element of a window to the next.
        drop_remainder: whether to leave out windows of fewer elements.
        wrap: makes a dataset of a node.
    """

    size: int
    shift: int
    stride: int
    drop_remainder: bool
    wrap: Callable[[Node], object]

    @property
    def cardinality(self) -> int:
        count = self.parent.cardinality
        if count < 0:
            return count
        reach = (self.size - 1) * self.stride if self.drop_remainder else 0
        return len(range(0, max(count - reach, 0), self.shift))

    @property
    def ahead(self) -> bool:
        return False

    @cached_property
    def spec(self) -> Tree:
        first = next(self.elements(Run()), None)
        return self.parent.spec if first is None else specs_of(first)

    def blocks(self, run: Run, rows: int) -> Iterator[Block]:
        reach = (self.size - 1) * self.stride + 1
        reader = Reader(self.parent.blocks(run, max(reach, 1024) if self.parent.ahead else 1))
        held: list[Block] = []
        count = skipped = 0
        while True:
            while count < reach and (more := reader.next(1024)) is not None:
                held.append(more)
                count += more.rows
            if not count or (self.drop_remainder and count < reach):
                return
            held = _compact(held)
            yield self._window(held, min(count, reach))
            skipped = min(self.shift, count)
            count -= skipped
            held = _without(held, skipped)
            for _ in range(self.shift - skipped):
                reader.next(1)

    def _window(self, held: list[Block], reach: int) -> Block:
        if len(held) == 1:
            part = held[0].slice(0, reach).slice(0, None, self.stride)
            leaves, structure = jax.tree.flatten(part.data)
            nodes: list[Node] = [Rows(leaf, part.rows) for leaf in leaves]
        else:
            elements = [block.row(i) for block in held for i in range(block.rows)][: reach : self.stride]
            structure = jax.tree.structure(elements[0])
            nodes = [Listed(tuple(column)) for column in zip(*(jax.tree.leaves(element) for element in elements))]
        return Block(jax.tree.unflatten(structure, [boxed(self.wrap(node))[None] for node in nodes]), 1)


def _compact(held: list[Block]) -> list[Block]:
    """The same elements in one block, if they have one shape."""
    if len(held) > 1 and len({signature(block.row(0)) for block in held}) == 1:
        return [joined(held)]
    return held


def _without(held: list[Block], count: int) -> list[Block]:
    """The elements behind the first `count`."""
    left = []
    for block in held:
        dropped = min(count, block.rows)
        count -= dropped
        if dropped < block.rows:
            left.append(block.slice(dropped))
    return left


@dataclass(frozen=True, eq=False)
class GroupByWindow(RunsPython, Transformation):
    """Elements grouped by a key: a full group, and at the end every group, becomes a dataset that a function reduces to others.

    Attributes:
        key: of an element.
        reduce: of a key and a dataset; returns a dataset.
        size: of a key; how many elements make a group.
        wrap: makes a dataset of a node.
    """

    key: Callable[..., Any]
    reduce: Callable[[Any, Any], Any]
    size: Callable[[Any], Any]
    wrap: Callable[[Node], object]

    @property
    def cardinality(self) -> int:
        return UNKNOWN

    @cached_property
    def spec(self) -> Tree:
        first = next(self.elements(Run()), None)
        return self.parent.spec if first is None else specs_of(first)

    def blocks(self, run: Run, rows: int) -> Iterator[Block]:
        groups: dict[int, list[Tree]] = {}
        number = 0
        for element in self.parent.elements(run, rows):
            tensors = jax.tree.map(as_tensor, element)
            key = int(self.key(*tensors) if isinstance(tensors, tuple) else self.key(tensors))
            group = groups.setdefault(key, [])
            group.append(element)
            if len(group) >= int(self.size(key)):
                yield from self._reduced(key, groups.pop(key), run.inside(number), rows)
                number += 1
        for key, group in groups.items():
            yield from self._reduced(key, group, run.inside(number), rows)
            number += 1

    def _reduced(self, key: int, group: list[Tree], run: Run, rows: int) -> Iterator[Block]:
        result = self.reduce(as_tensor(as_component(key)), self.wrap(Listed(tuple(group))))
        yield from result.__jkeras_node__().blocks(run, rows)
