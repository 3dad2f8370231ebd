"""A training on two processes goes on after one of them was killed, and ends with the bits of one that was left alone.

    python examples/survive.py

The script starts itself as process 0 and 1 on this machine. Process 1 kills itself in the third epoch; the other one ends at once
and says so; both are started again, and `BackupAndRestore` goes on where it saved. Finally one process with two devices trains
alone.
"""

import argparse
import hashlib
import os
import signal
import socket
import subprocess
import sys
import tempfile

import numpy as np

import jkeras
from jkeras import layers


class Accident(jkeras.callbacks.Callback):
    """Ends the process in the third epoch of its first life."""

    def __init__(self, mark):
        super().__init__()
        self.mark = mark

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 2 and not os.path.exists(self.mark):
            open(self.mark, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)


def work(number, count, port, folder):
    """What each process runs; the hash of the weights at the end."""
    if count > 1:
        jkeras.distribution.initialize(f"127.0.0.1:{port}", count, number)
    jkeras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(500, 8)).astype("float32")
    model = jkeras.Sequential([layers.Input((8,)), layers.Dense(32, "relu"), layers.Dropout(0.1), layers.Dense(1)])
    model.compile("adam", "mse", distribution="data")
    backup = jkeras.callbacks.BackupAndRestore(f"{folder}/run")
    accident = [Accident(f"{folder}/died")] if number else []
    model.fit(x, x.sum(1), epochs=5, verbose=2, callbacks=[backup, *accident])
    model.save(f"{folder}/model.keras")
    numbers = (*model.get_weights(), model.predict(x, verbose=0))
    return hashlib.sha256(b"".join(array.tobytes() for array in numbers)).hexdigest()


def start(count, folder):
    """All processes, with two devices together; their statuses, and what the first one printed last."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "XLA_FLAGS": f"--xla_force_host_platform_device_count={2 // count}"}
    commands = [[sys.executable, __file__, "--process", str(n), str(count), str(port), folder] for n in range(count)]
    processes = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for command in commands]
    outputs = [process.communicate()[0] for process in processes]
    print(outputs[0], end="", flush=True)
    return [process.returncode for process in processes], outputs[0].split()[-1]


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="changes nothing: it is short")
    parser.add_argument("--process", nargs=4, metavar=("NUMBER", "COUNT", "PORT", "FOLDER"), help="be one of the processes")
    process = parser.parse_args(argv).process
    if process:
        print(work(int(process[0]), int(process[1]), *process[2:]))
        return
    with tempfile.TemporaryDirectory() as folder:
        statuses, _ = start(2, folder)
        print("first life:", statuses)
        statuses, bits = start(2, folder)
        print("second life:", statuses)
    with tempfile.TemporaryDirectory() as folder:
        _, alone = start(1, folder)
        print("the bits of a training that nobody disturbed:", bits == alone)


if __name__ == "__main__":
    main()
