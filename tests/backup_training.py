"""A training run that is killed and restarted: the script that `test_backup.py` runs in separate processes."""

from __future__ import annotations

import json
import os
import signal
import sys

import numpy as np

import jkeras
from jkeras import layers
from jkeras.callbacks import BackupAndRestore, Callback, EarlyStopping, ReduceLROnPlateau


class Kill(Callback):
    """Ends the process as `kill -9` does, after a number of batches of this process."""

    def __init__(self, batches: int):
        self.left = batches

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if not self.left:
            os.kill(os.getpid(), signal.SIGKILL)


def train(folder: str, save_freq: str | int, kill_after: int = 0, more=()):
    """Shuffled data, dropout, batch normalization, Adam, metrics, and callbacks that remember."""
    jkeras.utils.set_random_seed(3)
    random = np.random.default_rng(0)
    x = random.normal(size=(56, 4)).astype("float32")  # seven batches of 8
    y = (x[:, :1] * 2 + random.normal(size=(56, 1)) * 0.1).astype("float32")
    model = jkeras.Sequential([layers.Input((4,)), layers.BatchNormalization(), layers.Dropout(0.5), layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    # First in the list, and yet the backup includes what the others decide at the end of an epoch.
    callbacks = [BackupAndRestore(folder, save_freq=save_freq), Kill(kill_after)] if folder else []
    callbacks += [
        ReduceLROnPlateau("loss", patience=0, min_delta=0.5, factor=0.5),
        EarlyStopping("loss", patience=9, restore_best_weights=True),
    ]
    callbacks += more
    history = model.fit(x, y, batch_size=8, epochs=5, verbose=0, callbacks=callbacks)
    return model, history


if __name__ == "__main__":
    model, history = train(sys.argv[1], int(sys.argv[2]) if sys.argv[2].isdigit() else sys.argv[2], int(sys.argv[3]))
    optimizer = [np.asarray(a).astype("float64").tolist() for a in model.optimizer.variables]
    weights = [w.tolist() for w in model.get_weights()]
    print(json.dumps({"epochs": history.epoch, "history": history.history, "weights": weights, "optimizer": optimizer}))
