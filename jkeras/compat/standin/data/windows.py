"""`window` and then `flat_map` to batches, the idiom for time series, as one step.

`data.window(n, shift=1, drop_remainder=True).flat_map(lambda window: window.batch(n))` would make a dataset for each window. But
what the function does with a window is the same for all: it is called once with windows that have no elements, and if it only
batches and zips them, all windows of a block are cut out at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import numpy as np

from jkeras._base.types import Tree
from jkeras.compat.standin.data.batching import Batch, Window
from jkeras.compat.standin.data.combining import Zip
from jkeras.compat.standin.data.function import called
from jkeras.compat.standin.data.node import Block, Node, Run, Transformation, joined
from jkeras.compat.standin.data.structure import is_dataset, mapped
from jkeras.compat.standin.tensor_spec import TensorSpec

_MOST = 1024  # elements to read at once


class _NoElements(Exception):
    """The function wants the elements of a window."""


@dataclass(frozen=True, eq=False)
class _Probe(Node):
    """A component of a window, whose elements are not known.

    Attributes:
        number: of the component.
    """

    number: int

    @property
    def cardinality(self) -> int:
        raise _NoElements

    @property
    def spec(self) -> Tree:
        raise _NoElements

    def blocks(self, run: Run, rows: int) -> Iterator[Block]:
        raise _NoElements


def batched_windows(node: Node, function: Callable[..., Any]) -> Node | None:
    """`flat_map(function)` of windows as one node; None where it has to be run for each window.

    Args:
        node: what `flat_map` is called on.
        function: its function.
    """
    if not isinstance(node, Window):
        return None
    leaves, structure = jax.tree.flatten(node.parent.spec)
    probes = jax.tree.unflatten(structure, [node.wrap(_Probe(i)) for i in range(len(leaves))])
    try:
        result = called(function, probes)
        picked = _picked(result.__jkeras_node__(), node) if is_dataset(result) else None
    except Exception:  # whatever it needs of real windows; a real error comes again with them
        return None
    return None if picked is None else BatchedWindows(node.parent, node, picked)


def _picked(node: Node, window: Window) -> Tree | None:
    """A nest of the numbers of the components whose windows are whole batches; None where it is something else."""
    if isinstance(node, Batch) and isinstance(node.parent, _Probe):
        whole = node.size >= window.size and (node.size == window.size or not node.drop_remainder)
        return node.parent.number if whole and (window.drop_remainder or not node.drop_remainder) else None
    if isinstance(node, Zip):
        found = mapped(node.structure, lambda part: _picked(part, window))
        return found if len(jax.tree.leaves(found)) == len(node.parents) else None
    return None


@dataclass(frozen=True, eq=False)
class BatchedWindows(Transformation):
    """Windows, each as one element.

    Attributes:
        window: which windows.
        picked: a nest of the numbers of components.
    """

    window: Window
    picked: Tree

    @property
    def cardinality(self) -> int:
        return self.window.cardinality

    @cached_property
    def spec(self) -> Tree:
        size = self.window.size
        leaves = jax.tree.leaves(self.parent.spec)

        def spec(number: int) -> TensorSpec:
            leaf = leaves[number]
            first = size if self.window.drop_remainder or self.parent.cardinality < 0 else min(size, self.parent.cardinality)
            shape = None if leaf.shape is None else (size if self.window.drop_remainder else None, *leaf.shape)
            return TensorSpec(shape, leaf.dtype, sizes=None if leaf.sizes is None else (first, *leaf.sizes))

        return jax.tree.map(spec, self.picked)

    def blocks(self, run: Run, rows: int) -> Iterator[Block]:
        window = self.window
        reach = (window.size - 1) * window.stride + 1
        more = self.parent.blocks(run, max(_MOST, reach) if self.parent.ahead else 1)
        held, start = None, 0  # elements, and where among them the next window begins
        for block in more:
            held = block if held is None else joined([held, block])
            count = (held.rows - start - reach) // window.shift + 1
            if count > 0:
                yield from self._cut(held, start + window.shift * np.arange(count), rows)
                start += count * window.shift
            gone = min(start, held.rows)
            held, start = held.slice(gone), start - gone
        if held is not None and not window.drop_remainder:
            for begin in range(start, held.rows, window.shift):
                part = held.slice(begin, begin + reach).slice(0, None, window.stride)
                yield self._chosen([leaf[None] for leaf in jax.tree.leaves(part.data)], 1)

    def _cut(self, held: Block, starts: np.ndarray, rows: int) -> Iterator[Block]:
        steps = self.window.stride * np.arange(self.window.size)
        for at in range(0, len(starts), rows):
            places = starts[at : at + rows, None] + steps
            yield self._chosen([leaf[places] for leaf in jax.tree.leaves(held.data)], len(places))

    def _chosen(self, leaves: list[np.ndarray], rows: int) -> Block:
        return Block(jax.tree.map(lambda number: leaves[number], self.picked), rows)
