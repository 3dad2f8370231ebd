"""A table of one column: 2,100 people by age, two classes, batches of ten. The step is tiny, so the loop dominates."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.workload import Training


class Table(Training):
    name = "table"
    title = "table, batch 10"
    rows, quick_rows, batch, epochs = 2100, 100, 10, 40
    optimizer = ("adam", 1e-4)

    def data(self, rows: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(0)
        age = rng.random((rows, 1), dtype=np.float32)
        labels = (age[:, 0] > 0.6) ^ (rng.random(rows) < 0.05)
        return age, labels.astype(np.int32)

    def model(self, keras: Any) -> Any:
        layers = keras.layers
        model = keras.Sequential(
            [
                keras.Input((1,)),
                layers.Dense(16, activation="relu"),
                layers.Dense(32, activation="relu"),
                layers.Dense(2, activation="softmax"),
            ]
        )
        adam = keras.optimizers.Adam(learning_rate=1e-4)
        model.compile(optimizer=adam, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    def module(self) -> Any:
        from torch import nn

        return nn.Sequential(nn.Linear(1, 16), nn.ReLU(), nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 2))

    def init(self, key: Any) -> tuple[Any, Any]:
        import jax

        from bench.libraries.plain_jax import dense

        a, b, c = jax.random.split(key, 3)
        return [dense(a, 1, 16), dense(b, 16, 32), dense(c, 32, 2)], ()

    def apply(self, params: Any, state: Any, x: Any, conv: Any) -> tuple[Any, Any]:
        import jax

        from bench.libraries.plain_jax import affine

        *hidden, last = params
        for layer in hidden:
            x = jax.nn.relu(affine(layer, x))
        return affine(last, x), state


WORKLOAD = Table()
