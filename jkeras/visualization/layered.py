"""A layered picture of one flat graph: rows of items from top to bottom, and a way for every edge that touches no item.

A row has a band as high as its highest item; between two bands nothing stands. In a band an edge runs straight down at a place
that was kept free for it, a *bend*; between bands it may go sideways. So no edge can cross an item. Edges with the same
source share their bends: one tensor that goes to many places is one line that branches.

A long picture is folded: where all that leads from one row to the next comes from one vertex, the rest may go on beside.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from jkeras.visualization.alignment import align
from jkeras.visualization.folding import choose_cuts
from jkeras.visualization.ordering import order_rows
from jkeras.visualization.ranking import backward_edges, rows_of
from jkeras.visualization.shapes import Part, Point

GAP = 22.0  # free space between two bands and between two items, in points
_STRAIGHT = 11.0  # of which the last part is straight: the arrow's head lies on it
_MOST = 90.0
_BEND = 6.0
_SPREAD = 13.0
_LEAD, _TAIL = 26.0, 12.0  # above and below a strip, for the way from one to the next


class Way(NamedTuple):
    """The way of an edge: a point, then parts of one more point (straight) or three (a cubic curve)."""

    start: Point
    parts: tuple[Part, ...]

    def moved(self, dx: float, dy: float) -> Way:
        """The same way elsewhere."""
        return Way(
            (self.start[0] + dx, self.start[1] + dy),
            tuple(tuple((x + dx, y + dy) for x, y in part) for part in self.parts),
        )


class Link(NamedTuple):
    """An edge of a flat graph; `out` and `into` fix where it leaves and enters, relative to the items' middles."""

    source: int
    target: int
    out: float | None = None
    into: float | None = None


class Level(NamedTuple):
    """A finished picture of one flat graph.

    Attributes:
        width, height: of the whole, in points.
        middles: of each item.
        ways: of each link, from the lower side of its source to the upper side of its target.
    """

    width: float
    height: float
    middles: tuple[Point, ...]
    ways: tuple[Way, ...]


def lay_out(
    sizes: Sequence[tuple[float, float]],
    links: Sequence[Link],
    first: frozenset[int] = frozenset(),
    last: frozenset[int] = frozenset(),
    curved: bool = True,
    fold: int | None = 1,
    ratio: float = 1.0,
) -> Level:
    """Place items and lead links between them.

    Args:
        sizes: width and height of each item, in points.
        links: between items.
        first, last: items that stand alone in the first and in the last row.
        curved: whether links bend smoothly; else they consist of straight lines.
        fold: into how many strips side by side the picture is cut; None for as many as a long picture needs.
        ratio: width to height of the page, to aim at in folding.

    Example:
        >>> level = lay_out([(40, 20), (60, 20)], [Link(0, 1)])
        >>> level.middles
        ((30.0, 10.0), (30.0, 52.0))
        >>> level.ways[0].start
        (30.0, 20.0)
    """
    return _Layout(sizes, links, first, last, curved, fold, ratio).level()


class _Layout:
    """The work of `lay_out`, step by step. Vertices are the items, then the bends."""

    def __init__(
        self,
        sizes: Sequence[tuple[float, float]],
        links: Sequence[Link],
        first: frozenset[int],
        last: frozenset[int],
        curved: bool,
        fold: int | None,
        ratio: float,
    ):
        self.sizes, self.links, self.curved = sizes, links, curved
        pairs = [(link.source, link.target) for link in links]
        self.backward = backward_edges(len(sizes), pairs)
        forward = [pair for i, pair in enumerate(pairs) if i not in self.backward]
        self.row = rows_of(len(sizes), forward, set(first), set(last))
        self.widths = [width for width, _ in sizes]
        shared: dict[tuple[int, float | None, int], int] = {}
        self.chains = [self._chain(i, link, shared) for i, link in enumerate(links)]
        self.rows = self._ordered()
        bends = set(range(len(sizes), len(self.widths)))
        self.anchors = self._anchors()
        sides = [(width / 2 + anchor, width / 2 - anchor) for width, anchor in zip(self.widths, self.anchors)]
        places = align(self.rows, self._segments(), sides, bends, GAP)
        self.x = [place - anchor for place, anchor in zip(places, self.anchors)]
        self.heights = [max((sizes[v][1] for v in row if v < len(sizes)), default=0.0) for row in self.rows]
        self.cuts = choose_cuts([h + GAP for h in self.heights], self._cuttable(), self._right(self.x), fold, ratio)
        self.offsets = self._spread()
        self._place_bands()
        self._fold(bool(first), bool(last))

    def _chain(self, i: int, link: Link, shared: dict[tuple[int, float | None, int], int]) -> list[int]:
        """The vertices of a link. One that leads back passes beside its target, upwards, and beside its source."""
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

    def _segments(self) -> list[tuple[int, int]]:
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
        return order_rows(rows, self._segments())

    def _anchors(self) -> list[float]:
        """For each vertex, how far right of its middle it is held: where its links touch it, if that is fixed."""
        fixed: dict[int, list[float]] = {}
        for link in self.links:
            for item, at in ((link.source, link.out), (link.target, link.into)):
                if at is not None:
                    fixed.setdefault(item, []).append(at)
        return [statistics.median(fixed[v]) if v in fixed else 0.0 for v in range(len(self.widths))]

    def _spread(self) -> dict[tuple[int, int, bool], float]:
        """Where links touch their items: (item, vertex at the other end, leaving) -> distance from the item's middle.

        What comes from straight above touches the middle, and what comes from the sides touches beside it.
        """
        ends: dict[tuple[int, bool], set[int]] = {}
        for link, chain in zip(self.links, self.chains):
            ends.setdefault((link.source, True), set()).add(chain[1])
            ends.setdefault((link.target, False), set()).add(chain[-2])
        offsets = {}
        for (item, leaving), others in ends.items():
            ordered = sorted(others, key=self.x.__getitem__)
            straight = [i for i, v in enumerate(ordered) if abs(self.x[v] - self.x[item]) < 1]
            zero = straight[0] if straight else (len(ordered) - 1) / 2
            most = max(zero, len(ordered) - 1 - zero)
            step = min(_SPREAD, max(0.0, self.widths[item] / 2 - 8) / most) if most else 0.0
            if leaving and self.row[item] + 1 in self.cuts:
                step = 0.0
            offsets.update({(item, v, leaving): (i - zero) * step for i, v in enumerate(ordered)})
        return offsets

    def _touch(self, link: Link, chain: list[int], i: int) -> float:
        """Where along its row a link meets a vertex of its chain."""
        x = self.x[chain[i]]
        if i == 0:
            return x + (self.offsets[chain[0], chain[1], True] if link.out is None else link.out)
        if i == len(chain) - 1:
            return x + (self.offsets[chain[-1], chain[-2], False] if link.into is None else link.into)
        return x

    def _place_bands(self) -> None:
        heights = self.heights
        reach = [0.0] * (len(heights) + 1)  # how far sideways a link goes in the space above each band, and below the last
        turns = [False] * (len(heights) + 1)
        for link, chain in zip(self.links, self.chains):
            for i in range(len(chain) - 1):
                above, below = self.row[chain[i]], self.row[chain[i + 1]]
                space = max(above, below)
                if above == below:  # around the lower end of the band at the start of a way back, the upper at its end
                    space += i == 0
                    turns[space] = True
                reach[space] = max(reach[space], abs(self._touch(link, chain, i) - self._touch(link, chain, i + 1)))
        self.spaces = [min(_MOST, GAP + max(0.0, 0.11 * (d - 20)) + 10 * turn) for d, turn in zip(reach, turns)]
        self.bands: list[tuple[float, float]] = []
        y = self.spaces[0] if turns[0] else 0.0
        for i, height in enumerate(heights):
            self.bands.append((y, y + height))
            y += height + (self.spaces[i + 1] if i + 1 < len(heights) or turns[i + 1] else 0.0)
        self.height = y

    def _cuttable(self) -> list[int]:
        """The rows above which the picture may be cut: what leads to them comes from one vertex, and nothing leads back there."""
        sources: dict[int, set[int]] = {}
        for upper, lower in self._segments():
            sources.setdefault(self.row[lower], set()).add(upper)
        for i in self.backward:
            link = self.links[i]
            for row in range(self.row[link.target], self.row[link.source] + 2):
                sources.pop(row, None)
        return [row for row in range(2, len(self.rows) - 1) if len(sources.get(row, ())) == 1]

    def _right(self, x: Sequence[float]) -> float:
        return max((x[v] + self.widths[v] / 2 for v in range(len(x))), default=0.0)

    def _fold(self, ports_above: bool, ports_below: bool) -> None:
        """Put the strips side by side; the rows of ports stay at the upper and the lower border."""
        self.gutters: dict[int, float] = {}
        if not self.cuts:
            return
        starts = [0, *self.cuts, len(self.rows)]
        right = -2 * GAP
        bottom = 0.0
        for start, end in pairwise(starts):
            inside = [v for row in self.rows[start:end] for v in row]
            left = min(self.x[v] - self.widths[v] / 2 for v in inside)
            if start:
                self.gutters[start] = right + GAP
            shift = right + 2 * GAP - left
            for v in inside:
                self.x[v] += shift
            right = max(self.x[v] + self.widths[v] / 2 for v in inside)
            top = 0.0 if ports_above and not start else max(_LEAD, self.bands[0][0] if not start else 0.0)
            drop = top - self.bands[start][0]
            self.bands[start:end] = [(a + drop, b + drop) for a, b in self.bands[start:end]]
            tail = _TAIL + 8 if end < len(self.rows) else self.height - self.bands[-1][1] + drop
            bottom = max(bottom, self.bands[end - 1][1] + tail)
        self.height = bottom
        if ports_below:
            self.bands[-1] = (bottom, bottom)

    def level(self) -> Level:
        width = self._right(self.x)
        middles = tuple((self.x[v], sum(self.bands[self.row[v]]) / 2) for v in range(len(self.sizes)))
        ways = tuple(self._way(link, chain) for link, chain in zip(self.links, self.chains))
        return Level(width, self.height, middles, ways)

    def _way(self, link: Link, chain: list[int]) -> Way:
        x = self._touch(link, chain, 0)
        y = sum(self.bands[self.row[link.source]]) / 2 + self.sizes[link.source][1] / 2
        pen = _Pen((x, y), self.curved)
        for i, (a, b) in enumerate(pairwise(chain)):
            self._cross(pen, self.row[a], self.row[b], self._touch(link, chain, i + 1), i == 0)
        pen.line(pen.at[0], sum(self.bands[self.row[link.target]]) / 2 - self.sizes[link.target][1] / 2)
        return Way((x, y), tuple(pen.parts))

    def _cross(self, pen: _Pen, start: int, end: int, x: float, departing: bool) -> None:
        """Go from one vertex to the next: through the space between their bands, or around one end of a band."""
        top, bottom = self.bands[end]
        if end > start and end in self.gutters:
            below, above, gutter = self.bands[start][1], top - _STRAIGHT - 6, self.gutters[end]
            pen.line(pen.at[0], below)
            pen.corners((pen.at[0], below + _TAIL), (gutter, below + _TAIL), (gutter, above), (x, above), (x, top))
        elif end > start:
            pen.line(pen.at[0], self.bands[start][1])
            pen.aside(x, top - _STRAIGHT)
            pen.line(x, top)
        elif end < start:  # a way back, from bend to bend
            pen.line(pen.at[0], self.bands[start][0])
            pen.aside(x, bottom)
        elif departing:
            pen.line(pen.at[0], bottom)
            pen.turn(x, 0.8 * self.spaces[end + 1])
        else:
            pen.line(pen.at[0], top - _STRAIGHT)
            pen.turn(x, _STRAIGHT - 0.8 * self.spaces[end])


class _Pen:
    """Draws a way part by part."""

    def __init__(self, start: Point, curved: bool):
        self.at, self.curved = start, curved
        self.parts: list[Part] = []

    def line(self, x: float, y: float) -> None:
        """Straight to a point; nothing where the pen is there."""
        if abs(x - self.at[0]) + abs(y - self.at[1]) > 1e-6:
            self.parts.append(((x, y),))
            self.at = (x, y)

    def aside(self, x: float, y: float) -> None:
        """To a point in another column, leaving and arriving along the column."""
        x0, y0 = self.at
        if abs(x - x0) < 0.01 or not self.curved:
            self.line(x, y)
            return
        middle = (y0 + y) / 2
        self.parts.append(((x0, middle), (x, middle), (x, y)))
        self.at = (x, y)

    def corners(self, *points: Point) -> None:
        """Along straight lines from point to point, the corners rounded."""
        radius = 6.0 if self.curved else 0.0
        for corner, after in pairwise(points):
            a, b = _towards(corner, self.at, radius), _towards(corner, after, radius)
            self.line(*a)
            if radius and corner != after:
                self.parts.append((_towards(corner, a, radius / 2), _towards(corner, b, radius / 2), b))
                self.at = b
        self.line(*points[-1])

    def turn(self, x: float, depth: float) -> None:
        """To the same height in another column, around what lies `depth` below (or above)."""
        x0, y0 = self.at
        if self.curved:
            self.parts.append(((x0, y0 + depth), (x, y0 + depth), (x, y0)))
        else:
            self.parts += [((x0, y0 + depth * 0.7),), ((x, y0 + depth * 0.7),), ((x, y0),)]
        self.at = (x, y0)


def _towards(start: Point, end: Point, most: float) -> Point:
    """The point a distance away from `start` on the way to `end`, or half-way where that is nearer."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = math.hypot(dx, dy)
    share = min(0.5, most / length) if length else 0.0
    return start[0] + dx * share, start[1] + dy * share
