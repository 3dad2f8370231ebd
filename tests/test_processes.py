"""Two processes that work as one: what ends them, and what the others learn."""

import io
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from two_processes import ROOT, ends, start

import jkeras
from jkeras import layers
from jkeras._base import processes
from jkeras.distribution import connections, joining

HERE = Path(__file__).resolve().parent
TROUBLES = {
    "raises": ([1, 1], "Process 1 of 2 ended with an error", "ZeroDivisionError"),
    "exits": ([75, 1], "Process 1 of 2 has ended, while others still work", "Process 1 of 2, this one, has ended"),
    "hangs": ([75, 75], "Process 1 of 2 is stuck: the others have waited for it for 3 s", "(?s)this one, is stuck.*in hangs"),
    "dies": ([75, -9], "Process 1 of 2 is gone", ""),
    "freezes": ([75, -9], "Process 1 of 2 is frozen: it has said nothing for \\d s", ""),
    "waits": ([75, 75], r"(?s)All 2 processes have waited for their devices for 3 s.*in waits", "(?s)All 2 processes.*in waits"),
}
SLOW = ("exits", "hangs", "freezes", "waits")


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


@pytest.mark.slow
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
    for kind in ("whole batches", "own rows", "generator of own rows", "arrays of own rows"):
        np.testing.assert_allclose(found[kind], found["arrays"], rtol=1e-5)
    if "grain" in found:
        np.testing.assert_allclose(found["grain"], found["as grain"], rtol=1e-5)
    assert "process 0: the next steps\n    process 1: the end of an epoch" in found["apart"]


@pytest.fixture
def told(monkeypatch):
    """What process 0 tells the others, which run as threads here: a queue of one text."""
    text, ready = [], threading.Event()

    def text_of_first(own):
        if own:
            text.append(own)
            ready.set()
        assert ready.wait(10)
        return text[0]

    monkeypatch.setattr(processes, "text_of_first", text_of_first)
    monkeypatch.setattr(connections, "_PATIENCE", 1.0)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", pytest.param("::1", marks=pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="IPv4"))]
)
def test_both_ends_notice_a_machine_that_is_lost_while_they_send(address, told):
    found = []
    other = threading.Thread(target=lambda: found.append(connections.connect(1, 2, None)[0]))
    other.start()
    ends = [connections.connect(0, 2, address)[1]]
    other.join()
    ends += found
    ends[0].send("hello")
    assert ends[1].receive(5) == ["hello"]
    for end in ends:
        assert (
            not hasattr(socket, "TCP_USER_TIMEOUT")
            or end._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 11_000
        )
        end.close()


def test_a_process_that_does_not_connect_is_named_with_the_port(told):
    found = []
    other = threading.Thread(target=lambda: found.append(connections.connect(2, 4, None)))
    other.start()
    with pytest.raises(TimeoutError, match=r"Processes 1, 3 of 4 did not connect to port \d+ of process 0 within 1 s"):
        connections.connect(0, 4, "127.0.0.1")
    other.join()
    with pytest.raises(ConnectionError, match=r"Process 1 of 4 does not reach process 0 at 127.0.0.1, port \d+: .*refused"):
        connections.connect(1, 4, None)


def test_a_name_without_an_address_is_told_as_it_is(monkeypatch):
    def gethostbyname(name):
        raise socket.gaierror("no address")

    monkeypatch.setattr(socket, "gethostbyname", gethostbyname)
    assert connections._own_name() == socket.gethostname()


FORKS = """
import os, sys, threading
from jkeras.distribution import watch
watch.connect = lambda *arguments: {1: Kept()}
class Kept:
    def receive(self): threading.Event().wait()
    def send(self, *message): pass
    def close(self): pass
watch.Watch(0, 2, None, None)
if os.fork() == 0:
    sys.exit(0)
print(os.wait()[1], flush=True)
os._exit(0)
"""


class Told:
    """A link that hears when this process waits for its devices."""

    def __init__(self):
        self.depth = self.times = 0

    def began(self):
        pass

    def waits(self, begins):
        self.depth += 1 if begins else -1
        self.times += begins


@pytest.mark.parametrize(
    ("work", "least"),
    [
        (lambda model: model.predict(X, verbose=0, batch_size=32), 1),
        (lambda model: model.evaluate(X, X[:, :3], verbose=0, batch_size=96), 2),  # before its batch, and at the end
        (lambda model: model.train_on_batch(X, X[:, :3]), 1),
        (lambda model: model.get_weights(), 4),
        (lambda model: model.save(io.BytesIO()), 4),
    ],
    ids=["predict", "evaluate", "train_on_batch", "get_weights", "save"],
)
def test_the_link_hears_whenever_devices_are_waited_for(work, least, monkeypatch):
    model, link = fresh(), Told()
    model.predict(X[:32], verbose=0)
    monkeypatch.setattr(processes, "_links", [link])
    work(model)
    assert link.times >= least and not link.depth


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no processes are forked here")
def test_a_forked_child_ends_without_the_others():
    command, environment = [sys.executable, "-W", "ignore", "-c", FORKS], {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "0\n", done.stderr


@pytest.mark.parametrize(
    ("variables", "gpu"),
    [
        ({}, None),
        ({"LOCAL_WORLD_SIZE": "1", "LOCAL_RANK": "0"}, None),
        ({"LOCAL_WORLD_SIZE": "4", "LOCAL_RANK": "3"}, [3]),
        ({"LOCAL_WORLD_SIZE": "4", "LOCAL_RANK": "3", "CUDA_VISIBLE_DEVICES": "0,1,2,3"}, [3]),
        ({"LOCAL_WORLD_SIZE": "4", "LOCAL_RANK": "3", "CUDA_VISIBLE_DEVICES": "3"}, None),
    ],
)
def test_each_of_several_processes_on_a_machine_takes_one_gpu(variables, gpu, monkeypatch):
    asked = []
    for name in ("LOCAL_WORLD_SIZE", "LOCAL_RANK", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(joining.jax.distributed, "initialize", lambda *given, **options: asked.append(given))
    joining.initialize("[::1]:1234", 2, 1)
    assert asked == [("[::1]:1234", 2, 1, gpu)]


X = np.random.default_rng(0).normal(size=(96, 6)).astype("float32")


def fresh():
    model = jkeras.Sequential([layers.Input((6,)), layers.Dense(16, "relu", name="up"), layers.Dense(3, name="down")])
    model.compile("adam", "mse")
    return model
