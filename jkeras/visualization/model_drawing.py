"""From a model's graph to a finished drawing."""

from __future__ import annotations

from itertools import pairwise

from jkeras import _layered
from jkeras.visualization.box_table import INK, LINE, box_shapes, box_size
from jkeras.visualization.model_graph import Box, Group, ModelGraph
from jkeras.visualization.shapes import Drawing, Part, Point, Polygon, Rectangle, Shape, Stroke, Text
from jkeras.visualization.text_width import text_width, wrap

_TITLE_SIZE, _TITLE_LINE, _TITLE_WIDTH = 9.0, 11.5, 150.0
_EDGE = "#4a5563"
_SHADES = ("#f6f7fb", "#eef1f8")  # of groups, by depth
_HEAD_LENGTH, _HEAD_WIDTH = 7.0, 6.0


def model_layout(graph: ModelGraph, rankdir: str = "TB", curved: bool = True, fold: int | None = None) -> _layered.Layout:
    """The positions of a graph's parts, with boxes as large as their text needs."""
    edges = [(edge.source, edge.target) for edge in graph.edges]
    return _layered.layout(_sized(graph.root), edges, rankdir, curved, fold)


def _sized(group: Group) -> tuple[_layered.Node | _layered.Group, ...]:
    return tuple(
        _layered.Node(member.key, *box_size(member.content))
        if isinstance(member, Box)
        else _layered.Group(member.key, _sized(member), _title_size(member))
        for member in group.members
    )


def model_drawing(graph: ModelGraph, rankdir: str = "TB", curved: bool = True, fold: int | None = None) -> Drawing:
    """The drawing of a graph: groups behind, then edges, then boxes.

    Args:
        graph: of a model.
        rankdir: `TB`, `LR`, `BT` or `RL`.
        curved: whether edges bend smoothly; otherwise they are straight lines.
        fold: how many strips to cut the picture into; None for as many as a long one needs.

    Example:
        >>> from jkeras.layers import Dense, Input
        >>> from jkeras.models import Model
        >>> from jkeras.visualization.model_graph import model_graph
        >>> x = Input((4,))
        >>> drawing = model_drawing(model_graph(Model(x, Dense(2)(x), name="small")))
        >>> drawing.title, drawing.height > drawing.width
        ('small', False)
    """
    layout = model_layout(graph, rankdir, curved, fold)
    shapes: list[Shape] = []
    for group in graph.root.groups():
        shapes += _group_shapes(group, layout.groups[group.key])
    shapes += _edges_shapes([layout.routes[edge.source, edge.target] for edge in graph.edges if not edge.hidden])
    for box in graph.root.boxes():
        area = layout.nodes[box.key]
        shapes += box_shapes(box.content, area.x, area.y, area.width, area.height)
    return Drawing(layout.width, layout.height, tuple(shapes), graph.root.name)


def _title(group: Group) -> list[str]:
    """The lines of a group's title: name and class, in two lines or more if they are long."""
    whole = f"{group.name} ({group.kind})"
    if text_width(whole, _TITLE_SIZE, True) <= _TITLE_WIDTH:
        return [whole]
    return [*wrap(group.name, _TITLE_SIZE, _TITLE_WIDTH, True), *wrap(f"({group.kind})", _TITLE_SIZE, _TITLE_WIDTH, True)]


def _title_size(group: Group) -> tuple[float, float]:
    lines = _title(group)
    return max(text_width(line, _TITLE_SIZE, True) for line in lines), _TITLE_LINE * len(lines) + 6


def _group_shapes(group: Group, area: _layered.Area) -> list[Shape]:
    shade = _SHADES[group.key.count("/") % len(_SHADES)]
    shapes: list[Shape] = [Rectangle(area.x, area.y, area.width, area.height, shade, LINE, 0.9, 6, dashed=True)]
    for i, line in enumerate(_title(group)):
        base = area.y + 3 + _TITLE_LINE * (i + 0.5) + 0.36 * _TITLE_SIZE
        shapes.append(Text(area.x + 8, base, line, _TITLE_SIZE, INK, bold=True))
    return shapes


def _edges_shapes(routes: list[_layered.Route]) -> list[Shape]:
    """Lines and the heads of their arrows. A part that several edges share is drawn once: twice, it would look bolder."""
    drawn: set[tuple[Point, Part]] = set()
    lines: list[Shape] = []
    heads: dict[Polygon, None] = {}
    for route in routes:
        end, head = _arrow(route)
        heads[head] = None
        run: list[Part] = []
        at = start = route.start
        for part in (*route.parts[:-1], (end,)):
            if (at, part) in drawn:
                lines += [Stroke(start, _merged(tuple(run), start), _EDGE, 1.2)] if run else []
                run, start = [], part[-1]
            else:
                drawn.add((at, part))
                run.append(part)
            at = part[-1]
        lines += [Stroke(start, _merged(tuple(run), start), _EDGE, 1.2)] if run else []
    return [*lines, *heads]


def _arrow(route: _layered.Route) -> tuple[Point, Polygon]:
    """Where the line of an edge ends, and the arrow's head there, on the straight end of its route."""
    before, tip = [route.start, *(part[-1] for part in route.parts)][-2:]
    length = abs(tip[0] - before[0]) + abs(tip[1] - before[1])  # the end is parallel to an axis
    along = ((tip[0] - before[0]) / length, (tip[1] - before[1]) / length)
    foot = (tip[0] - along[0] * _HEAD_LENGTH, tip[1] - along[1] * _HEAD_LENGTH)
    across = (along[1] * _HEAD_WIDTH / 2, along[0] * _HEAD_WIDTH / 2)
    head = Polygon((tip, (foot[0] + across[0], foot[1] + across[1]), (foot[0] - across[0], foot[1] - across[1])), _EDGE)
    return (tip[0] - along[0] * _HEAD_LENGTH / 2, tip[1] - along[1] * _HEAD_LENGTH / 2), head


def _merged(parts: tuple[Part, ...], start: Point) -> tuple[Part, ...]:
    """The parts, with straight ones in the same direction joined."""
    merged: list[Part] = []
    points = [start, *(part[-1] for part in parts)]
    for i, (a, b) in enumerate(pairwise(points)):
        straight = i and len(parts[i]) == 1 and len(parts[i - 1]) == 1
        z = points[i - 1]
        if straight and abs((b[0] - a[0]) * (a[1] - z[1]) - (b[1] - a[1]) * (a[0] - z[0])) < 1e-9:
            merged[-1] = parts[i]
        else:
            merged.append(parts[i])
    return tuple(merged)
