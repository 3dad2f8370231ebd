"""Whether a jaxlib that nobody has seen before has oneDNN: a child process tries, and the answer is kept.

XLA ends the process where it does not understand the description of an operation, so another one tries (`onednn_trial.py`). The
answer for a version and a kind of machine is kept in `onednn.json` of the cache folder; the question takes a few seconds, once.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import jaxlib

from jkeras._base.atomic import atomic_file
from jkeras._base.cache_folder import keras_home

COMMAND = (sys.executable, "-m", "jkeras.nn.cpu.onednn_trial")
TRYING, EQUAL = "trying ", "equal"
_PATIENCE = 120  # seconds
# To be changed with the descriptions, so that old answers no longer count.
_QUESTION = 3


def works(variable: str) -> bool:
    """The answer for this version and machine, from the file or by asking.

    Args:
        variable: of the environment; 1 makes the child use the library without asking in turn.
    """
    path, key = keras_home() / "onednn.json", _key()
    answers = _read(path)
    if key not in answers:
        answer = _ask(variable)
        if answer is None:
            return False
        answers[key] = answer
        _keep(path, answers)
    return answers[key] is True


def _key() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    features = next((line for line in lines if line.startswith("flags")), "")
    return f"jaxlib {jaxlib.__version__}, {platform.machine()} {zlib.crc32(features.encode()):08x}, question {_QUESTION}"


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _ask(variable: str) -> bool | None:
    """Whether the child came to the end, with equal numbers; None where it could not be asked."""
    if not sys.executable or getattr(sys, "frozen", False):  # then that is the application
        return None
    # What this process was started with says nothing about the library, and might make the child do something else: with a
    # compilation cache it would not use the library.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JAX_", "XLA_", "JKERAS_"))}
    environment = {**kept, variable: "1", "JAX_PLATFORMS": "cpu", "PYTHONPATH": os.pathsep.join(sys.path)}
    try:
        done = subprocess.run(COMMAND, env=environment, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if not done.stdout.startswith(TRYING):
        return None
    return done.returncode == 0 and done.stdout.endswith(EQUAL)


def _keep(path: Path, answers: dict[str, Any]) -> None:
    """Write the answers; where that is not allowed, the next process asks again."""
    try:
        with atomic_file(path) as temporary:
            temporary.write_text(json.dumps(answers, indent=1))
    except OSError:
        return
