"""A pen that draws the route of an edge part by part."""

from __future__ import annotations

import math
from itertools import pairwise

from jkeras._layered.geometry import Part, Point, Route

_RADIUS = 6.0


class Pen:
    """Draws from a point on, with curves or with straight lines alone."""

    def __init__(self, start: Point, curved: bool):
        self.start = self.at = start
        self.curved = curved
        self.parts: list[Part] = []

    def route(self) -> Route:
        """What has been drawn."""
        return Route(self.start, tuple(self.parts))

    def line(self, x: float, y: float) -> None:
        """Straight to a point; nothing if the pen is already there."""
        if abs(x - self.at[0]) + abs(y - self.at[1]) > 1e-6:
            self._add((x, y))

    def aside(self, x: float, y: float) -> None:
        """To a point in another column, leaving and arriving vertically."""
        x0, y0 = self.at
        if abs(x - x0) < 0.01 or not self.curved:
            self.line(x, y)
            return
        middle = (y0 + y) / 2
        self._add((x0, middle), (x, middle), (x, y))

    def corners(self, *points: Point) -> None:
        """Along straight lines from point to point, with rounded corners."""
        radius = _RADIUS if self.curved else 0.0
        for corner, after in pairwise(points):
            a, b = _towards(corner, self.at, radius), _towards(corner, after, radius)
            self.line(*a)
            if radius and corner != after:
                self._add(_towards(corner, a, radius / 2), _towards(corner, b, radius / 2), b)
        self.line(*points[-1])

    def turn(self, x: float, depth: float) -> None:
        """To the same height in another column, around what lies `depth` below (or, if negative, above)."""
        x0, y0 = self.at
        if self.curved:
            self._add((x0, y0 + depth), (x, y0 + depth), (x, y0))
        else:
            for point in ((x0, y0 + depth * 0.7), (x, y0 + depth * 0.7), (x, y0)):
                self._add(point)

    def _add(self, *part: Point) -> None:
        self.parts.append(part)
        self.at = part[-1]


def _towards(start: Point, end: Point, most: float) -> Point:
    """The point `most` away from `start` towards `end`, or halfway if that is nearer."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = math.hypot(dx, dy)
    share = min(0.5, most / length) if length else 0.0
    return start[0] + dx * share, start[1] + dy * share
