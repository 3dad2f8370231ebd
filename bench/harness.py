"""Starts the processes: one measurement each, in turns A B C A B C, each after a check that the machine is quiet."""

from __future__ import annotations

import compileall
import datetime
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench import machine
from bench.workload import Record, Workload
from bench.workloads import TRAINING, workload

LIMIT = 900
"""Seconds after which a process is abandoned."""

Say = Callable[[str], None]
Runs = dict[str, list[Record]]

ENVIRONMENT = {
    "KERAS_BACKEND": "jax",
    "JAX_PLATFORMS": "cpu",
    "OMP_WAIT_POLICY": "PASSIVE",  # PyTorch's spinning threads would take the cores from its own main thread
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "PYTHONDONTWRITEBYTECODE": "",
}


def environment(root: Path = machine.ROOT) -> dict[str, str]:
    """The environment of every process, without a compilation cache, whose hits would depend on earlier runs."""
    kept = {name: value for name, value in os.environ.items() if "COMPILATION_CACHE" not in name}
    path = os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH"))))
    return {**kept, **ENVIRONMENT, "PYTHONPATH": path}


def start(
    module: str,
    *arguments: str,
    settings: dict[str, str] | None = None,
    root: Path = machine.ROOT,
    python: str = sys.executable,
) -> Record:
    """Runs a module of a checkout in its own process, with settings in its environment, and reads the JSON on its last line."""
    command = [python, "-m", module, *arguments]
    try:
        env = {**environment(root), **(settings or {})}
        done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=root, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        return {"failed": f"took over {LIMIT} s"}
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]}
    result: Record = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def measure(task: Workload, libraries: Sequence[str], rounds: int, *, quick: bool, patience: float, say: Say) -> Runs:
    """Measures one workload with some libraries, in turns; returns `{library: [record, ...]}`."""
    chosen = [library for library in task.libraries if library in libraries]
    taken: Runs = {library: [] for library in chosen}
    for turn in range(min(rounds, task.rounds or rounds) * (1 if quick else task.repeats)):
        for library in chosen:
            if any("failed" in one for one in taken[library]):
                continue
            free = machine.wait_until_quiet(0 if quick else patience)
            options = ["--quick"] if quick else []
            result = {"idle": round(free, 3), **start("bench.worker", task.name, library, *options, settings=task.environment)}
            taken[library].append(result)
            noisy = "" if quick or free >= machine.QUIET else f"  WARNING: the machine was only {free:.0%} idle"
            say(f"{task.name} {library} {turn + 1}: {headline(result)}{noisy}")
    return taken


def headline(result: Record) -> str:
    """One record in a few words."""
    if "failed" in result:
        return f"failed: {result['failed']}"
    if "seconds" in result:
        return f"{sorted(result['seconds'])[len(result['seconds']) // 2]:.4g} s"
    return ", ".join(f"{name} {value}" for name, value in result.items())


def table(
    names: Sequence[str], libraries: Sequence[str], rounds: int, *, quick: bool, patience: float, say: Say
) -> dict[str, Any]:
    """Runs the table and returns all measurements."""
    compileall.compile_dir(str(machine.ROOT / "jkeras"), quiet=2)
    arithmetic = start("bench.flops", *[name for name in names if name in TRAINING])
    stamp = {"date": datetime.date.today().isoformat(), "commit": machine.commit(), "rounds": rounds}

    def runs_of(name: str) -> Runs:
        return measure(workload(name), libraries, rounds, quick=quick, patience=patience, say=say)

    rows = {}
    with ThreadPoolExecutor(machine.cores() if quick else 1) as side_by_side:  # times count only where nothing runs beside
        measured = dict(zip(names, side_by_side.map(runs_of, names)))
    for name, runs in measured.items():
        task = workload(name)
        rows[name] = {
            "title": task.title,
            "sizes": task.sizes(),
            "measures": task.measures,
            "flop": arithmetic.get("epochs", {}).get(name),
            **stamp,
            "runs": runs,
        }
    return {
        "machine": machine.describe(),
        "versions": machine.versions(),
        "peak_flops": arithmetic.get("peak"),
        "workloads": rows,
    }


def merged(old: dict[str, Any] | None, new: dict[str, Any]) -> dict[str, Any]:
    """Adds new rows to old ones from the same machine and versions; others are dropped. The peak is from the run with epochs.

    A library that is missing from one of the runs does not invalidate the other's rows.
    """
    if not old or old["machine"] != new["machine"]:
        return new
    versions = {**old["versions"], **new["versions"]}
    if any(versions[name] != version for name, version in old["versions"].items()):
        return new
    peak = (new if any(name in TRAINING for name in new["workloads"]) else old).get("peak_flops")
    return {**new, "versions": versions, "peak_flops": peak, "workloads": {**old["workloads"], **new["workloads"]}}
