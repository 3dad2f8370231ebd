"""Several processes of this machine that work as one: how tests start them."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def start(script, *arguments, count=2, devices=1):
    """Start a script as process 0, 1, ...; it is given the number, the count, the port and the arguments.

    Args:
        script: a path.
        arguments: texts.
        count: of processes.
        devices: of each.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("JKERAS_TESTS")}
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment |= {"XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}", "PYTHONPATH": path}
    return [
        subprocess.Popen(
            [sys.executable, str(script), str(number), str(count), str(port), *map(str, arguments)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(count)
    ]


def ends(processes, seconds=120):
    """Statuses, outputs and messages of all, and how long they took; those that do not end in time are killed."""
    began, found = time.monotonic(), []
    try:
        for process in processes:
            out, message = process.communicate(timeout=max(1, seconds - (time.monotonic() - began)))
            found.append((process.returncode, out, message))
    finally:
        for process in processes:
            process.kill()
    return found, time.monotonic() - began
