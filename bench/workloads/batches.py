"""One batch at a time, as users' own loops train: 31 Dense layers with Adam, and the two models of a GAN.

The network is deep and narrow, so the time measures a call's overhead rather than its arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bench.libraries import keras_fit
from bench.workload import Record, Workload
from bench.workloads.evaluate import timed

LAYERS, UNITS, ROWS = 31, 16, 32


def deep(keras: Any) -> Callable[[str], Callable[[], Any]]:
    """The deep model's methods by name, each called with a batch."""
    layers = [keras.layers.Dense(UNITS, activation="relu") for _ in range(LAYERS - 1)]
    model = keras.Sequential([keras.layers.Input((UNITS,)), *layers, keras.layers.Dense(1)])
    model.compile("adam", "mse")
    numbers = np.random.default_rng(0)
    x, y = (numbers.normal(size=(ROWS, n)).astype("float32") for n in (UNITS, 1))
    options = {"fit": {"verbose": 0}}
    return lambda method: lambda: getattr(model, method)(x, y, **options.get(method, {}))


def gan(keras: Any) -> Callable[[], Any]:
    """A turn of a GAN's loop: the discriminator on real and generated images, the generator through the frozen discriminator."""
    dense = keras.layers.Dense
    generator = keras.Sequential([keras.layers.Input((16,)), dense(128, "relu"), dense(256, "relu"), dense(784, "sigmoid")])
    judge = keras.Sequential([keras.layers.Input((784,)), dense(256, "relu"), dense(128, "relu"), dense(1, "sigmoid")])
    judge.compile("adam", "binary_crossentropy")
    noise = keras.layers.Input((16,))
    judge.trainable = False
    both = keras.Model(noise, judge(generator(noise)))
    both.compile("adam", "binary_crossentropy")
    numbers = np.random.default_rng(0)
    real, seeds = numbers.uniform(size=(ROWS, 784)).astype("float32"), numbers.normal(size=(ROWS, 16)).astype("float32")
    ones, zeros = np.ones((ROWS, 1), "float32"), np.zeros((ROWS, 1), "float32")

    def turn() -> float:
        made = generator.predict_on_batch(seeds)
        judge.trainable = True
        judge.train_on_batch(real, ones)
        judge.train_on_batch(made, zeros)
        judge.trainable = False
        return float(both.train_on_batch(seeds, ones))

    return turn


class OneBatch(Workload):
    """A call with a single batch.

    Args:
        name: the row's name.
        title: the row's title in the report.
        work: from a library's module, makes the function to time.
    """

    libraries = ("jkeras", "keras")
    measures = "call with one batch"
    repeats = 2
    calls = 200

    def __init__(self, name: str, title: str, work: Callable[[Any], Callable[[], Any]]):
        self.name, self.title, self.work = name, title, work  # type: ignore[misc]

    def sizes(self) -> str:
        return f"{ROWS} rows; median of {self.calls} calls in each process"

    def run(self, library: str, quick: bool) -> Record:
        seconds, start = timed(self.work(keras_fit.module(library)), 5 if quick else self.calls)
        return {"seconds": seconds, "start": start}


WORKLOADS = {
    "train_on_batch": OneBatch("train_on_batch", f"train_on_batch, {LAYERS} layers", lambda keras: deep(keras)("train_on_batch")),
    "test_on_batch": OneBatch("test_on_batch", f"test_on_batch, {LAYERS} layers", lambda keras: deep(keras)("test_on_batch")),
    "fit_one_batch": OneBatch("fit_one_batch", f"fit of one batch, {LAYERS} layers", lambda keras: deep(keras)("fit")),
    "gan": OneBatch("gan", "a turn of a GAN's loop", gan),
}
