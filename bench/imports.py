"""Start-up: what `import jkeras` costs above `import jax, optax`, in fresh processes, alternating.

    python bench/imports.py --runs 15 --write

Prints medians and their ratio; `--write` puts them into `bench/RESULTS.md` with commit, machine and versions. The package is
compiled to bytecode first, as an installed one is. Run it on a quiet machine: it refuses where the load says that others work.
"""

from __future__ import annotations

import argparse
import compileall
import datetime
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time
from importlib.metadata import version

import jkeras

HERE = pathlib.Path(__file__).parent
PROGRAMS = {"jax, optax": "import jax, optax", "jkeras": "import jkeras"}
QUIET = 0.5  # of the cores may be busy on average over the last minute


def seconds(program: str) -> float:
    """Wall-clock time of a fresh interpreter that runs a program."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    return time.perf_counter() - start


def measure(runs: int) -> dict[str, list[float]]:
    """Times of each program, taken in turns."""
    taken: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for _ in range(runs):
        for name, program in PROGRAMS.items():
            taken[name].append(seconds(program))
    return taken


def report(taken: dict[str, list[float]], runs: int) -> str:
    """The results as a page."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=HERE).stdout.strip()
    medians = {name: statistics.median(times) for name, times in taken.items()}
    rows = [f"| `import {name}` | {medians[name]:.3f} | {min(times):.3f} |" for name, times in taken.items()]
    ratio = medians["jkeras"] / medians["jax, optax"]
    fastest = min(taken["jkeras"]) / min(taken["jax, optax"])
    return "\n".join(
        [
            "# Results",
            "",
            "## Start-up",
            "",
            f"`python bench/imports.py --runs {runs} --write`, {datetime.date.today()}, commit {commit or 'unknown'}, "
            f"{os.cpu_count()} cores, Python {platform.python_version()}, jax {version('jax')}, optax {version('optax')}.",
            "",
            "| program | median, s | fastest, s |",
            "|---|---|---|",
            *rows,
            f"| ratio | {ratio:.3f} | {fastest:.3f} |",
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--write", action="store_true", help="write bench/RESULTS.md")
    args = parser.parse_args()
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    if load > QUIET and args.write:
        raise SystemExit(f"The machine is not quiet: {load:.2f} processes per core over the last minute. Try again later.")
    compileall.compile_dir(str(pathlib.Path(jkeras.__file__).parent), quiet=1)
    page = report(measure(args.runs), args.runs)
    print(page)
    if args.write:
        (HERE / "RESULTS.md").write_text(page)


if __name__ == "__main__":
    main()
