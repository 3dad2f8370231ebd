"""One process of several, for `tests/test_processes.py`: trains, and prints what it found.

    python two_processes.py NUMBER COUNT PORT FOLDER [kill]

With `kill`, process 1 kills itself in the second epoch of its first life.
"""

import hashlib
import os
import signal
import sys

number, count, port, folder, *kill = sys.argv[1:]
os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={2 // int(count)}"

import numpy as np

import jkeras
from jkeras import layers

if int(count) > 1:
    jkeras.distribution.initialize(f"127.0.0.1:{port}", int(count), int(number))
jkeras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
x, y = rng.normal(size=(100, 6)).astype("float32"), rng.integers(0, 4, 100)


class Die(jkeras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if kill and number == "1" and epoch == 1 and not os.path.exists(f"{folder}/died"):
            open(f"{folder}/died", "w").close()
            os.kill(os.getpid(), signal.SIGKILL)


model = jkeras.Sequential([layers.Input((6,)), layers.Dense(16, "relu"), layers.Dropout(0.2), layers.Dense(4)], name="net")
loss = jkeras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile("adam", loss, metrics=["accuracy"], distribution="data")
backup = jkeras.callbacks.BackupAndRestore(f"{folder}/backup")
log = jkeras.callbacks.CSVLogger(f"{folder}/log.csv", append=True)
model.fit(x, y, epochs=4, batch_size=32, verbose=2, callbacks=[backup, log, Die()])
model.save(f"{folder}/model.keras")
outputs = model.predict(x, verbose=0)
print("HASH", hashlib.sha256(b"".join(np.asarray(w).tobytes() for w in (*model.get_weights(), outputs))).hexdigest())
