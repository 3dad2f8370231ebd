"""An MNIST network of two 5x5 convolutions with 16 and 36 filters, Adam, batches of 128."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench import synthetic
from bench.workload import Training


class CNN5x5(Training):
    name = "cnn5x5"
    title = "5x5 CNN, batch 128"
    rows, quick_rows, batch = 10_112, 256, 128
    optimizer = ("adam", 1e-3)
    channels_last = True
    patches = True

    def data(self, rows: int) -> tuple[np.ndarray, np.ndarray]:
        x, y = synthetic.classes(rows, (784,), 10)
        return x, y

    def keras_targets(self, y: np.ndarray) -> np.ndarray:
        return np.eye(10, dtype=np.float32)[y]

    def model(self, keras: Any) -> Any:
        layers = keras.layers
        model = keras.Sequential()
        model.add(keras.Input((784,)))
        model.add(layers.Reshape((28, 28, 1)))
        model.add(layers.Conv2D(16, 5, padding="same", activation="relu"))
        model.add(layers.MaxPooling2D(pool_size=2, strides=2))
        model.add(layers.Conv2D(36, 5, padding="same", activation="relu"))
        model.add(layers.MaxPooling2D(pool_size=2, strides=2))
        model.add(layers.Flatten())
        model.add(layers.Dense(128, activation="relu"))
        model.add(layers.Dense(10, activation="softmax"))
        adam = keras.optimizers.Adam(learning_rate=1e-3)
        model.compile(optimizer=adam, loss="categorical_crossentropy", metrics=["accuracy"])
        return model

    def module(self) -> Any:
        from torch import nn

        return nn.Sequential(
            nn.Unflatten(1, (1, 28, 28)),
            nn.Conv2d(1, 16, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 36, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(7 * 7 * 36, 128),
            nn.ReLU(),
            nn.Linear(128, 10),
        )

    def init(self, key: Any) -> tuple[Any, Any]:
        import jax
        import jax.numpy as jnp

        from bench.libraries.plain_jax import dense, glorot

        a, b, c, d = jax.random.split(key, 4)
        return {
            "first": {"w": glorot(a, (5, 5, 1, 16)), "b": jnp.zeros(16)},
            "second": {"w": glorot(b, (5, 5, 16, 36)), "b": jnp.zeros(36)},
            "hidden": dense(c, 7 * 7 * 36, 128),
            "last": dense(d, 128, 10),
        }, ()

    def apply(self, params: Any, state: Any, x: Any, conv: Any) -> tuple[Any, Any]:
        import jax

        from bench.libraries.plain_jax import affine, max_pool

        x = x.reshape(-1, 28, 28, 1)
        for layer in (params["first"], params["second"]):
            x = max_pool(jax.nn.relu(conv(x, layer["w"]) + layer["b"]))
        x = jax.nn.relu(affine(params["hidden"], x.reshape(len(x), -1)))
        return affine(params["last"], x), state


WORKLOAD = CNN5x5()
