"""The order of the vertices in each row, so that few edges cross.

Sweeps go down and up the rows; each vertex moves to the mean place of its neighbours in the row before. The best order found is
kept, and then neighbours swap places as long as that removes crossings.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from itertools import pairwise

Rows = list[list[int]]
_SWEEPS = 8
_SMALL = 1500  # segments; in a larger picture neighbours are not swapped one by one


def order_rows(rows: Rows, segments: Sequence[tuple[int, int]]) -> Rows:
    """Rows with fewer crossings.

    Args:
        rows: the vertices of each row; their order is kept unless another has fewer crossings.
        segments: pairs of vertices in neighbouring rows, the upper one first.

    Example:
        >>> order_rows([[0, 1], [2, 3]], [(0, 3), (1, 2)])
        [[0, 1], [3, 2]]
    """
    up: dict[int, list[int]] = {v: [] for row in rows for v in row}
    down: dict[int, list[int]] = {v: [] for row in rows for v in row}
    for upper, lower in segments:
        up[lower].append(upper)
        down[upper].append(lower)
    best, fewest = rows, crossings(rows, down)
    current = [list(row) for row in rows]
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        places = range(1, len(current)) if sweep % 2 == 0 else range(len(current) - 2, -1, -1)
        step, neighbours = (-1, up) if sweep % 2 == 0 else (1, down)
        for i in places:
            current[i] = _by_mean(current[i], current[i + step], neighbours)
        found = crossings(current, down)
        if found < fewest:
            best, fewest = [list(row) for row in current], found
    if fewest and len(segments) <= _SMALL:
        best = _exchange([list(row) for row in best], up, down)
    return best


def crossings(rows: Rows, down: dict[int, list[int]]) -> int:
    """How many pairs of segments cross.

    Args:
        rows: vertices in their order.
        down: for each vertex, its neighbours in the row below.
    """
    total = 0
    for upper, lower in pairwise(rows):
        place = {v: i for i, v in enumerate(lower)}
        seen: list[int] = []
        for v in upper:
            ends = sorted(place[w] for w in down[v])
            total += sum(len(seen) - bisect.bisect_right(seen, end) for end in ends)
            for end in ends:
                bisect.insort(seen, end)
    return total


def _by_mean(row: list[int], fixed: list[int], neighbours: dict[int, list[int]]) -> list[int]:
    """A row sorted by the mean place of its neighbours; vertices without neighbours stay where they are."""
    place = {v: i for i, v in enumerate(fixed)}
    means = {v: sum(place[w] for w in neighbours[v]) / len(neighbours[v]) for v in row if neighbours[v]}
    moving = iter(sorted(means, key=means.__getitem__))
    return [next(moving) if v in means else v for v in row]


def _exchange(rows: Rows, up: dict[int, list[int]], down: dict[int, list[int]]) -> Rows:
    place = {v: i for row in rows for i, v in enumerate(row)}
    for _ in range(_SWEEPS):
        changed = False
        for row in rows:
            for i in range(len(row) - 1):
                a, b = row[i], row[i + 1]
                now = _between(up[a], up[b], place) + _between(down[a], down[b], place)
                then = _between(up[b], up[a], place) + _between(down[b], down[a], place)
                if then < now:
                    row[i], row[i + 1] = b, a
                    place[a], place[b] = i + 1, i
                    changed = True
        if not changed:
            break
    return rows


def _between(left: list[int], right: list[int], place: dict[int, int]) -> int:
    """Crossings between the segments of a vertex and those of the one right of it."""
    return sum(place[u] > place[w] for u in left for w in right)
