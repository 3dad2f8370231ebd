"""Tests marked `optimised` run in a process that compiles programs as users' do, because equal bits depend on that."""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
MARK = "@pytest.mark.optimised"


def test_all_that_are_marked_pass_as_users_programs_do():
    apart = {Path(__file__), *(HERE / "devices").iterdir()}  # tests/test_devices.py runs these
    files = [path for path in sorted(HERE.rglob("test_*.py")) if path not in apart and MARK in path.read_text()]
    assert files
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "optimised and not slow"]
    environment = {**os.environ, "JKERAS_TESTS_AS_USERS_DO": "1"}
    done = subprocess.run([*command, *files], env=environment, cwd=HERE.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2000:]
