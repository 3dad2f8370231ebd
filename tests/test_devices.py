"""Tests in `tests/devices/` run in a process with eight devices: XLA makes them of the CPU, if it is told before JAX starts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
# Those marked `optimised` run in another one, which compiles as users' processes do; see `tests/test_optimised.py`.
PROCESSES = {"quickly": {}, "as users do": {"JKERAS_TESTS_AS_USERS_DO": "1"}}


@pytest.mark.parametrize("compiled", PROCESSES)
def test_all_pass_on_eight_devices(compiled):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", HERE / "devices"]
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=8", "JKERAS_TESTS_DEVICES": "8"}
    environment = {**os.environ, **flags, **PROCESSES[compiled]}
    done = subprocess.run(command, env=environment, cwd=HERE.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2000:]
