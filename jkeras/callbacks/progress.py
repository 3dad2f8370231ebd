"""`Progbar`: one line that shows the progress of an epoch.

    1875/1875 [==============================] - 11s 6ms/step - loss: 0.6092 - accuracy: 0.8393      verbose=1, at the end
     320/1875 [====>.........................] - ETA: 8s - loss: 0.5                                 on its way
         12/Unknown - 3s 5ms/step - loss: 0.5                                                        where the end is unknown
    210/210 - 0s - loss: 0.6635 - accuracy: 0.5290                                                   verbose=2

On a terminal and in a notebook the line is overwritten, at most once per `interval`; elsewhere (a file, a pipe) only the last one
is written, or with an interval of 0 each, without control characters.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

import numpy as np

from jkeras._base.registry import export
from jkeras._base.types import Tree
from jkeras.callbacks.printing import can_write_over, say


@export("keras.utils.Progbar")
class Progbar:
    """A progress bar for loops.

    Args:
        target: the number of steps; None if unknown.
        width: characters of the bar.
        verbose: 0 nothing, 1 a bar, 2 one line at the end.
        interval: least number of seconds between two writes; 0 shows every update, also in a file.
        stateful_metrics: names whose values are shown as they are; the others are averaged over the steps.
        stateless_metrics: conversely, names that are averaged. Give at most one of the two; without either, all are averaged.
        unit_name: the name of a step.

    Example:
        >>> bar = Progbar(2, verbose=2)
        >>> bar.update(1, [("loss", 1.0)])
        >>> bar.update(2, [("loss", 0.5)])
        2/2 - 0s - loss: 0.7500
    """

    def __init__(
        self,
        target: int | None,
        width: int = 30,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ):
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError("Give `stateful_metrics` or `stateless_metrics`, not both: each implies the other.")
        self.target = target
        self.width = width
        self.verbose = verbose
        self.interval = interval
        self.unit_name = unit_name
        self.stateful_metrics = None if stateful_metrics is None else set(stateful_metrics)
        self.stateless_metrics = None if stateless_metrics is None else set(stateless_metrics)
        self._values: dict[str, tuple[Tree, int]] = {}
        self._seen = 0
        self._start = time.perf_counter()
        self._first: tuple[int, float] | None = None
        self._written_at = -float("inf")
        self._written_width = 0

    def update(self, current: int, values: Iterable[tuple[str, Tree]] | None = None, finalize: bool | None = None) -> None:
        """Report that `current` steps are done.

        Args:
            current: steps done so far.
            values: `(name, value)` pairs.
            finalize: whether this is the last call; None: when `current` has reached `target`.
        """
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        for name, value in values or ():
            self._note(name, value, max(current - self._seen, 1))
        self._seen = current
        now = time.perf_counter()
        if current and self._first is None:
            self._first = (current, now)
        if finalize:
            self._write_last(current, now)
        elif self.verbose == 1 and now - self._written_at >= self.interval:
            if can_write_over():
                self._write(self._live_line(current, now))
            elif self.interval == 0:
                say(self._live_line(current, now))
            self._written_at = now

    def add(self, n: int, values: Iterable[tuple[str, Tree]] | None = None) -> None:
        """Report that `n` more steps are done."""
        self.update(self._seen + n, values)

    def backdate(self, seconds: float) -> None:
        """Add time that passed before this object was made.

        Args:
            seconds: to add.
        """
        self._start -= seconds

    def _note(self, name: str, value: Tree, steps: int) -> None:
        averaged = (
            name in self.stateless_metrics if self.stateless_metrics is not None else name not in (self.stateful_metrics or ())
        )
        if averaged:
            total, count = self._values.get(name, (0.0, 0))
            value = np.asarray(value) if isinstance(value, (list, tuple)) else value
            self._values[name] = (total + value * steps, count + steps)
        else:
            self._values[name] = (value, 1)

    def _write_last(self, current: int, now: float) -> None:
        elapsed = f" - {now - self._start:.0f}s"
        if self.verbose == 1:
            line = f"{self._bar(current)}{elapsed} {self._per_step(current, now)}{self._results()}"
            self._write(line, end="\n") if can_write_over() else say(line)
        elif self.verbose == 2:
            say(f"{self._count(current)}{elapsed}{self._results()}")

    def _live_line(self, current: int, now: float) -> str:
        if not self.target:
            return f"{self._bar(current)} - {now - self._start:.0f}s {self._per_step(current, now)}{self._results()}"
        left = self._seconds_per_step(current, now) * (self.target - current)
        return f"{self._bar(current)} - ETA: {format_eta(left)}{self._results()}"

    def _write(self, line: str, end: str = "") -> None:
        # Spaces cover what a longer line left behind.
        say("\r" + line.ljust(self._written_width), end=end)
        self._written_width = len(line)

    def _count(self, current: int) -> str:
        return f"{current:{len(str(self.target))}d}/{self.target}" if self.target else f"{current:7d}/Unknown"

    def _bar(self, current: int) -> str:
        if not self.target:
            return self._count(current)
        done = int(self.width * min(current / self.target, 1.0))
        head = "" if not done else "=" * (done - 1) + (">" if current < self.target else "=")
        return f"{self._count(current)} [{head}{'.' * (self.width - done)}]"

    def _seconds_per_step(self, current: int, now: float) -> float:
        if not current:
            return 0.0
        first, at = self._first or (0, self._start)
        # The first report includes compilation: it is left out once as many steps again are done.
        if current >= 2 * first:
            return (now - at) / (current - first)
        return (now - self._start) / current

    def _per_step(self, current: int, now: float) -> str:
        return f"{format_duration(self._seconds_per_step(current, now))}/{self.unit_name}"

    def _results(self) -> str:
        return "".join(f" - {name}: {format_value(total, count)}" for name, (total, count) in self._values.items())


def format_duration(seconds: float) -> str:
    """A short duration with its unit.

    Example:
        >>> format_duration(2.2), format_duration(0.006), format_duration(0.00035)
        ('2s', '6ms', '350us')
    """
    if seconds >= 1 or seconds == 0:
        return f"{seconds:.0f}s"
    return f"{seconds * 1e3:.0f}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us"


def format_eta(seconds: float) -> str:
    """A remaining time.

    Example:
        >>> format_eta(8.4), format_eta(83), format_eta(3725)
        ('8s', '1:23', '1:02:05')
    """
    whole = int(seconds)
    if whole > 3600:
        return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"
    return f"{whole // 60}:{whole % 60:02d}" if whole > 60 else f"{whole}s"


def format_value(total: object, count: int = 1) -> str:
    """A result with four decimals, or in scientific notation if those would show next to nothing; arrays by their mean.

    Example:
        >>> format_value(0.60921), format_value(0.00012)
        ('0.6092', '1.2000e-04')
    """
    if isinstance(total, str):
        return total
    value = (total if isinstance(total, float) else float(np.mean(np.asarray(total)))) / max(1, count)
    return f"{value:.4e}" if abs(value) <= 1e-3 else f"{value:.4f}"
