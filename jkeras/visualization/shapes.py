"""What a drawing consists of: rectangles, texts, strokes and polygons at fixed places.

Every picture of a model is a list of these, made without any library; `svg.py` and `canvas.py` render it.
All numbers are points (1/72 inch), and y grows downwards.
"""

from __future__ import annotations

from typing import NamedTuple

Point = tuple[float, float]
Part = tuple[Point, ...]  # of a line: one point more (straight) or three (a cubic curve)


class Rectangle(NamedTuple):
    """A rectangle; `radius` rounds its corners, and `rounded` says which: those `above`, `below`, or `all`."""

    x: float
    y: float
    width: float
    height: float
    fill: str | None = None
    stroke: str | None = None
    line_width: float = 1.0
    radius: float = 0.0
    rounded: str = "all"
    dashed: bool = False


class Text(NamedTuple):
    """One line of text; x and y are the left end (or the middle, or the right end) of its baseline."""

    x: float
    y: float
    text: str
    size: float
    colour: str
    bold: bool = False
    anchor: str = "start"


class Stroke(NamedTuple):
    """A line: a first point, and then for each part one more point (straight) or three (a cubic curve)."""

    start: Point
    parts: tuple[Part, ...]
    colour: str
    line_width: float = 1.0
    dashed: bool = False


class Polygon(NamedTuple):
    """A filled area."""

    points: tuple[Point, ...]
    fill: str


Shape = Rectangle | Text | Stroke | Polygon


class Drawing(NamedTuple):
    """A page of shapes, the later ones on top.

    Attributes:
        width, height: of the page, in points.
        shapes: what is on it.
        title: of the picture as a whole.
    """

    width: float
    height: float
    shapes: tuple[Shape, ...]
    title: str = ""


def outline(box: Rectangle) -> tuple[Point, tuple[Part, ...]]:
    """The outline of a rectangle as the start and parts of a stroke, with its rounded corners as curves."""
    left, top, right, bottom = box.x, box.y, box.x + box.width, box.y + box.height
    above = box.radius if box.rounded in ("all", "above") else 0.0
    below = box.radius if box.rounded in ("all", "below") else 0.0
    k = 0.4477  # of the radius: where the control points of a quarter circle lie
    return (left + above, top), (
        ((right - above, top),),
        ((right - k * above, top), (right, top + k * above), (right, top + above)),
        ((right, bottom - below),),
        ((right, bottom - k * below), (right - k * below, bottom), (right - below, bottom)),
        ((left + below, bottom),),
        ((left + k * below, bottom), (left, bottom - k * below), (left, bottom - below)),
        ((left, top + above),),
        ((left, top + k * above), (left + k * above, top), (left + above, top)),
    )
