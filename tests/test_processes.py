"""Two processes are one: the same bits, one that speaks and writes, and an end for all when one dies."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import jkeras
from jkeras.distribution.watch import RESTART

SCRIPT = Path(__file__).resolve().parent / "devices" / "two_processes.py"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run(count, folder, *more):
    """Statuses and outputs of the processes."""
    port = str(free_port())
    command = [sys.executable, SCRIPT]
    environment = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
    started = [
        subprocess.Popen(
            [*command, str(number), str(count), port, folder, *more],
            env=environment,
            stdout=-1,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for number in range(count)
    ]
    outputs = [process.communicate(timeout=240)[0] for process in started]
    return [process.returncode for process in started], outputs


def hashes(outputs):
    return [line.split()[1] for text in outputs for line in text.splitlines() if line.startswith("HASH")]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    statuses, outputs = run(1, tmp_path_factory.mktemp("one"))
    assert statuses == [0], outputs[0][-3000:]
    return hashes(outputs)[0]


def test_two_processes_are_one_with_two_devices_and_one_may_die(undisturbed, tmp_path):
    statuses, outputs = run(2, tmp_path, "kill")
    assert statuses == [RESTART, -9], outputs
    assert "Process 1 of 2 is gone, so process 0 ends too" in outputs[0]
    assert (tmp_path / "backup").exists() and not (tmp_path / "model.keras").exists()
    statuses, outputs = run(2, tmp_path, "kill")
    assert statuses == [0, 0], outputs
    assert hashes(outputs) == [undisturbed] * 2
    assert "Epoch 4/4" in outputs[0] and "Epoch 1/4" not in outputs[0] and "Epoch" not in outputs[1]
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 1 + 4
    assert np.isfinite(jkeras.models.load_model(tmp_path / "model.keras").predict(np.ones((2, 6)), verbose=0)).all()
