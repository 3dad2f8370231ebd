"""This checkout beside another one, or with another Python, in turns: what a change or a newer JAX costs or gains.

    git worktree add ../before v0.3
    python -m bench.versions ../before --only mlp,lstm,first_step --rounds 5 --markdown bench/results/versions.md
    python -m bench.versions --python ../newest/bin/python --libraries jkeras,keras --markdown bench/results/interpreters.md

Each measurement is a process of its own, on the other side and on this one, one after the other; the table gives the medians, and
the median of the ratios of neighbours. Each checkout runs its own `bench`; with `--python` both sides run this checkout, and
"after" is that interpreter with its packages.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import harness, machine
from bench.workload import Record
from bench.workloads import NAMES, workload

_HEAD = "| workload | before | after | after / before |\n|---|---|---|---|\n"


def figures(result: Record) -> dict[str, float]:
    """What counts of a record, by name: the median of its seconds, and the numbers beside them."""
    found = {name: float(value) for name, value in result.items() if isinstance(value, (int, float)) and name != "idle"}
    return found | ({"seconds": statistics.median(result["seconds"])} if "seconds" in result else {})


Side = dict[str, Any]
"""What `harness.start` is told of a side: `root` or `python`."""


def measure(name: str, library: str, sides: tuple[Side, Side], rounds: int, patience: float) -> list[tuple[Record, Record]]:
    """Pairs of records, the first side's first."""
    pairs = []
    for turn in range(rounds):
        free = machine.wait_until_quiet(patience)
        settings = workload(name).environment
        before, after = (harness.start("bench.worker", name, library, settings=settings, **side) for side in sides)
        said = f"{harness.headline(before)} / {harness.headline(after)} ({free:.0%} idle)"
        sys.stderr.write(f"{name} {library} {turn + 1}: {said}\n")
        pairs.append((before, after))
    return pairs


def versions(python: str) -> str:
    """An interpreter and its JAX, as text."""
    code = "import jax, platform; print(f'Python {platform.python_version()} with jax {jax.__version__}')"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def rows(name: str, pairs: list[tuple[Record, Record]]) -> Iterator[str]:
    """The lines of one workload."""
    failed = [one["failed"] for pair in pairs for one in pair if "failed" in one]
    if failed:
        yield f"| {name} | failed: {failed[0]} | | |\n"
        return
    taken = [(figures(before), figures(after)) for before, after in pairs]
    for key in taken[0][0]:
        both = [(before[key], after[key]) for before, after in taken if key in after and before[key]]
        if both:
            old, new = (statistics.median(side) for side in zip(*both))
            ratio = statistics.median(after / before for before, after in both)
            yield f"| {name}, {key} | {old:.4g} | {new:.4g} | {ratio:.2f} |\n"


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path, nargs="?", help="the other checkout")
    parser.add_argument("--python", help="another interpreter, in place of another checkout")
    parser.add_argument("--libraries", type=lambda text: text.split(","), default=["jkeras"], metavar="NAME,...")
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(NAMES), metavar="NAME,...")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--patience", type=float, default=20, help="seconds to wait for a quiet machine")
    parser.add_argument("--markdown", type=Path, help="write the table there, for `python -m bench --report`")
    args = parser.parse_args()
    if (args.other is None) == (args.python is None):
        parser.error("give either another checkout or --python PATH.")
    sides: tuple[Side, Side] = ({"root": args.other.resolve()}, {}) if args.python is None else ({}, {"python": args.python})
    lines = [
        line
        for name in args.only
        for library in args.libraries
        for line in rows(f"{name}, {library}", measure(name, library, sides, args.rounds, args.patience))
    ]
    title = (
        "Two versions of jkeras"
        if args.python is None
        else f"{versions(sys.executable)} (before), and {versions(args.python)} (after)"
    )
    text = (
        f"# {title}\n\n{machine.model_name()}, {machine.cores()} cores, commit {machine.commit()}, "
        f"{args.rounds} rounds in turns (`python -m bench.versions`).\n\n{_HEAD}{''.join(lines)}"
    )
    sys.stdout.write(text)
    if args.markdown:
        args.markdown.write_text(text)


if __name__ == "__main__":
    main()
