"""A layered picture of a flat graph: rows of items from top to bottom, and routes that cross no item.

A row has a band as high as its highest item, and nothing stands between two bands. Within a band an edge runs straight down
through a place kept free for it, a *bend*; only between bands does it go sideways. So no edge can cross an item. Edges with the
same source share their bends: a tensor that goes to many places is one line that branches.

A long picture is folded into strips, cut where all that leads from one row to the next comes from one vertex.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import pairwise

from jkeras._layered.folding import choose_cuts
from jkeras._layered.geometry import Point, Route
from jkeras._layered.grid import GAP, Grid, Link
from jkeras._layered.pen import Pen

_STRAIGHT = 11.0  # the last part of the gap above a band, where links are straight: the arrow's head lies on it
_MOST = 90.0
_SPREAD = 13.0
_LEAD, _TAIL = 26.0, 12.0  # above and below a strip, for the route from one to the next


@dataclass(frozen=True)
class FlatLayout:
    """A finished picture.

    Attributes:
        width, height: of the whole.
        middles: of each item.
        routes: of each link, from the lower side of its source to the upper side of its target.
    """

    width: float
    height: float
    middles: tuple[Point, ...]
    routes: tuple[Route, ...]


def lay_out(
    sizes: Sequence[tuple[float, float]],
    links: Sequence[Link],
    first: AbstractSet[int] = frozenset(),
    last: AbstractSet[int] = frozenset(),
    curved: bool = True,
    fold: int | None = 1,
    ratio: float = 1.0,
) -> FlatLayout:
    """Place items and lead links between them.

    Args:
        sizes: width and height of each item.
        links: between items.
        first, last: items that have the first and the last row to themselves.
        curved: whether links bend smoothly; otherwise they consist of straight lines.
        fold: how many strips to cut the picture into; None for as many as a long picture needs.
        ratio: width to height of the page that folding aims at.

    Example:
        >>> flat = lay_out([(40, 20), (60, 20)], [Link(0, 1)])
        >>> flat.middles
        ((30.0, 10.0), (30.0, 52.0))
        >>> flat.routes[0].start
        (30.0, 20.0)
    """
    grid = Grid(sizes, links, first, last)
    return _Picture(grid, bool(first), bool(last), curved, fold, ratio).finished()


class _Picture:
    """Rows with their bands, in strips, and the routes between them."""

    def __init__(self, grid: Grid, ports_above: bool, ports_below: bool, curved: bool, fold: int | None, ratio: float):
        self.grid, self.curved = grid, curved
        self.row, self.x = grid.row, list(grid.x)
        count = len(grid.sizes)
        heights = [max((grid.sizes[v][1] for v in row if v < count), default=0.0) for row in grid.rows]
        self.cuts = choose_cuts([h + GAP for h in heights], grid.cuttable(), self._right(), fold, ratio)
        self.offsets = self._spread()
        self.spaces, self.bands, self.height = self._stacked(heights)
        self.gutters: dict[int, float] = {}
        if self.cuts:
            self._fold(ports_above, ports_below)

    def _spread(self) -> dict[tuple[int, int, bool], float]:
        """Where links touch their items: (item, vertex at the other end, leaving) -> distance from the item's middle.

        What comes from straight above touches the middle; what comes from the sides touches beside it.
        """
        ends: dict[tuple[int, bool], set[int]] = {}
        for link, chain in zip(self.grid.links, self.grid.chains):
            ends.setdefault((link.source, True), set()).add(chain[1])
            ends.setdefault((link.target, False), set()).add(chain[-2])
        offsets = {}
        for (item, leaving), others in ends.items():
            ordered = sorted(others, key=self.x.__getitem__)
            straight = [i for i, v in enumerate(ordered) if abs(self.x[v] - self.x[item]) < 1]
            zero = straight[0] if straight else (len(ordered) - 1) / 2
            most = max(zero, len(ordered) - 1 - zero)
            step = min(_SPREAD, max(0.0, self.grid.widths[item] / 2 - 8) / most) if most else 0.0
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

    def _stacked(self, heights: list[float]) -> tuple[list[float], list[tuple[float, float]], float]:
        """The space above each band and below the last, the upper and lower end of each band, and the height of all."""
        reach = [0.0] * (len(heights) + 1)  # how far sideways a link goes in each space
        turns = [False] * (len(heights) + 1)
        for link, chain in zip(self.grid.links, self.grid.chains):
            for i, (a, b) in enumerate(pairwise(chain)):
                above, below = self.row[a], self.row[b]
                space = max(above, below)
                if above == below:  # around the lower end of the band at the start of a way back, the upper at its end
                    space += i == 0
                    turns[space] = True
                reach[space] = max(reach[space], abs(self._touch(link, chain, i) - self._touch(link, chain, i + 1)))
        spaces = [min(_MOST, GAP + max(0.0, 0.11 * (d - 20)) + 10 * turn) for d, turn in zip(reach, turns)]
        bands = []
        y = spaces[0] if turns[0] else 0.0
        for i, height in enumerate(heights):
            bands.append((y, y + height))
            y += height + (spaces[i + 1] if i + 1 < len(heights) or turns[i + 1] else 0.0)
        return spaces, bands, y

    def _fold(self, ports_above: bool, ports_below: bool) -> None:
        """Put the strips side by side; the rows of ports stay at the upper and the lower border."""
        starts = [0, *self.cuts, len(self.bands)]
        right = -2 * GAP
        bottom = 0.0
        for start, end in pairwise(starts):
            inside = [v for row in self.grid.rows[start:end] for v in row]
            left = min(self.x[v] - self.grid.widths[v] / 2 for v in inside)
            if start:
                self.gutters[start] = right + GAP
            across = right + 2 * GAP - left
            for v in inside:
                self.x[v] += across
            right = max(self.x[v] + self.grid.widths[v] / 2 for v in inside)
            top = 0.0 if ports_above and not start else max(_LEAD, self.bands[0][0] if not start else 0.0)
            drop = top - self.bands[start][0]
            self.bands[start:end] = [(a + drop, b + drop) for a, b in self.bands[start:end]]
            tail = _TAIL + 8 if end < len(self.bands) else self.height - self.bands[-1][1] + drop
            bottom = max(bottom, self.bands[end - 1][1] + tail)
        self.height = bottom
        if ports_below:
            self.bands[-1] = (bottom, bottom)

    def _right(self) -> float:
        return max((x + width / 2 for x, width in zip(self.x, self.grid.widths)), default=0.0)

    def finished(self) -> FlatLayout:
        """The picture as values."""
        middles = tuple((self.x[v], self._middle(v)) for v in range(len(self.grid.sizes)))
        routes = tuple(self._route(link, chain) for link, chain in zip(self.grid.links, self.grid.chains))
        return FlatLayout(self._right(), self.height, middles, routes)

    def _middle(self, item: int) -> float:
        return sum(self.bands[self.row[item]]) / 2

    def _route(self, link: Link, chain: list[int]) -> Route:
        sizes = self.grid.sizes
        start = (self._touch(link, chain, 0), self._middle(link.source) + sizes[link.source][1] / 2)
        pen = Pen(start, self.curved)
        for i, (a, b) in enumerate(pairwise(chain)):
            self._cross(pen, self.row[a], self.row[b], self._touch(link, chain, i + 1), i == 0)
        pen.line(pen.at[0], self._middle(link.target) - sizes[link.target][1] / 2)
        return pen.route()

    def _cross(self, pen: Pen, start: int, end: int, x: float, departing: bool) -> None:
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
        elif end < start:  # on the way back, from bend to bend
            pen.line(pen.at[0], self.bands[start][0])
            pen.aside(x, bottom)
        elif departing:
            pen.line(pen.at[0], bottom)
            pen.turn(x, 0.8 * self.spaces[end + 1])
        else:
            pen.line(pen.at[0], top - _STRAIGHT)
            pen.turn(x, _STRAIGHT - 0.8 * self.spaces[end])
