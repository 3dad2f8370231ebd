"""Places for a whole model: groups are laid out from the inside to the outside, each as one item of the picture around it.

Where an edge enters or leaves a group, the group has a *port* on its border. The picture inside leads from the port to the box,
the picture outside treats the port as the place where its item is touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from jkeras.visualization.layered import GAP, Level, Link, Way, lay_out
from jkeras.visualization.model_graph import Box, Edge, Group, ModelGraph
from jkeras.visualization.shapes import Point

DIRECTIONS = ("TB", "LR", "BT", "RL")
_TURNED = ("LR", "RL")
_SIDE = 12.0  # between a group's border and what it holds
_MARGIN = 10.0  # around the whole


class Area(NamedTuple):
    """A rectangle: left, top, width and height in points."""

    x: float
    y: float
    width: float
    height: float

    def moved(self, dx: float, dy: float) -> Area:
        """The same rectangle elsewhere."""
        return Area(self.x + dx, self.y + dy, self.width, self.height)

    def turned(self) -> Area:
        """With its two axes exchanged."""
        return Area(self.y, self.x, self.height, self.width)


class Placement(NamedTuple):
    """Where everything is.

    Attributes:
        width, height: of the page, in points.
        boxes, groups: by key.
        ways: of each visible edge, (source, target) -> way.
    """

    width: float
    height: float
    boxes: dict[str, Area]
    groups: dict[str, Area]
    ways: dict[tuple[str, str], Way]


def place(
    graph: ModelGraph,
    sizes: Mapping[str, tuple[float, float]],
    labels: Mapping[str, tuple[float, float]],
    rankdir: str = "TB",
    curved: bool = True,
    fold: int | None = None,
) -> Placement:
    """Place the boxes, groups and edges of a model.

    Args:
        graph: what there is.
        sizes: width and height of each box, by key, in points.
        labels: width and height of each group's title, by key, in points.
        rankdir: where edges lead: `TB` downwards, `LR` to the right, `BT` upwards, `RL` to the left.
        curved: whether edges bend smoothly.
        fold: how many strips the whole is cut into; None for as many as a long picture needs, in groups too.
    """
    turned = rankdir in _TURNED
    upright = {key: (h, w) if turned else (w, h) for key, (w, h) in sizes.items()}
    part = _part(graph.root, graph.edges, upright, labels, rankdir, curved, fold)
    part = part.moved(_MARGIN, _MARGIN)
    hidden = {(edge.source, edge.target) for edge in graph.edges if edge.hidden}
    ways = {pair: way for pair, way in part.ways.items() if pair not in hidden}
    page = Placement(part.width + 2 * _MARGIN, part.height + 2 * _MARGIN, part.boxes, part.groups, ways)
    if turned:
        page = _exchange_axes(page)
    return page if rankdir in ("TB", "LR") else _mirror(page, vertical=rankdir == "BT")


class _Part(NamedTuple):
    """A finished group: what is inside, and the ways between its ports and its boxes."""

    width: float
    height: float
    boxes: dict[str, Area]
    groups: dict[str, Area]
    ways: dict[tuple[str, str], Way]
    entries: dict[str, Way]
    exits: dict[str, Way]

    def moved(self, dx: float, dy: float) -> _Part:
        return _Part(
            self.width,
            self.height,
            {key: area.moved(dx, dy) for key, area in self.boxes.items()},
            {key: area.moved(dx, dy) for key, area in self.groups.items()},
            {pair: way.moved(dx, dy) for pair, way in self.ways.items()},
            {key: way.moved(dx, dy) for key, way in self.entries.items()},
            {key: way.moved(dx, dy) for key, way in self.exits.items()},
        )


def _part(
    group: Group,
    edges: tuple[Edge, ...],
    sizes: Mapping[str, tuple[float, float]],
    labels: Mapping[str, tuple[float, float]],
    rankdir: str,
    curved: bool,
    fold: int | None,
) -> _Part:
    """Lay out a group; `edges` are those that touch it."""
    owner = {box.key: i for i, m in enumerate(group.members) for box in ([m] if isinstance(m, Box) else m.boxes())}
    inner: dict[int, _Part] = {}
    for i, member in enumerate(group.members):
        if isinstance(member, Group):
            touching = tuple(e for e in edges if i in (owner.get(e.source), owner.get(e.target)))
            inner[i] = _part(member, touching, sizes, labels, rankdir, curved, None if fold is None else 1)
    items = [(inner[i].width, inner[i].height) if i in inner else sizes[m.key] for i, m in enumerate(group.members)]
    entering = list(dict.fromkeys(e.target for e in edges if e.target in owner and e.source not in owner))
    leaving = list(dict.fromkeys(e.source for e in edges if e.source in owner and e.target not in owner))
    within = list(
        dict.fromkeys(
            (e.source, e.target)
            for e in edges
            if e.source in owner and e.target in owner and (owner[e.source] != owner[e.target] or owner[e.source] not in inner)
        )
    )
    ports = [(4.0, 0.0)] * (len(entering) + len(leaving))
    first = range(len(items), len(items) + len(entering))
    last = range(first.stop, first.stop + len(leaving))

    def out(key: str) -> float | None:
        part = inner.get(owner[key])
        return None if part is None else _end(part.exits[key])[0] - part.width / 2

    def into(key: str) -> float | None:
        part = inner.get(owner[key])
        return None if part is None else part.entries[key].start[0] - part.width / 2

    links = [Link(owner[a], owner[b], out(a), into(b)) for a, b in within]
    links += [Link(port, owner[key], None, into(key)) for port, key in zip(first, entering)]
    links += [Link(owner[key], port, out(key), None) for port, key in zip(last, leaving)]
    level = lay_out(items + ports, links, frozenset(first), frozenset(last), curved, fold, 0.5 if rankdir in _TURNED else 1.3)
    return _assemble(group, level, inner, within, entering, leaving, owner, items, labels.get(group.key, (0.0, 0.0)), rankdir)


def _assemble(
    group: Group,
    level: Level,
    inner: dict[int, _Part],
    within: list[tuple[str, str]],
    entering: list[str],
    leaving: list[str],
    owner: dict[str, int],
    items: list[tuple[float, float]],
    label: tuple[float, float],
    rankdir: str,
) -> _Part:
    """Put the parts of a level together, with the group's border around them."""
    boxes: dict[str, Area] = {}
    groups: dict[str, Area] = {}
    ways: dict[tuple[str, str], Way] = {}
    placed: dict[int, _Part] = {}
    for i, member in enumerate(group.members):
        (x, y), (width, height) = level.middles[i], items[i]
        area = Area(x - width / 2, y - height / 2, width, height)
        if isinstance(member, Box):
            boxes[member.key] = area
            continue
        part = placed[i] = inner[i].moved(area.x, area.y)
        groups |= {member.key: area, **part.groups}
        boxes |= part.boxes
        ways |= part.ways

    def full(way: Way, source: str | None, target: str | None) -> Way:
        """A way of this level with its ends inside groups."""
        if source is not None and owner[source] in placed:
            way = _joined(placed[owner[source]].exits[source], way)
        if target is not None and owner[target] in placed:
            way = _joined(way, placed[owner[target]].entries[target])
        return way

    drawn = iter(level.ways)
    ways |= {(a, b): full(next(drawn), a, b) for a, b in within}
    entries = {key: full(next(drawn), None, key) for key in entering}
    exits = {key: full(next(drawn), key, None) for key in leaving}
    part = _Part(level.width, level.height, boxes, groups, ways, entries, exits)
    return part if not group.key else _bordered(part, label, rankdir)


def _bordered(part: _Part, label: tuple[float, float], rankdir: str) -> _Part:
    """A part with room for its border and its title, which stands above on the left; ports stay on the border."""
    title = label[0] + 2 * _SIDE
    if rankdir in _TURNED:
        sides = (label[1] + 4, _SIDE)
        before = after = max(0.0, title - part.height) / 2
        before, after = (before if part.entries else max(before, _SIDE)), (after if part.exits else max(after, _SIDE))
    else:  # beside the leftmost port of the upper border
        ports = [way.start[0] for way in part.entries.values()] if rankdir == "TB" else [_end(w)[0] for w in part.exits.values()]
        room = min(ports) + _SIDE - 4 if ports else part.width + 2 * _SIDE
        more = max(0.0, title - _SIDE / 2 - room) if ports else max(0.0, title - room) / 2
        sides = (_SIDE + more, _SIDE + more)
        above = max(0.0, label[1] - GAP + 5) if ports else label[1] + 5
        below = 0.0 if (part.exits if rankdir == "TB" else part.entries) else _SIDE
        before, after = (above, below) if rankdir == "TB" else (below, above)
    width, height = part.width + sum(sides), part.height + before + after
    inside = part.moved(sides[0], before)
    entries = {k: _joined(_straight(w.start, (w.start[0], 0.0), False), w) for k, w in inside.entries.items()}
    exits = {k: _joined(w, _straight(_end(w), (_end(w)[0], height), True)) for k, w in inside.exits.items()}
    return _Part(width, height, inside.boxes, inside.groups, inside.ways, entries, exits)


def _straight(point: Point, border: Point, leaving: bool) -> Way:
    """The straight way between a point and a group's border."""
    start, end = (point, border) if leaving else (border, point)
    return Way(start, () if start == end else ((end,),))


def _joined(before: Way, after: Way) -> Way:
    return Way(before.start, (*before.parts, *after.parts))


def _end(way: Way) -> Point:
    return way.parts[-1][-1] if way.parts else way.start


def _exchange_axes(page: Placement) -> Placement:
    ways = {
        pair: Way(way.start[::-1], tuple(tuple((y, x) for x, y in part) for part in way.parts)) for pair, way in page.ways.items()
    }
    boxes = {key: area.turned() for key, area in page.boxes.items()}
    return Placement(page.height, page.width, boxes, {key: area.turned() for key, area in page.groups.items()}, ways)


def _mirror(page: Placement, vertical: bool) -> Placement:
    """The picture upside down, or seen in a mirror."""

    def point(p: Point) -> Point:
        return (p[0], page.height - p[1]) if vertical else (page.width - p[0], p[1])

    def area(a: Area) -> Area:
        if vertical:
            return Area(a.x, page.height - a.y - a.height, a.width, a.height)
        return Area(page.width - a.x - a.width, a.y, a.width, a.height)

    ways = {
        pair: Way(point(way.start), tuple(tuple(point(p) for p in part) for part in way.parts)) for pair, way in page.ways.items()
    }
    boxes = {key: area(a) for key, a in page.boxes.items()}
    return Placement(page.width, page.height, boxes, {key: area(a) for key, a in page.groups.items()}, ways)
