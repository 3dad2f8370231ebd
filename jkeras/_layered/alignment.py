"""Where along its row each vertex stands: long edges run straight, and vertices are centred on their neighbours.

Four placements are made, each pushed to one side and aligned with the row above or below. A vertex takes the mean of the middle
two.

Source: U. Brandes, B. Köpf, "Fast and Simple Horizontal Coordinate Assignment", 2001.
"""

from __future__ import annotations

from collections.abc import Sequence
from graphlib import TopologicalSorter
from itertools import pairwise

Rows = list[list[int]]
Sides = tuple[float, float]


def align(rows: Rows, segments: Sequence[tuple[int, int]], sides: Sequence[Sides], bends: set[int], gap: float) -> list[float]:
    """The place of each vertex along its row; vertices keep their order and never overlap.

    Args:
        rows: vertices in their order.
        segments: pairs of vertices in neighbouring rows, the upper one first.
        sides: how far each vertex reaches to the left and to the right of its place.
        bends: vertices that only mark where an edge passes a row.
        gap: free space between two vertices; half of it beside a bend.

    Returns:
        One number for each vertex, the left end of the whole at 0.

    Example:
        >>> align([[0], [1, 2]], [(0, 1), (0, 2)], [(5, 5), (5, 5), (5, 5)], set(), 10)
        [15.0, 5.0, 25.0]
    """
    if not rows:
        return []
    up = _neighbours(rows, segments, bends, upward=True)
    down = _neighbours(rows, segments, bends, upward=False)
    up, down = _mutual(up, down), _mutual(down, up)
    placements = []
    for neighbours, ordered in ((up, rows), (down, rows[::-1])):
        for mirrored in (False, True):
            view = [row[::-1] for row in ordered] if mirrored else ordered
            root = _columns(view, neighbours)
            xs = _push(view, root, [side[::-1] for side in sides] if mirrored else sides, bends, gap)
            placements.append([-x for x in xs] if mirrored else xs)
    return _balance(placements, sides)


def _neighbours(rows: Rows, segments: Sequence[tuple[int, int]], bends: set[int], upward: bool) -> dict[int, list[int]]:
    """The neighbours to align each vertex with: only the one of its kind, bend or item, if there is just one."""
    found: dict[int, list[int]] = {v: [] for row in rows for v in row}
    for upper, lower in segments:
        vertex, other = (lower, upper) if upward else (upper, lower)
        found[vertex].append(other)
    for v, others in found.items():
        alike = [w for w in others if (w in bends) == (v in bends)]
        found[v] = alike if len(alike) == 1 else others
    return found


def _mutual(neighbours: dict[int, list[int]], back: dict[int, list[int]]) -> dict[int, list[int]]:
    """Only neighbours that chose each other: a bend must not take the place right below its source from the next item."""
    return {v: [w for w in others if v in back[w]] for v, others in neighbours.items()}


def _columns(rows: Rows, neighbours: dict[int, list[int]]) -> dict[int, int]:
    """Each vertex -> the first vertex of its column."""
    place = {v: i for row in rows for i, v in enumerate(row)}
    root = {v: v for row in rows for v in row}
    for row in rows:
        reached = -1
        for v in row:
            others = sorted(neighbours[v], key=place.__getitem__)
            middle = len(others) - 1
            for m in dict.fromkeys((middle // 2, (middle + 1) // 2)) if others else ():
                u = others[m]
                if root[v] == v and place[u] > reached:
                    root[v], reached = root[u], place[u]
    return root


def _push(rows: Rows, root: dict[int, int], sides: Sequence[Sides], bends: set[int], gap: float) -> list[float]:
    """Push all columns to one side as far as they go, then each towards the next as far as it may."""
    after: dict[int, dict[int, float]] = {r: {} for r in root.values()}
    for row in rows:
        for left, right in pairwise(row):
            space = sides[left][1] + sides[right][0] + gap / (1 + (left in bends or right in bends))
            a, b = root[left], root[right]
            after[a][b] = max(after[a].get(b, 0.0), space)
    order = list(TopologicalSorter(after).static_order())  # the last columns first
    xs = dict.fromkeys(after, 0.0)
    for a in reversed(order):
        for b, space in after[a].items():
            xs[b] = max(xs[b], xs[a] + space)
    for a in order:
        if after[a]:
            xs[a] = max(xs[a], min(xs[b] - space for b, space in after[a].items()))
    return [xs[root[v]] for v in range(len(root))]


def _balance(placements: list[list[float]], sides: Sequence[Sides]) -> list[float]:
    """The mean of the middle two of four placements, shifted to the sides of the narrowest."""
    ends = [
        (min(x - left for x, (left, _) in zip(xs, sides)), max(x + right for x, (_, right) in zip(xs, sides)))
        for xs in placements
    ]
    low, high = min(ends, key=lambda end: end[1] - end[0])
    shifts = [(low - left) if i % 2 == 0 else (high - right) for i, (left, right) in enumerate(ends)]
    shifted = ([x + shift for x in xs] for xs, shift in zip(placements, shifts))
    middle = [sum(sorted(values)[1:3]) / 2 for values in zip(*shifted)]
    start = min(x - left for x, (left, _) in zip(middle, sides))
    return [x - start for x in middle]
