"""A text classifier: 80 words from a vocabulary of 5,000, embedded in 64 numbers, an LSTM of 64 units, Adam, batches of 32."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench import synthetic
from bench.workload import Training

LENGTH, WORDS, WIDTH = 80, 5000, 64


class LSTM(Training):
    name = "lstm"
    title = "LSTM text classifier, length 80, batch 32"
    rows, quick_rows, batch = 1600, 64, 32
    epochs = 6
    optimizer = ("adam", 1e-3)

    def data(self, rows: int) -> tuple[np.ndarray, np.ndarray]:
        return synthetic.text(rows, LENGTH, WORDS)

    def model(self, keras: Any) -> Any:
        layers = keras.layers
        model = keras.Sequential(
            [
                keras.Input((LENGTH,), dtype="int32"),
                layers.Embedding(WORDS, WIDTH),
                layers.LSTM(WIDTH),
                layers.Dense(2, activation="softmax"),
            ]
        )
        model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    def module(self) -> Any:
        from bench.workloads.lstm_torch import Classifier

        return Classifier(WORDS, WIDTH)

    def init(self, key: Any) -> tuple[Any, Any]:
        import jax
        import jax.numpy as jnp

        from bench.libraries.plain_jax import dense, glorot

        a, b, c, d = jax.random.split(key, 4)
        return {
            "words": jax.random.uniform(a, (WORDS, WIDTH), minval=-0.05, maxval=0.05),
            "kernel": glorot(b, (WIDTH, 4 * WIDTH)),
            "recurrent": jax.nn.initializers.orthogonal()(c, (WIDTH, 4 * WIDTH)),
            "bias": jnp.zeros(4 * WIDTH).at[WIDTH : 2 * WIDTH].set(1.0),
            "last": dense(d, WIDTH, 2),
        }, ()

    def apply(self, params: Any, state: Any, x: Any, conv: Any) -> tuple[Any, Any]:
        import jax
        import jax.numpy as jnp

        from bench.libraries.plain_jax import affine

        def step(carry: Any, driven: Any) -> Any:
            hidden, cell = carry
            enter, forget, new, leave = jnp.split(driven + hidden @ params["recurrent"], 4, axis=-1)
            cell = jax.nn.sigmoid(forget) * cell + jax.nn.sigmoid(enter) * jnp.tanh(new)
            return (jax.nn.sigmoid(leave) * jnp.tanh(cell), cell), None

        driven = params["words"][x.T] @ params["kernel"] + params["bias"]
        zero = jnp.zeros((len(x), WIDTH))
        (hidden, _), _ = jax.lax.scan(step, (zero, zero), driven)
        return affine(params["last"], hidden), state


WORKLOAD = LSTM()
