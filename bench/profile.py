"""Where the time of an epoch goes: the share of each kind of operation, from JAX's profiler.

    python -m bench.profile mlp transformer --markdown bench/results/profile.md

The program traces one epoch of `fit` after two that compile and warm up. The profiler times each operation of the compiled
program in the thread that starts it: work by other threads is not counted separately, and overlapping operations each count in
full. *Seen* is the sum as a share of the epoch; the rest ran in other threads, as convolutions and some products do, or was
spent waiting.
"""

from __future__ import annotations

import argparse
import collections
import gzip
import json
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.machine import commit, cores, model_name
from bench.report import lines
from bench.workloads import TRAINING, workload

# The first pattern that matches an operation's name decides.
KINDS = {
    "products": r"ynn_fusion|dot|gemm|cublas|product_library",
    "convolutions": r"conv(?!ert)|cudnn",
    "copies and transpositions": r"copy|transpose|reverse|pad|concatenate|gather|scatter|slice",
    "sums": r"reduce",
    "element-wise": r"fusion|.",
}
_NO_WORK = re.compile(r"(while|call|conditional|tuple)\b")  # they contain other operations


def spent(trace: Path) -> collections.Counter[str]:
    """Seconds by operation name, over all threads.

    Args:
        trace: the folder that the profiler wrote.
    """
    (file,) = trace.glob("**/*.trace.json.gz")
    with gzip.open(file) as opened:
        events = json.load(opened)["traceEvents"]
    found: collections.Counter[str] = collections.Counter()
    for event in events:
        name = event.get("args", {}).get("hlo_op") if event.get("ph") == "X" else None
        if name and not _NO_WORK.match(name):
            found[re.sub(r"[._]?\d+$", "", name)] += event["dur"] / 1e6
    return found


def by_kind(found: collections.Counter[str]) -> dict[str, float]:
    """Seconds by kind."""
    kinds = dict.fromkeys(KINDS, 0.0)
    for name, seconds in found.items():
        kinds[next(kind for kind, pattern in KINDS.items() if re.search(pattern, name))] += seconds
    return kinds


def profiled(name: str, quick: bool = False) -> tuple[float, dict[str, float]]:
    """Seconds of a workload's epoch in jkeras, and the threads' seconds by kind."""
    import jax

    import jkeras

    task: Any = workload(name)
    x, y = task.data(task.count(quick))
    model, options = task.model(jkeras), {"batch_size": task.batch, "epochs": 1, "verbose": 0}
    for _ in range(2):
        model.fit(x, task.keras_targets(y), **options)
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder):
            start = time.perf_counter()
            model.fit(x, task.keras_targets(y), **options)
            seconds = time.perf_counter() - start
        return seconds, by_kind(spent(Path(folder)))


def page(found: dict[str, tuple[float, dict[str, float]]]) -> str:
    """The page of these shares."""
    rows = []
    for name, (seconds, kinds) in found.items():
        total = sum(kinds.values())
        shares = (f"{value / total:.0%}" for value in kinds.values())
        rows.append([workload(name).title, *shares, f"{total / seconds:.0%}"])
    about = (
        f"Written by `python -m bench.profile` at {commit()}: {cores()} cores, {model_name()}. "
        "Shares of the time that operations take in the threads that start them, and that time as a share of the epoch: "
        "the rest runs in other threads or is spent waiting."
    )
    return "\n".join(["# Where the time goes", "", about, "", *lines(["workload", *KINDS, "seen"], rows)])


def main(given: Sequence[str] | None = None) -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", choices=TRAINING)
    parser.add_argument("--quick", action="store_true", help="few rows: checks that it runs")
    parser.add_argument("--markdown", type=Path, help="write the table there, for `python -m bench --report`")
    args = parser.parse_args(given)
    text = page({name: profiled(name, args.quick) for name in args.names})
    sys.stdout.write(text)
    if args.markdown:
        args.markdown.write_text(text)


if __name__ == "__main__":
    main()
