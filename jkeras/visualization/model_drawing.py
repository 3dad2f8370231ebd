"""From a model's graph to a finished drawing."""

from __future__ import annotations

from itertools import pairwise

from jkeras.visualization.box_table import INK, LINE, box_shapes, box_size
from jkeras.visualization.layered import Way
from jkeras.visualization.model_graph import Group, ModelGraph
from jkeras.visualization.placement import Placement, place
from jkeras.visualization.shapes import Drawing, Part, Point, Polygon, Rectangle, Shape, Stroke, Text
from jkeras.visualization.text_width import text_width, wrap

_TITLE_SIZE, _TITLE_LINE, _TITLE_WIDTH = 9.0, 11.5, 150.0
_EDGE = "#4a5563"
_SHADES = ("#f6f7fb", "#eef1f8")  # of groups, by depth
_HEAD_LENGTH, _HEAD_WIDTH = 7.0, 6.0


def placement_of(graph: ModelGraph, rankdir: str = "TB", curved: bool = True, fold: int | None = None) -> Placement:
    """Where everything of a graph stands when its boxes have the size that their text needs."""
    sizes = {box.key: box_size(box.content) for box in graph.root.boxes()}
    labels = {group.key: _title_size(group) for group in graph.root.groups()}
    return place(graph, sizes, labels, rankdir, curved, fold)


def model_drawing(graph: ModelGraph, rankdir: str = "TB", curved: bool = True, fold: int | None = None) -> Drawing:
    """The drawing of a graph: groups behind, then edges, then boxes.

    Args:
        graph: of a model.
        rankdir: `TB`, `LR`, `BT` or `RL`.
        curved: whether edges bend smoothly.
        fold: how many strips the picture is cut into; None for as many as a long one needs.

    Example:
        >>> from jkeras.layers import Dense, Input
        >>> from jkeras.models import Model
        >>> from jkeras.visualization.model_graph import model_graph
        >>> x = Input((4,))
        >>> drawing = model_drawing(model_graph(Model(x, Dense(2)(x), name="small")))
        >>> drawing.title, drawing.height > drawing.width
        ('small', False)
    """
    placement = placement_of(graph, rankdir, curved, fold)
    shapes: list[Shape] = []
    for group in graph.root.groups():
        shapes += _group_shapes(group, placement)
    shapes += _edges_shapes(list(placement.ways.values()))
    for box in graph.root.boxes():
        shapes += box_shapes(box.content, placement.boxes[box.key])
    return Drawing(placement.width, placement.height, tuple(shapes), graph.root.name)


def _title(group: Group) -> list[str]:
    """The lines of a group's title: name and class, in two lines or more where they are long."""
    whole = f"{group.name} ({group.kind})"
    if text_width(whole, _TITLE_SIZE, True) <= _TITLE_WIDTH:
        return [whole]
    return [*wrap(group.name, _TITLE_SIZE, _TITLE_WIDTH, True), *wrap(f"({group.kind})", _TITLE_SIZE, _TITLE_WIDTH, True)]


def _title_size(group: Group) -> tuple[float, float]:
    lines = _title(group)
    return max(text_width(line, _TITLE_SIZE, True) for line in lines), _TITLE_LINE * len(lines) + 6


def _group_shapes(group: Group, placement: Placement) -> list[Shape]:
    area = placement.groups[group.key]
    shade = _SHADES[group.key.count("/") % len(_SHADES)]
    shapes: list[Shape] = [Rectangle(area.x, area.y, area.width, area.height, shade, LINE, 0.9, 6, dashed=True)]
    for i, line in enumerate(_title(group)):
        base = area.y + 3 + _TITLE_LINE * (i + 0.5) + 0.36 * _TITLE_SIZE
        shapes.append(Text(area.x + 8, base, line, _TITLE_SIZE, INK, bold=True))
    return shapes


def _edges_shapes(ways: list[Way]) -> list[Shape]:
    """Lines and the heads of their arrows. What several edges have in common is drawn once: twice, it would look bolder."""
    drawn: set[tuple[Point, Part]] = set()
    lines: list[Shape] = []
    heads: dict[Polygon, None] = {}
    for way in ways:
        end, head = _arrow(way)
        heads[head] = None
        run: list[Part] = []
        at = start = way.start
        for part in (*way.parts[:-1], (end,)):
            if (at, part) in drawn:
                lines += [Stroke(start, _merged(tuple(run), start), _EDGE, 1.2)] if run else []
                run, start = [], part[-1]
            else:
                drawn.add((at, part))
                run.append(part)
            at = part[-1]
        lines += [Stroke(start, _merged(tuple(run), start), _EDGE, 1.2)] if run else []
    return [*lines, *heads]


def _arrow(way: Way) -> tuple[Point, Polygon]:
    """Where the line of an edge ends, and the head there, which lies on the straight end of its way."""
    before, tip = _last_two(way)
    length = abs(tip[0] - before[0]) + abs(tip[1] - before[1])  # the end is parallel to an axis
    along = ((tip[0] - before[0]) / length, (tip[1] - before[1]) / length)
    foot = (tip[0] - along[0] * _HEAD_LENGTH, tip[1] - along[1] * _HEAD_LENGTH)
    across = (along[1] * _HEAD_WIDTH / 2, along[0] * _HEAD_WIDTH / 2)
    head = Polygon((tip, (foot[0] + across[0], foot[1] + across[1]), (foot[0] - across[0], foot[1] - across[1])), _EDGE)
    return (tip[0] - along[0] * _HEAD_LENGTH / 2, tip[1] - along[1] * _HEAD_LENGTH / 2), head


def _last_two(way: Way) -> tuple[Point, Point]:
    points = [way.start, *(part[-1] for part in way.parts)]
    return points[-2], points[-1]


def _merged(parts: tuple[Part, ...], start: Point) -> tuple[Part, ...]:
    """Straight parts in one direction as one."""
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
