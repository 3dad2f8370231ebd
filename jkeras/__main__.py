"""`python -m jkeras script.py`: run a Keras script as it is."""

from __future__ import annotations

import os
import sys

from jkeras._base.version import __version__
from jkeras.compat.running import report, run_code, run_module, run_script

USAGE = """usage: python -m jkeras script.py [arguments ...]
       python -m jkeras -m module [arguments ...]
       python -m jkeras -c code [arguments ...]
       python -m jkeras --check script.py ...

Run a Keras script as it is: `keras`, `tensorflow.keras` and the lines of TensorFlow
that stand around them resolve to jkeras.

  --check    do not run; list the names that the scripts use and jkeras does not have
  --version  print the version
  -h, --help print this text
"""


def main(arguments: list[str]) -> int:
    """Do what the command line says; the exit status."""
    first, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if first in ("-h", "--help"):
        print(USAGE, end="")
        return 0
    if first in ("-V", "--version"):
        print(f"jkeras {__version__}")
        return 0
    if first == "--check" and rest:
        return _check(rest)
    if first in ("-m", "-c") and rest:
        (run_module if first == "-m" else run_code)(rest[0], rest[1:])
        return 0
    if not first or first.startswith("-"):
        what = f"python -m jkeras: {first} is no option, or lacks what follows it.\n\n" if first else ""
        print(f"{what}{USAGE}", end="", file=sys.stderr)
        return 2
    if not os.path.exists(first):
        print(f"python -m jkeras: there is no file {first!r} in {os.getcwd()}.", file=sys.stderr)
        return 2
    run_script(first, rest)
    return 0


def _check(paths: list[str]) -> int:
    absent = [path for path in paths if not os.path.isfile(path)]
    if absent:
        print(f"python -m jkeras --check: there is no file {absent[0]!r} in {os.getcwd()}.", file=sys.stderr)
        return 2
    return 1 if sum(report(path) for path in paths) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
