"""The machine: its hardware, its installed versions, and whether it is quiet."""

from __future__ import annotations

import os
import pathlib
import platform
import subprocess
import time
from importlib.metadata import PackageNotFoundError, version
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parent.parent
PACKAGES = ("jax", "jaxlib", "optax", "keras", "tensorflow", "torch", "grain", "numpy")
QUIET = 0.93
"""The share of all cores' time that must be idle."""


def model_name() -> str:
    """The processor's name."""
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def describe() -> dict[str, Any]:
    """Processor, cores, memory and system."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {"processor": model_name(), "cores": cores(), "memory_gb": round(pages / 2**30), "system": platform.system()}


def versions() -> dict[str, str]:
    """Versions of Python and of the compared libraries, without those that are not installed."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def git(*arguments: str) -> str:
    """What git prints, or nothing without git."""
    try:
        return subprocess.run(["git", *arguments], capture_output=True, text=True, cwd=ROOT).stdout.strip()
    except OSError:
        return ""


def commit() -> str:
    """The commit, marked if files of the package or the bench differ from it."""
    changed = git("status", "--porcelain", "--", "jkeras", "bench/*.py")
    return (git("rev-parse", "--short", "HEAD") or "unknown") + ("+changes" if changed else "")


def idle(seconds: float = 0.4) -> float:
    """Waits, and returns the share of all cores' time that was idle meanwhile."""

    def counters() -> tuple[int, int]:
        ticks = [int(part) for part in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        return ticks[3] + ticks[4], sum(ticks)

    try:
        free, total = counters()
        time.sleep(seconds)
        later_free, later_total = counters()
        return (later_free - free) / max(later_total - total, 1)
    except (OSError, ValueError):
        return max(0.0, 1 - os.getloadavg()[0] / cores())


def wait_until_quiet(patience: float) -> float:
    """Waits until the machine is idle, at most `patience` seconds, and returns how idle it was at the end."""
    until = time.monotonic() + patience
    while (free := idle()) < QUIET and time.monotonic() < until:
        time.sleep(1)
    return free
