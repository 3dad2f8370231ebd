"""Two processes that work as one: what ends them, and what the others learn."""

import json
import re
import time
from pathlib import Path

import numpy as np
import pytest
from two_processes import ends, start

import jkeras
from jkeras import layers

HERE = Path(__file__).resolve().parent
TROUBLES = {
    "exits": ([75, 1], "Process 1 of 2 has ended, while others still work", "Process 1 of 2, this one, has ended"),
    "hangs": ([75, 75], "Process 1 of 2 is stuck: the others have waited for it for 3 s", "(?s)this one, is stuck.*in hangs"),
    "dies": ([75, -9], "Process 1 of 2 is gone", ""),
    "freezes": ([75, -9], "Process 1 of 2 is frozen: it has said nothing for \\d s", ""),
    "waits": ([75, 75], r"(?s)All 2 processes have waited for their devices for 3 s.*in waits", "(?s)All 2 processes.*in waits"),
}
SLOW = ("dies", "freezes", "waits")  # the example survive.py shows the first


@pytest.mark.parametrize("trouble", [pytest.param(t, marks=[pytest.mark.slow] * (t in SLOW)) for t in TROUBLES])
def test_all_end_and_say_which_process_is_missing(trouble):
    statuses, others, own = TROUBLES[trouble]
    processes = start(HERE / "troubled.py", trouble)
    (first,), _ = ends(processes[:1])
    ended = time.time()
    if trouble == "freezes":
        processes[1].kill()
    (second,), _ = ends(processes[1:])
    assert [first[0], second[0]] == statuses
    assert re.search(others, first[2]) and "BackupAndRestore" in first[2] and re.search(own, second[2])
    seconds = ended - float(re.search(r"now (\S+)", second[1])[1])
    assert seconds < (7 if trouble in ("hangs", "freezes", "waits") else 3)


def test_files_and_data_of_several_processes(tmp_path):
    """What two processes of two devices wrote, one process of one device reads, and goes on; `together.py` has the other half."""
    (first, second), _ = ends(start(HERE / "together.py", tmp_path, devices=2), seconds=300)
    assert first[0] == second[0] == 0, first[2] + second[2]
    found, other = (json.loads(one[1].splitlines()[-1]) for one in (first, second))
    assert found == other
    wanted = np.load(tmp_path / "weights0.npz")
    for name in ("model.keras", "model.weights.json", "model.safetensors", "orbax"):
        model = fresh()
        model.load_weights(tmp_path / name)
        for a, b in zip(wanted.values(), model.get_weights()):
            np.testing.assert_array_equal(a, b)
    for goes_on in ({"resume": True}, {"callbacks": [jkeras.callbacks.BackupAndRestore(tmp_path / "backup")]}):
        model = fresh()
        if "resume" in goes_on:
            model.load_weights(tmp_path / "orbax")
        losses = model.fit(X, X[:, :3], epochs=4, batch_size=32, verbose=0, **goes_on).history["loss"]
        np.testing.assert_allclose(losses, found["resumed"], rtol=1e-5)
    np.testing.assert_allclose(found["resumed elsewhere"], found["resumed"], rtol=1e-5)
    for kind in ("whole batches", "own rows", "generator of own rows"):
        np.testing.assert_allclose(found[kind], found["arrays"], rtol=1e-5)
    if "grain" in found:
        np.testing.assert_allclose(found["grain"], found["as grain"], rtol=1e-5)
    assert "process 0: the next steps\n    process 1: the end of an epoch" in found["apart"]


X = np.random.default_rng(0).normal(size=(96, 6)).astype("float32")


def fresh():
    model = jkeras.Sequential([layers.Input((6,)), layers.Dense(16, "relu", name="up"), layers.Dense(3, name="down")])
    model.compile("adam", "mse")
    return model
