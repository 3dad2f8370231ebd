"""This checkout beside another one, in turns: what a change costs or gains.

    git worktree add ../before v0.3
    python -m bench.versions ../before --only mlp,lstm,first_step --rounds 5 --markdown bench/results/versions.md

Each measurement is a process of its own, in the other checkout and in this one, one after the other; the table gives the medians,
and the median of the ratios of neighbours. Each checkout runs its own `bench`.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

from bench import harness, machine
from bench.workload import Record
from bench.workloads import NAMES, workload

_HEAD = "| workload | before | after | after / before |\n|---|---|---|---|\n"


def figures(result: Record) -> dict[str, float]:
    """What counts of a record, by name: the median of its seconds, and the numbers beside them."""
    found = {name: float(value) for name, value in result.items() if isinstance(value, (int, float)) and name != "idle"}
    return found | ({"seconds": statistics.median(result["seconds"])} if "seconds" in result else {})


def measure(name: str, other: Path, rounds: int, patience: float) -> list[tuple[Record, Record]]:
    """Pairs of records, the other checkout's first."""
    pairs = []
    for turn in range(rounds):
        free = machine.wait_until_quiet(patience)
        settings = workload(name).environment
        before, after = (
            harness.start("bench.worker", name, "jkeras", settings=settings, root=root) for root in (other, machine.ROOT)
        )
        sys.stderr.write(f"{name} {turn + 1}: {harness.headline(before)} / {harness.headline(after)} ({free:.0%} idle)\n")
        pairs.append((before, after))
    return pairs


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
    parser.add_argument("other", type=Path, help="the other checkout")
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(NAMES), metavar="NAME,...")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--patience", type=float, default=20, help="seconds to wait for a quiet machine")
    parser.add_argument("--markdown", type=Path, help="write the table there, for `python -m bench --report`")
    args = parser.parse_args()
    lines = [line for name in args.only for line in rows(name, measure(name, args.other.resolve(), args.rounds, args.patience))]
    text = (
        f"# Two versions of jkeras\n\n{machine.model_name()}, {machine.cores()} cores, commit {machine.commit()}, "
        f"{args.rounds} rounds in turns (`python -m bench.versions`).\n\n{_HEAD}{''.join(lines)}"
    )
    sys.stdout.write(text)
    if args.markdown:
        args.markdown.write_text(text)


if __name__ == "__main__":
    main()
