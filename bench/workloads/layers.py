"""Models that one layer or one optimizer dominates, trained by `fit`: both libraries run the same lines."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bench.libraries import keras_fit
from bench.workload import Record, Workload, record

Data = tuple[np.ndarray, np.ndarray]


def normal(rows: int, shape: Sequence[int], targets: Sequence[int] = (1,)) -> Data:
    """Inputs and targets of these shapes."""
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=(rows, *size)).astype("float32") for size in (shape, targets))
    return x, y


def tokens(rows: int) -> Data:
    """Rows of 16 numbers below a million."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 1_000_000, (rows, 16)).astype("int32"), rng.normal(size=(rows, 1)).astype("float32")


def conv_lstm(keras: Any) -> list[Any]:
    """Frames of moving pictures, of which the last layer guesses the next."""
    layers = keras.layers
    return [layers.Input((8, 32, 32, 1)), layers.ConvLSTM2D(16, 3, padding="same"), layers.Conv2D(1, 3, padding="same")]


def group_norm(keras: Any) -> list[Any]:
    """Four normalizations of images."""
    layers = keras.layers
    norms = [layer for _ in range(4) for layer in (layers.GroupNormalization(8), layers.ReLU())]
    return [layers.Input((32, 32, 32)), *norms, layers.GlobalAveragePooling2D(), layers.Dense(1)]


def einsum_dense(keras: Any) -> list[Any]:
    """The projections of attention heads, there and back."""
    layers = keras.layers
    there = layers.EinsumDense("abc,cde->abde", (None, 8, 32), bias_axes="de", activation="relu")
    back = layers.EinsumDense("abde,dec->abc", (None, 256), bias_axes="c")
    return [layers.Input((64, 256)), there, back, layers.GlobalAveragePooling1D(), layers.Dense(1)]


def wide(keras: Any) -> list[Any]:
    """Ten million weights in 38 matrices, and so few rows that changing the weights is most of the work."""
    dense = [keras.layers.Dense(512, activation="tanh") for _ in range(38)]
    return [keras.layers.Input((512,)), *dense, keras.layers.Dense(1)]


def embedding(keras: Any) -> list[Any]:
    """Vectors of a million words."""
    layers = keras.layers
    return [layers.Input((16,), dtype="int32"), layers.Embedding(1_000_000, 32), layers.GlobalAveragePooling1D(), layers.Dense(1)]


class OneLayer(Workload):
    """An epoch of `fit`.

    Args:
        name: the row's name.
        title: the row's title in the report.
        layers: from a library's module, makes the model's layers.
        optimizer: makes the optimizer, from the module too.
        data: makes inputs and targets for a number of rows.
        rows, batch: how many.
    """

    libraries = ("jkeras", "keras")
    epochs = 4

    def __init__(
        self,
        name: str,
        title: str,
        layers: Callable[[Any], list[Any]],
        optimizer: Callable[[Any], Any],
        data: Callable[[int], Data],
        rows: int,
        batch: int,
    ):
        self.name, self.title = name, title  # type: ignore[misc]
        self.layers, self.optimizer, self.data = layers, optimizer, data
        self.rows, self.batch = rows, batch

    def sizes(self) -> str:
        return f"{self.rows:,} rows of shape {self.data(1)[0].shape[1:]}, batch {self.batch}"

    def run(self, library: str, quick: bool) -> Record:
        keras = keras_fit.module(library)
        x, y = self.data(2 * self.batch if quick else self.rows)
        keras.utils.set_random_seed(0)
        seen = keras_fit.clock(keras)
        begin = time.perf_counter()
        model = keras.Sequential(self.layers(keras))
        model.compile(self.optimizer(keras.optimizers), "mse")
        model.fit(x, y, batch_size=self.batch, epochs=2 if quick else self.epochs, verbose=0, callbacks=[seen])
        return record([moment - begin for moment in seen.times], seen.losses)


_ROWS = (
    OneLayer(
        "conv_lstm",
        "ConvLSTM2D, 8 frames of 32 x 32",
        conv_lstm,
        lambda o: o.Adam(),
        lambda rows: normal(rows, (8, 32, 32, 1), (32, 32, 1)),
        256,
        16,
    ),
    OneLayer(
        "group_norm", "GroupNormalization", group_norm, lambda o: o.Adam(), lambda rows: normal(rows, (32, 32, 32)), 512, 32
    ),
    OneLayer("einsum_dense", "EinsumDense", einsum_dense, lambda o: o.Adam(), lambda rows: normal(rows, (64, 256)), 1024, 32),
    OneLayer("muon", "Muon, 10 million weights", wide, lambda o: o.Muon(), lambda rows: normal(rows, (512,)), 64, 16),
    OneLayer(
        "adafactor", "Adafactor, 10 million weights", wide, lambda o: o.Adafactor(), lambda rows: normal(rows, (512,)), 256, 16
    ),
    OneLayer("embedding", "Embedding of a million words", embedding, lambda o: o.SGD(0.1), tokens, 8192, 256),
)
WORKLOADS = {row.name: row for row in _ROWS}
