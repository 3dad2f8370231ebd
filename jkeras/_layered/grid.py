"""The grid of a flat graph: in which row each item stands, in which order, and where along the row.

Where a link passes a row, the row has a *bend*, a narrow place kept free for it. *Vertices* are the items, then the bends.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import pairwise

from jkeras._layered.alignment import align
from jkeras._layered.ordering import order_rows
from jkeras._layered.ranking import backward_edges, rows_of

GAP = 22.0  # free space between two bands of rows and between two items
_BEND = 6.0


@dataclass(frozen=True)
class Link:
    """An edge between two items; `out` and `into` fix where it leaves and enters, relative to the items' middles."""

    source: int
    target: int
    out: float | None = None
    into: float | None = None


class Grid:
    """The place of every vertex.

    Attributes:
        row, x, widths: of each vertex.
        rows: the vertices of each row, from left to right.
        chains: of each link, the vertices that it passes, its ends included.
        backward: the links that lead up.
    """

    def __init__(
        self,
        sizes: Sequence[tuple[float, float]],
        links: Sequence[Link],
        first: AbstractSet[int] = frozenset(),
        last: AbstractSet[int] = frozenset(),
    ):
        self.sizes, self.links = sizes, links
        pairs = [(link.source, link.target) for link in links]
        self.backward = backward_edges(len(sizes), pairs)
        forward = [pair for i, pair in enumerate(pairs) if i not in self.backward]
        self.row = rows_of(len(sizes), forward, first, last)
        self.widths = [width for width, _ in sizes]
        shared: dict[tuple[int, float | None, int], int] = {}
        self.chains = [self._chain(i, link, shared) for i, link in enumerate(links)]
        self.rows = self._ordered()
        self.x = self._aligned()

    def _chain(self, i: int, link: Link, shared: dict[tuple[int, float | None, int], int]) -> list[int]:
        """The vertices of a link. One that leads back goes down beside its source, up to the row of its target, and into it."""
        source, target = link.source, link.target
        if i in self.backward:
            return [source, *(self._bend(r) for r in range(self.row[source], self.row[target] - 1, -1)), target]
        bends = []
        for r in range(self.row[source] + 1, self.row[target]):
            key = (source, link.out, r)
            if key not in shared:
                shared[key] = self._bend(r)
            bends.append(shared[key])
        return [source, *bends, target]

    def _bend(self, row: int) -> int:
        self.row.append(row)
        self.widths.append(_BEND)
        return len(self.row) - 1

    def segments(self) -> list[tuple[int, int]]:
        """Pairs of vertices in neighbouring rows that a link joins, the upper one first, each pair once."""
        found: dict[tuple[int, int], None] = {}
        for chain in self.chains:
            for a, b in pairwise(chain):
                if self.row[a] != self.row[b]:
                    found[(a, b) if self.row[a] < self.row[b] else (b, a)] = None
        return list(found)

    def _ordered(self) -> list[list[int]]:
        rows: list[list[int]] = [[] for _ in range(max(self.row, default=-1) + 1)]
        for v, r in enumerate(self.row):
            rows[r].append(v)
        return order_rows(rows, self.segments())

    def _aligned(self) -> list[float]:
        """The middle of each vertex. One whose links touch it at fixed places is aligned there."""
        fixed: dict[int, list[float]] = {}
        for link in self.links:
            for item, at in ((link.source, link.out), (link.target, link.into)):
                if at is not None:
                    fixed.setdefault(item, []).append(at)
        anchors = [statistics.median(fixed.get(v, [0.0])) for v in range(len(self.widths))]
        sides = [(width / 2 + anchor, width / 2 - anchor) for width, anchor in zip(self.widths, anchors)]
        bends = set(range(len(self.sizes), len(self.widths)))
        places = align(self.rows, self.segments(), sides, bends, GAP)
        return [place - anchor for place, anchor in zip(places, anchors)]

    def cuttable(self) -> list[int]:
        """The rows above which the picture may be cut: what leads to them comes from one vertex, and nothing leads back there."""
        sources: dict[int, set[int]] = {}
        for upper, lower in self.segments():
            sources.setdefault(self.row[lower], set()).add(upper)
        for i in self.backward:
            link = self.links[i]
            for row in range(self.row[link.target], self.row[link.source] + 2):
                sources.pop(row, None)
        return [row for row in range(2, len(self.rows) - 1) if len(sources.get(row, ())) == 1]
