"""A training on two processes goes on after one of them was killed, and ends with the bits of one that was left alone.

    python examples/survive.py
    python examples/survive.py --kills 20

The script starts itself as process 0 and 1 on this machine. Process 1 kills itself in the third epoch; the other one ends at once
and says so; both are started again, and `BackupAndRestore` goes on where it saved. Finally one process with two devices trains
alone.

With `--kills`, one of the processes is killed at a random moment, of the start too, and both are started again until they come to
the end: this many times, each in a folder of its own.
"""

import argparse
import contextlib
import hashlib
import os
import random
import runpy
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import jkeras
from jkeras import layers

FEW, MANY = 5, 60  # epochs


class Accident(jkeras.callbacks.Callback):
    """Ends the process in the third epoch of its first life."""

    def __init__(self, mark):
        super().__init__()
        self.mark = mark

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 2 and not os.path.exists(self.mark):
            open(self.mark, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)


def work(number, count, port, folder, epochs):
    """What each process runs; the hash of the weights at the end."""
    if count > 1:
        jkeras.distribution.initialize(f"127.0.0.1:{port}", count, number)
    jkeras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(500, 8)).astype("float32")
    model = jkeras.Sequential([layers.Input((8,)), layers.Dense(32, "relu"), layers.Dropout(0.1), layers.Dense(1)])
    model.compile("adam", "mse", distribution="data")
    backup = jkeras.callbacks.BackupAndRestore(f"{folder}/run")
    accident = [Accident(f"{folder}/died")] if number and epochs == FEW else []
    model.fit(x, x.sum(1), epochs=epochs, verbose=2, callbacks=[backup, *accident])
    model.save(f"{folder}/model.keras")
    numbers = (*model.get_weights(), model.predict(x, verbose=0))
    return hashlib.sha256(b"".join(array.tobytes() for array in numbers)).hexdigest()


def start(count, folder, epochs):
    """All processes, with two devices together."""
    port = runpy.run_path(str(Path(__file__).parent / "launch" / "local.py"))["free_ports"]()
    environment = {**os.environ, "XLA_FLAGS": f"--xla_force_host_platform_device_count={2 // count}"}
    rest = [str(count), str(port), folder, str(epochs)]
    commands = [[sys.executable, __file__, "--process", str(n), *rest] for n in range(count)]
    return [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for command in commands]


def end(processes):
    """Their statuses when all have ended, and what the first one printed."""
    outputs = [process.communicate()[0] for process in processes]
    return [process.returncode for process in processes], outputs[0]


def lives(count, folder, epochs, title=""):
    """Start all processes and wait for them; the hash at the end."""
    statuses, output = end(start(count, folder, epochs))
    print(output, end="", flush=True)
    if title:
        print(f"{title}:", statuses)
    if not output.split():
        raise RuntimeError(f"Process 0 printed nothing. Their messages are above, their statuses are {statuses}.")
    return output.split()[-1]


def killed(moment, victim):
    """Kill a process after so many seconds, and start all again until they come to the end; the statuses of all, and the hash."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        while not found or any(found[-1]):
            processes = start(2, folder, MANY)
            if not found:
                time.sleep(moment)
                processes[victim].kill()
                with contextlib.suppress(subprocess.TimeoutExpired):  # before they have joined, nobody misses anybody:
                    processes[1 - victim].wait(timeout=20)
                processes[1 - victim].kill()  # that is for whatever starts them
            statuses, output = end(processes)
            found.append(statuses)
            if len(found) > 5:
                raise RuntimeError(f"They do not come to the end: {found}")
    return found, output.split()[-1]


def kill_often(times):
    """Whether the hash is the same after each of many accidents."""
    draws = random.Random(0)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        undisturbed = lives(2, folder, MANY)
    seconds = time.monotonic() - began
    same = 0
    for number in range(times):
        moment, victim = draws.uniform(0, seconds), draws.randrange(2)
        statuses, bits = killed(moment, victim)
        same += bits == undisturbed
        print(
            f"{number + 1}: process {victim} killed after {moment:.1f} of {seconds:.1f} s, lives {statuses}, {bits[:8]}",
            flush=True,
        )
    print(f"the same hash after {same} of {times} accidents")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="changes nothing: it is short")
    parser.add_argument("--kills", type=int, default=0, help="how many accidents, at random moments")
    names = ("NUMBER", "COUNT", "PORT", "FOLDER", "EPOCHS")
    parser.add_argument("--process", nargs=5, metavar=names, help="be one of the processes")
    arguments = parser.parse_args(argv)
    process = arguments.process
    if process:
        print(work(int(process[0]), int(process[1]), process[2], process[3], int(process[4])))
        return
    if arguments.kills:
        kill_often(arguments.kills)
        return
    with tempfile.TemporaryDirectory() as folder:
        lives(2, folder, FEW, "first life")
        bits = lives(2, folder, FEW, "second life")
    with tempfile.TemporaryDirectory() as folder:
        alone = lives(1, folder, FEW)
        print("the bits of a training that nobody disturbed:", bits == alone)


if __name__ == "__main__":
    main()
