"""What `test_processes.py` starts twice: a training in which process 1 does what its last argument says."""

import os
import signal
import sys
import threading
import time

import numpy as np

import jkeras
from jkeras import layers
from jkeras._base import processes

number, count, port, trouble = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
STUCK_AFTER = 3.0


def raises():
    1 / 0  # noqa: B018


def exits():
    sys.exit(0)


def hangs():
    threading.Event().wait()


def freezes():
    os.kill(os.getpid(), signal.SIGSTOP)


def waits():
    with processes.waiting():
        threading.Event().wait()


def dies():
    os.kill(os.getpid(), signal.SIGKILL)


class Trouble(jkeras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if number == 1 and epoch == 0:
            time.sleep(0.6 * STUCK_AFTER)  # slow is not stuck
        if (number == 1 or trouble == "waits") and epoch == 1:
            print("now", time.time(), flush=True)
            globals()[trouble]()


jkeras.distribution.initialize(f"127.0.0.1:{port}", count, number, stuck_after=STUCK_AFTER)
model = jkeras.Sequential([layers.Input((4,)), layers.Dense(2)])
model.compile("sgd", "mse", distribution="data")
x = np.ones((32, 4), "float32")
model.fit(x, x[:, :2], epochs=4, verbose=0, callbacks=[Trouble()])
print("done")
