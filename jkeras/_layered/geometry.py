"""Points, rectangles and routes. Lengths are points (1/72 inch), and y grows downwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Point = tuple[float, float]
Part = tuple[Point, ...]  # of a route: one more point (straight) or three (a cubic curve)
Move = Callable[[Point], Point]


@dataclass(frozen=True)
class Area:
    """A rectangle: left, top, width and height."""

    x: float
    y: float
    width: float
    height: float

    def mapped(self, move: Move) -> Area:
        """The rectangle between the places that two opposite corners move to."""
        (a, b), (c, d) = move((self.x, self.y)), move((self.x + self.width, self.y + self.height))
        return Area(min(a, c), min(b, d), abs(c - a), abs(d - b))


@dataclass(frozen=True)
class Route:
    """The line of an edge: where it starts, and its parts."""

    start: Point
    parts: tuple[Part, ...] = ()

    @property
    def end(self) -> Point:
        """The last point."""
        return self.parts[-1][-1] if self.parts else self.start

    def mapped(self, move: Move) -> Route:
        """The route with each of its points moved."""
        return Route(move(self.start), tuple(tuple(map(move, part)) for part in self.parts))

    def then(self, after: Route) -> Route:
        """This route, and on along another that starts where it ends."""
        return Route(self.start, (*self.parts, *after.parts))


def shift(dx: float, dy: float) -> Move:
    """The move by a fixed distance."""
    return lambda point: (point[0] + dx, point[1] + dy)
