"""A small CIFAR-10 network: two 3x3 convolutions with pooling and two dense layers, Adam, batches of 64."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench import synthetic
from bench.workload import Training


class CNN(Training):
    name = "cnn"
    title = "CIFAR CNN, batch 64"
    rows, quick_rows, batch = 4096, 128, 64
    optimizer = ("adam", 1e-3)
    channels_last = True
    patches = True

    def data(self, rows: int) -> tuple[np.ndarray, np.ndarray]:
        return synthetic.classes(rows, (32, 32, 3), 10, noise=3.0)

    def keras_targets(self, y: np.ndarray) -> np.ndarray:
        return np.eye(10, dtype=np.float32)[y]

    def model(self, keras: Any) -> Any:
        layers = keras.layers
        images = keras.Input((32, 32, 3))
        x = layers.Conv2D(32, 3, activation="relu", padding="same")(images)
        x = layers.MaxPooling2D(2, 2)(x)
        x = layers.Conv2D(64, 3, activation="relu", padding="valid")(x)
        x = layers.MaxPooling2D(2, 2)(x)
        x = layers.Flatten()(x)
        x = layers.Dense(128, activation="relu")(x)
        model = keras.Model(inputs=images, outputs=layers.Dense(10, activation="softmax")(x))
        loss, accuracy = keras.losses.CategoricalCrossentropy(), keras.metrics.CategoricalAccuracy()
        model.compile(optimizer=keras.optimizers.Adam(), loss=loss, metrics=[accuracy])
        return model

    def module(self) -> Any:
        from torch import nn

        return nn.Sequential(
            nn.Conv2d(3, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(7 * 7 * 64, 128),
            nn.ReLU(),
            nn.Linear(128, 10),
        )

    def init(self, key: Any) -> tuple[Any, Any]:
        import jax
        import jax.numpy as jnp

        from bench.libraries.plain_jax import dense, glorot

        a, b, c, d = jax.random.split(key, 4)
        return {
            "first": {"w": glorot(a, (3, 3, 3, 32)), "b": jnp.zeros(32)},
            "second": {"w": glorot(b, (3, 3, 32, 64)), "b": jnp.zeros(64)},
            "hidden": dense(c, 7 * 7 * 64, 128),
            "last": dense(d, 128, 10),
        }, ()

    def apply(self, params: Any, state: Any, x: Any, conv: Any) -> tuple[Any, Any]:
        import jax

        from bench.libraries.plain_jax import affine, max_pool

        first, second = params["first"], params["second"]
        x = max_pool(jax.nn.relu(conv(x, first["w"]) + first["b"]))
        x = max_pool(jax.nn.relu(conv(x, second["w"], padding="VALID") + second["b"]))
        x = jax.nn.relu(affine(params["hidden"], x.reshape(len(x), -1)))
        return affine(params["last"], x), state


WORKLOAD = CNN()
