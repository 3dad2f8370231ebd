"""The order of the vertices in each row, so that few edges cross.

Sweeps go down and up the rows; each vertex moves to the mean place of its neighbours in the row before. The best order found is
kept.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from itertools import pairwise

Rows = list[list[int]]
_SWEEPS = 8


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
