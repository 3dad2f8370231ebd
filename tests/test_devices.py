"""Tests in `tests/devices/` run in a process with eight devices: XLA makes them of the CPU, if it is told before JAX starts."""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def test_all_pass_on_eight_devices():
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", HERE / "devices"]
    environment = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=8", "JKERAS_TESTS_DEVICES": "8"}
    done = subprocess.run(command, env=environment, cwd=HERE.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2000:]
