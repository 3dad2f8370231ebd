"""jkeras and Keras: `compile` and `fit` as a user writes them, with default settings.

The only callback records the time at the end of each epoch, after it has read the loss: before that, the epoch may still be
running.
"""

from __future__ import annotations

import importlib
import time
from typing import Any

import numpy as np

from bench.workload import Record, Training, record


def module(library: str) -> Any:
    """The imported module of a library."""
    return importlib.import_module(library)


def clock(keras: Any) -> Any:
    """A callback that records the time and the logs at the end of each epoch."""

    class Clock(keras.callbacks.Callback):
        def __init__(self) -> None:
            super().__init__()
            self.times: list[float] = []
            self.losses: list[float] = []
            self.accuracies: list[float] = []

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.losses.append(float(logs["loss"]))
            self.accuracies += [float(value) for name, value in logs.items() if name.endswith("accuracy")]
            self.times.append(time.perf_counter())

    return Clock()


def train(workload: Training, library: str, x: np.ndarray, y: np.ndarray, epochs: int) -> Record:
    """Builds, compiles and fits the model."""
    keras = module(library)
    keras.utils.set_random_seed(0)
    targets = workload.keras_targets(y)
    seen = clock(keras)
    begin = time.perf_counter()
    model = workload.model(keras)
    model.fit(x, targets, batch_size=workload.batch, epochs=epochs, verbose=0, callbacks=[seen])
    return record([moment - begin for moment in seen.times], seen.losses, accuracies=seen.accuracies)
