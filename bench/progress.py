"""What showing progress costs, and how long ten thousand tiny epochs take.

    python -m bench.progress --rounds 15 --markdown bench/results/progress.md

One process runs an epoch of the MLP with `verbose=1` on a terminal (a pseudo-terminal that is read all the time) between two
with `verbose=0`; the median of the ratios counts. The ratio of the two silent epochs shows the noise, so the program also times
the line's own code. Then it trains 7 rows for 10,000 epochs, as the second document does.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import pty
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bench.machine import commit, cores, model_name
from bench.workloads.mlp import WORKLOAD as MLP

EPOCHS = 10_000


@contextlib.contextmanager
def terminal() -> Iterator[None]:
    """Make standard output a terminal whose text is discarded."""
    master, slave = pty.openpty()
    reader = threading.Thread(target=_drain, args=(master,), daemon=True)
    reader.start()
    with os.fdopen(slave, "w") as stream, contextlib.redirect_stdout(stream):
        yield
    reader.join(1.0)


def _drain(master: int) -> None:
    with contextlib.suppress(OSError):  # the pseudo-terminal is closed
        while os.read(master, 65536):
            pass
    os.close(master)


@contextlib.contextmanager
def epochs() -> Iterator[Callable[..., float]]:
    """On a terminal, a function from options of `fit` to the seconds of an epoch of the MLP, after one warm-up epoch."""
    import jkeras

    x, y = MLP.data(MLP.rows)
    y = MLP.keras_targets(y)
    model = MLP.model(jkeras)

    def epoch(**options: Any) -> float:
        start = time.perf_counter()
        model.fit(x, y, batch_size=MLP.batch, **options)
        return time.perf_counter() - start

    with terminal():
        epoch(verbose=1)
        yield epoch


def turns(rounds: int) -> list[tuple[float, float, float]]:
    """Seconds of an epoch without, with, and again without progress."""
    with epochs() as epoch:
        return [(epoch(verbose=0), epoch(verbose=1), epoch(verbose=0)) for _ in range(rounds)]


def own_seconds(rounds: int) -> list[tuple[float, float]]:
    """Seconds of an epoch with progress, and how many of them the progress line's own code took."""
    import jkeras

    class Timed(jkeras.callbacks.ProgbarLogger):
        """A progress line that adds up how long its events take."""

        spent = 0.0

    def timed_event(name: str) -> Any:
        event = getattr(jkeras.callbacks.ProgbarLogger, name)

        def run(self: Any, *args: Any, **kwargs: Any) -> None:
            start = time.perf_counter()
            event(self, *args, **kwargs)
            self.spent += time.perf_counter() - start

        return run

    for name in ("on_epoch_begin", "on_train_batch_end", "on_epoch_end"):
        setattr(Timed, name, timed_event(name))
    with epochs() as epoch:
        lines = [Timed() for _ in range(rounds)]
        return [(epoch(verbose=1, callbacks=[line]), line.spent) for line in lines]


def spread(ratios: list[float]) -> str:
    """Median and quartiles."""
    low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
    return f"{middle:.3f} (half of them {low:.3f} to {high:.3f})"


def tiny_epochs() -> dict[int, float]:
    """Seconds to build and train for 10,000 epochs on 7 rows of 3 classes, with accuracy: silent, and with a line per epoch."""
    import jkeras

    x, y = np.random.default_rng(0).integers(1, 8, size=(7, 4)), np.eye(3, dtype=int)[[2, 2, 1, 1, 1, 0, 0]]
    seconds = {}
    for verbose in (0, 1):
        start = time.perf_counter()
        model = jkeras.Sequential([jkeras.layers.Dense(3, activation="softmax")])
        model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
        with contextlib.redirect_stdout(io.StringIO()):
            model.fit(x, y, epochs=EPOCHS, verbose=verbose)
        seconds[verbose] = time.perf_counter() - start
    return seconds


def page(found: list[tuple[float, float, float]], own: list[tuple[float, float]], tiny: dict[int, float]) -> str:
    """The page of these tables."""
    before, shown, after = (statistics.median(column) for column in zip(*found))
    ratio = spread([2 * b / (a + c) for a, b, c in found])
    epoch, spent = (statistics.median(column) for column in zip(*own))
    noise = spread([c / a for a, _, c in found])
    return f"""# Progress

Written by `python -m bench.progress` at {commit()}: {cores()} cores, {model_name()}.

| what | `verbose=0` | `verbose=1` | ratio |
|---|---|---|---|
| {MLP.title}: one epoch, on a terminal; medians of {len(found)} turns | {before:.2f} s | {shown:.2f} s | {ratio} |
| the same, both silent: the noise | {before:.2f} s | {after:.2f} s | {noise} |
| of it in the progress line's own code; medians of {len(own)} epochs | | {1e3 * spent:.1f} ms | {spent / epoch:.4f} |
| 7 rows, 3 classes, accuracy; {EPOCHS:,} epochs, all in all | {tiny[0]:.1f} s | {tiny[1]:.1f} s | {tiny[1] / tiny[0]:.2f} |
"""


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--markdown", type=Path, help="write the tables there, for `python -m bench --report`")
    args = parser.parse_args()
    text = page(turns(args.rounds), own_seconds(args.rounds), tiny_epochs())
    sys.stdout.write(text)
    if args.markdown:
        args.markdown.write_text(text)


if __name__ == "__main__":
    main()
