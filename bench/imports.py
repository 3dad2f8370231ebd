"""Start-up: what `import jkeras` costs above `import jax, optax`, in fresh processes, alternating.

    python bench/imports.py --runs 15

Prints medians and their ratio. The package is compiled to bytecode first, as an installed one is.
"""

from __future__ import annotations

import argparse
import compileall
import pathlib
import platform
import statistics
import subprocess
import sys
import time

import jkeras

PROGRAMS = {"jax, optax": "import jax, optax", "jkeras": "import jkeras"}


def seconds(program: str) -> float:
    """Wall-clock time of a fresh interpreter that runs a program."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    compileall.compile_dir(str(pathlib.Path(jkeras.__file__).parent), quiet=1)
    taken: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for _ in range(runs):
        for name, program in PROGRAMS.items():
            taken[name].append(seconds(program))
    medians = {name: statistics.median(times) for name, times in taken.items()}
    print(f"Python {platform.python_version()}, {runs} alternating runs, medians")
    for name, median in medians.items():
        print(f"import {name:12s} {median:.3f} s   (fastest {min(taken[name]):.3f})")
    print(f"ratio {medians['jkeras'] / medians['jax, optax']:.3f}")


if __name__ == "__main__":
    main()
