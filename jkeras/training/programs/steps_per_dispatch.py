"""How many steps a dispatch holds, from measured times.

A dispatch should last a tenth of a second while somebody watches the progress, and half a second otherwise; its own cost is then
negligible. There is one exception. On a CPU a program gets its working memory from the system for each dispatch and gives it back
afterwards, and the system hands it out page by page, at the first touch. For a deep network that takes a good part of a step. So
where touching new pages would take more than a thirtieth of a dispatch, dispatches become longer, up to a limit.
"""

from __future__ import annotations

import time

import jax

try:
    import resource
except ImportError:  # Windows does not count pages
    resource = None  # type: ignore[assignment]

_PAGE = 1.5e-6  # seconds for a new page: the system fills it with zeros
_PART = 0.03  # of a dispatch that new pages may take
_LIVE, _LONGEST_LIVE = 0.1, 1.0  # seconds of a dispatch while somebody watches
_ALONE, _LONGEST_ALONE = 0.5, 3.0


class StepsPerDispatch:
    """The measured speed of a program.

    Attributes:
        seconds: of a step; None before the first measurement.
        cost: seconds that new pages take in a dispatch.

    Example:
        >>> speed = StepsPerDispatch()
        >>> speed.steps(live=True)
        1
        >>> speed.note(10, 0.1)
        >>> speed.steps(live=True), speed.steps(live=False)
        (10, 50)
        >>> speed = StepsPerDispatch()
        >>> speed.note(1, 0.3, pages=50_000)  # about 200 MB, a quarter of the time
        >>> speed.steps(live=True), speed.steps(live=False)
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
        """Record a measured dispatch.

        Args:
            steps: it held.
            seconds: it took.
            pages: of memory touched for the first time meanwhile.
        """
        self.cost = pages * _PAGE
        found = max(seconds - self.cost, seconds / 2, 1e-7) / steps
        # Upwards with care: the time may include a compilation or a busy machine.
        self.seconds = found if self.seconds is None else min(found, 1.5 * self.seconds)


class Stopwatch:
    """Seconds between the points at which the device finished something.

    Attributes:
        pages: of memory that the whole process touched for the first time within the last lap.
    """

    def __init__(self) -> None:
        self.mark, self.pages = time.perf_counter(), 0
        self._pages = _pages()

    def lap(self, result: object = None) -> float:
        """Wait for a result; the seconds since the last lap."""
        jax.block_until_ready(result)
        now, pages = time.perf_counter(), _pages()
        passed, self.mark = now - self.mark, now
        self.pages, self._pages = pages - self._pages, pages
        return passed


def _pages() -> int:
    """Pages of memory that this process has touched for the first time so far."""
    return 0 if resource is None else resource.getrusage(resource.RUSAGE_SELF).ru_minflt
