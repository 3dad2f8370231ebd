"""Pace: how many steps a dispatch holds, from measured times.

A dispatch should last a tenth of a second where somebody watches, and half a second else: then its own cost is nothing. There is
one exception. On a CPU the memory that a program works in is got from the system for each dispatch and given back behind it, and
the system hands it out page by page, at the first touch. With the memory of a deep network that takes a good part of a step.
So where touching new pages would take more than a thirtieth of a dispatch, dispatches become longer, up to a limit.
"""

from __future__ import annotations

import time
from typing import Any

import jax

try:
    import resource
except ImportError:  # Windows does not count them
    resource = None  # type: ignore[assignment]

_PAGE = 1.5e-6  # seconds for a new page: the system fills it with zeros
_PART = 0.03  # of a dispatch that new pages may take
_LIVE, _LONGEST_LIVE = 0.1, 1.0  # seconds of a dispatch where somebody watches
_ALONE, _LONGEST_ALONE = 0.5, 3.0


class Pace:
    """What is known of a program's speed.

    Attributes:
        seconds: of a step; None before the first measurement.
        cost: seconds that new pages take in a dispatch.

    Example:
        >>> pace = Pace()
        >>> pace.steps(live=True)
        1
        >>> pace.note(10, 0.1)
        >>> pace.steps(live=True), pace.steps(live=False)
        (10, 50)
        >>> pace = Pace()
        >>> pace.note(1, 0.3, pages=50_000)  # about 200 MB, a quarter of the time
        >>> pace.steps(live=True), pace.steps(live=False)
        (4, 11)
    """

    def __init__(self) -> None:
        self.seconds: float | None = None
        self.cost = 0.0

    def steps(self, live: bool) -> int:
        """How many steps the next dispatch should hold.

        Args:
            live: whether somebody watches.
        """
        if self.seconds is None:
            return 1
        least, most = (_LIVE, _LONGEST_LIVE) if live else (_ALONE, _LONGEST_ALONE)
        return max(1, int(min(max(self.cost / _PART, least), most) / self.seconds))

    def note(self, steps: int, seconds: float, pages: int = 0) -> None:
        """Take in a measured dispatch.

        Args:
            steps: that it held.
            seconds: that it took.
            pages: of memory that were touched for the first time meanwhile.
        """
        self.cost = pages * _PAGE
        found = max(seconds - self.cost, seconds / 2, 1e-7) / steps
        # Upwards with care: the time may hold a compilation or a busy machine.
        self.seconds = found if self.seconds is None else min(found, 1.5 * self.seconds)


class Stopwatch:
    """Seconds between moments at which the device had finished something.

    Attributes:
        pages: of memory that were touched for the first time within the last lap, by the whole process.
    """

    def __init__(self) -> None:
        self.mark, self.pages = time.perf_counter(), 0
        self._pages = _pages()

    def lap(self, result: Any = None) -> float:
        """Wait for a result; the seconds since the last lap."""
        jax.block_until_ready(result)
        now, pages = time.perf_counter(), _pages()
        passed, self.mark = now - self.mark, now
        self.pages, self._pages = pages - self._pages, pages
        return passed


def _pages() -> int:
    """Pages of memory that this process has touched for the first time until now."""
    return 0 if resource is None else resource.getrusage(resource.RUSAGE_SELF).ru_minflt
