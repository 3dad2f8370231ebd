"""The layout of a graph with groups: each group is laid out first, then stands as one item in the picture around it.

Where edges enter or leave a group, its border has a *port*. The route inside runs between the port and a node; outside, the port
is where edges touch the group's item. Both pieces, joined, are the route of the edge.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from jkeras._layered.flat import FlatLayout, lay_out
from jkeras._layered.geometry import Area, Move, Point, Route, shift
from jkeras._layered.grid import GAP, Link

Edge = tuple[str, str]
_Ends = tuple[str | None, str | None]  # an edge as a group sees it: None is an end beyond its border
_SIDE = 12.0  # between a group's border and what it holds
_MARGIN = 10.0  # around the whole
_PORT = (4.0, 0.0)


@dataclass(frozen=True)
class Node:
    """A rectangle to place, by its key and size."""

    key: str
    width: float
    height: float


@dataclass(frozen=True)
class Group:
    """Nodes and groups in one frame, and the width and height of its title, which stands at the upper left."""

    key: str
    members: tuple[Node | Group, ...]
    title: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class Layout:
    """Where everything is.

    Attributes:
        width, height: of the page.
        nodes, groups: the rectangle of each, by key.
        routes: the line of each edge, by its source and target.
    """

    width: float
    height: float
    nodes: dict[str, Area]
    groups: dict[str, Area]
    routes: dict[Edge, Route]


def layout(
    members: Sequence[Node | Group],
    edges: Sequence[Edge],
    direction: str = "TB",
    curved: bool = True,
    fold: int | None = None,
) -> Layout:
    """Place nodes and groups in layers, and lead the edges between them so that no edge crosses a node.

    Args:
        members: the nodes and groups; keys are unique.
        edges: pairs of keys of nodes. Cycles and loops are allowed; an edge given twice counts once.
        direction: where edges lead: `TB` downwards, `LR` to the right, `BT` upwards, `RL` to the left.
        curved: whether edges bend smoothly; otherwise they consist of straight lines.
        fold: how many strips to cut the picture into; None for as many as a long picture needs, in groups too.

    Example:
        >>> page = layout([Node("a", 40, 20), Node("b", 60, 20)], [("a", "b")])
        >>> page.nodes["a"], page.routes["a", "b"].end
        (Area(x=20.0, y=10.0, width=40.0, height=20.0), (40.0, 52.0))
    """
    turned = direction in ("LR", "RL")
    part = _laid_out(members, edges, direction, curved, fold)
    width, height = part.width + 2 * _MARGIN, part.height + 2 * _MARGIN
    if turned:
        width, height = height, width

    def to_page(point: Point) -> Point:
        """From the picture whose edges lead downwards to the page."""
        x, y = point[0] + _MARGIN, point[1] + _MARGIN
        if turned:
            x, y = y, x
        return width - x if direction == "RL" else x, height - y if direction == "BT" else y

    page = part.mapped(to_page)
    return Layout(width, height, page.nodes, page.groups, page.whole_routes())


@dataclass(frozen=True)
class _Part:
    """A finished group, its upper left corner at (0, 0). Routes to and from its ports have None as the other end."""

    width: float
    height: float
    nodes: dict[str, Area]
    groups: dict[str, Area]
    routes: dict[_Ends, Route]

    def mapped(self, move: Move) -> _Part:
        return _Part(
            self.width,
            self.height,
            {key: area.mapped(move) for key, area in self.nodes.items()},
            {key: area.mapped(move) for key, area in self.groups.items()},
            {ends: route.mapped(move) for ends, route in self.routes.items()},
        )

    def whole_routes(self) -> dict[Edge, Route]:
        """The routes that begin and end inside."""
        return {(a, b): route for (a, b), route in self.routes.items() if a is not None and b is not None}


def _keys(member: Node | Group) -> Iterator[str]:
    """The keys of a node, or of all nodes in a group."""
    if isinstance(member, Node):
        yield member.key
    else:
        for inner in member.members:
            yield from _keys(inner)


def _laid_out(members: Sequence[Node | Group], edges: Sequence[Edge], direction: str, curved: bool, fold: int | None) -> _Part:
    """Lay out the members of one group; `edges` are those with an end inside. The picture's edges lead downwards."""
    turned = direction in ("LR", "RL")
    owner = {key: i for i, member in enumerate(members) for key in _keys(member)}
    inner: dict[int, _Part] = {}
    sizes = []
    for i, member in enumerate(members):
        if isinstance(member, Group):
            touching = [(a, b) for a, b in edges if i in (owner.get(a), owner.get(b))]
            part = _laid_out(member.members, touching, direction, curved, None if fold is None else 1)
            part = inner[i] = _bordered(part, member.title, direction)
            sizes.append((part.width, part.height))
        else:
            sizes.append((member.height, member.width) if turned else (member.width, member.height))

    def seen(edge: Edge) -> _Ends:
        a, b = edge
        return a if a in owner else None, b if b in owner else None

    ends = {seen((a, b)): None for a, b in edges if owner.get(a) != owner.get(b) or owner[a] not in inner}
    ordered = sorted(ends, key=lambda pair: (pair[1] is None, pair[0] is None))  # those from and to ports at the end
    numbers = count(len(members))
    links, first, last = [], set(), set()
    for a, b in ordered:
        source = next(numbers) if a is None else owner[a]
        target = next(numbers) if b is None else owner[b]
        first |= {source} if a is None else set()
        last |= {target} if b is None else set()
        out = inner[source].routes[a, None].end[0] - inner[source].width / 2 if source in inner else None
        into = inner[target].routes[None, b].start[0] - inner[target].width / 2 if target in inner else None
        links.append(Link(source, target, out, into))
    ports = [_PORT] * (len(first) + len(last))
    flat = lay_out([*sizes, *ports], links, first, last, curved, fold, 0.5 if turned else 1.3)
    return _assembled(members, flat, inner, sizes, dict(zip(ordered, links)))


def _assembled(
    members: Sequence[Node | Group],
    flat: FlatLayout,
    inner: dict[int, _Part],
    sizes: Sequence[tuple[float, float]],
    links: dict[_Ends, Link],
) -> _Part:
    """Put the inner groups in their places, and join routes at their ports."""
    nodes: dict[str, Area] = {}
    groups: dict[str, Area] = {}
    routes: dict[_Ends, Route] = {}
    placed: dict[int, _Part] = {}
    for i, (member, (x, y), (width, height)) in enumerate(zip(members, flat.middles, sizes)):
        area = Area(x - width / 2, y - height / 2, width, height)
        if isinstance(member, Node):
            nodes[member.key] = area
            continue
        part = placed[i] = inner[i].mapped(shift(area.x, area.y))
        nodes |= part.nodes
        groups |= {member.key: area, **part.groups}
        routes.update(part.whole_routes().items())
    for ((a, b), link), route in zip(links.items(), flat.routes):
        if link.source in placed:
            route = placed[link.source].routes[a, None].then(route)
        if link.target in placed:
            route = route.then(placed[link.target].routes[None, b])
        routes[a, b] = route
    return _Part(flat.width, flat.height, nodes, groups, routes)


def _bordered(part: _Part, title: tuple[float, float], direction: str) -> _Part:
    """A part with room for its border and its title, its ports moved to the border."""
    above_ports = [route.start[0] for (a, _), route in part.routes.items() if a is None]
    below_ports = [route.end[0] for (_, b), route in part.routes.items() if b is None]
    wide = title[0] + 2 * _SIDE
    if direction in ("LR", "RL"):
        left, right = title[1] + 4, _SIDE
        middle = max(0.0, wide - part.height) / 2
        above = middle if above_ports else max(middle, _SIDE)
        below = middle if below_ports else max(middle, _SIDE)
    else:  # the title stands beside the leftmost port of the border that will be the upper one
        beside, opposite = (above_ports, below_ports) if direction == "TB" else (below_ports, above_ports)
        room = min(beside) + _SIDE - 4 if beside else part.width + 2 * _SIDE
        left = right = _SIDE + (max(0.0, wide - _SIDE / 2 - room) if beside else max(0.0, wide - room) / 2)
        above = max(0.0, title[1] - GAP + 5) if beside else title[1] + 5
        below = 0.0 if opposite else _SIDE
        if direction == "BT":
            above, below = below, above
    width, height = part.width + left + right, part.height + above + below
    inside = part.mapped(shift(left, above))
    routes = dict(inside.routes)
    for (a, b), route in inside.routes.items():
        if a is None:
            routes[a, b] = _straight((route.start[0], 0.0), route.start).then(route)
        elif b is None:
            routes[a, b] = route.then(_straight(route.end, (route.end[0], height)))
    return _Part(width, height, inside.nodes, inside.groups, routes)


def _straight(start: Point, end: Point) -> Route:
    return Route(start, () if start == end else ((end,),))
