"""ResNet50 and MobileNetV2 of `keras.applications`, on images of 224 x 224: epochs of a few steps, and predictions.

The start of the training rows is what a user waits for: to build the graph, to compile its step, and the first epoch.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bench import synthetic
from bench.libraries import keras_fit
from bench.workload import Record, Training, Workload
from bench.workloads.evaluate import timed

SIZE, CLASSES, BATCH, ROWS = 224, 10, 8, 32
TITLES = {"resnet50": "ResNet50", "mobilenet_v2": "MobileNetV2"}


def network(keras: Any, title: str) -> Any:
    """A network with random weights, compiled."""
    model = getattr(keras.applications, title)(weights=None, classes=CLASSES, input_shape=(SIZE, SIZE, 3))
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


class Step(Training):
    """Training of one network.

    Args:
        key: of `TITLES`.
    """

    rows, quick_rows, batch, epochs = ROWS, BATCH, BATCH, 3
    optimizer = ("sgd", 1e-2)
    libraries = ("jkeras", "keras")

    def __init__(self, key: str):
        self.name = f"{key}_step"  # type: ignore[misc]
        self.title = f"{TITLES[key]}, batch {BATCH}"  # type: ignore[misc]
        self.network = TITLES[key]

    def data(self, rows: int) -> tuple[np.ndarray, np.ndarray]:
        return synthetic.classes(rows, (SIZE, SIZE, 3), CLASSES)

    def model(self, keras: Any) -> Any:
        return network(keras, self.network)


class Predict(Workload):
    """Predictions of one network.

    Args:
        key: of `TITLES`.
    """

    measures = "pass over all rows"
    libraries = ("jkeras", "keras")
    runs = 5

    def __init__(self, key: str):
        self.name = f"{key}_predict"  # type: ignore[misc]
        self.title = f"predict all rows, {TITLES[key]}"  # type: ignore[misc]
        self.network = TITLES[key]

    def sizes(self) -> str:
        return f"{ROWS} images of {SIZE} x {SIZE} pixels, batch {BATCH}"

    def run(self, library: str, quick: bool) -> Record:
        x, _ = synthetic.classes(BATCH if quick else ROWS, (SIZE, SIZE, 3), CLASSES)
        model = network(keras_fit.module(library), self.network)
        seconds, start = timed(lambda: model.predict(x, batch_size=BATCH, verbose=0), 2 if quick else self.runs)
        return {"seconds": seconds, "start": start}


WORKLOADS = {task.name: task for key in TITLES for task in (Step(key), Predict(key))}
