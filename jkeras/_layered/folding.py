"""Where to cut a long picture into strips that stand side by side, like a text in columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate

_LONG = 1800.0  # points; a picture longer than this is folded
_TOLERANCE = 0.35  # how far from its ideal place a cut may be, as a share of a strip


def choose_cuts(heights: Sequence[float], allowed: Sequence[int], width: float, strips: int | None, ratio: float) -> list[int]:
    """The rows that begin a new strip.

    Args:
        heights: of each row, with the space above it, in points.
        allowed: rows that may begin a strip.
        width: of the whole, in points.
        strips: how many to make; None for one if the picture is not long, else as many as give the page the `ratio`.
        ratio: width to height of the page to aim at.

    Example:
        >>> choose_cuts([100] * 40, range(2, 39), 100, None, 1.0), choose_cuts([100] * 40, range(2, 39), 100, 2, 1.0)
        ([8, 16, 24, 32], [20])
    """
    total = sum(heights)
    if strips is None:
        strips = round(math.sqrt(ratio * total / (width + 60))) if total > _LONG else 1
    starts = list(accumulate(heights[:-1], initial=0.0))
    cuts: list[int] = []
    length = total / max(1, strips)
    for i in range(1, strips):
        ideal = i * length
        free = [row for row in allowed if not cuts or row > cuts[-1] + 1]
        nearest = min(free, key=lambda row: abs(starts[row] - ideal), default=None)
        if nearest is not None and abs(starts[nearest] - ideal) <= _TOLERANCE * length:
            cuts.append(nearest)
    return cuts
