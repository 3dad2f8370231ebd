"""MNIST's shape: 784 numbers, three hidden layers of 256, plain SGD, batches of 32."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench import synthetic
from bench.workload import Training


class MLP(Training):
    name = "mlp"
    title = "MNIST MLP, batch 32"
    rows, quick_rows, batch = 60_000, 640, 32
    optimizer = ("sgd", 0.01)

    def data(self, rows: int) -> tuple[np.ndarray, np.ndarray]:
        return synthetic.classes(rows, (784,), 10)

    def keras_targets(self, y: np.ndarray) -> np.ndarray:
        return np.eye(10, dtype=np.float32)[y]

    def model(self, keras: Any) -> Any:
        layers = keras.layers
        model = keras.Sequential()
        model.add(keras.Input((784,)))
        for _ in range(3):
            model.add(layers.Dense(256, activation="relu"))
        model.add(layers.Dense(10, activation="softmax"))
        model.compile(loss="categorical_crossentropy", optimizer="sgd", metrics=["accuracy"])
        return model

    def module(self) -> Any:
        from torch import nn

        hidden = [part for width in (784, 256, 256) for part in (nn.Linear(width, 256), nn.ReLU())]
        return nn.Sequential(*hidden, nn.Linear(256, 10))

    def init(self, key: Any) -> tuple[Any, Any]:
        import jax

        from bench.libraries.plain_jax import dense

        shapes = [(784, 256), (256, 256), (256, 256), (256, 10)]
        return [dense(k, *shape) for k, shape in zip(jax.random.split(key, 4), shapes)], ()

    def apply(self, params: Any, state: Any, x: Any, conv: Any) -> tuple[Any, Any]:
        import jax

        from bench.libraries.plain_jax import affine

        *hidden, last = params
        for layer in hidden:
            x = jax.nn.relu(affine(layer, x))
        return affine(last, x), state


WORKLOAD = MLP()
