"""A language model of two blocks: 128 characters per row, width 128, four heads, a vocabulary of 256, Adam, batches of 16.

Each block normalizes, then attends causally, then applies a dense layer four times as wide.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bench import synthetic
from bench.workload import Training

LENGTH, VOCABULARY, WIDTH, HEADS, BLOCKS = 128, 256, 128, 4, 2


class Transformer(Training):
    name = "transformer"
    title = "2-block transformer language model, batch 16"
    rows, quick_rows, batch = 1024, 32, 16
    optimizer = ("adam", 1e-3)
    accuracy = False

    def data(self, rows: int) -> tuple[np.ndarray, np.ndarray]:
        return synthetic.language(rows, LENGTH, VOCABULARY)

    def model(self, keras: Any) -> Any:
        layers = keras.layers

        class Embedded(keras.Layer):  # type: ignore[name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.signs = layers.Embedding(VOCABULARY, WIDTH)
                self.places = layers.Embedding(LENGTH, WIDTH)

            def call(self, x: Any) -> Any:
                return self.signs(x) + self.places(keras.ops.arange(LENGTH))

        signs = keras.Input((LENGTH,), dtype="int32")
        x = Embedded()(signs)
        for _ in range(BLOCKS):
            y = layers.LayerNormalization()(x)
            x = layers.Add()([x, layers.MultiHeadAttention(HEADS, WIDTH // HEADS)(y, y, use_causal_mask=True)])
            y = layers.LayerNormalization()(x)
            y = layers.Dense(4 * WIDTH, activation="gelu")(y)
            x = layers.Add()([x, layers.Dense(WIDTH)(y)])
        model = keras.Model(signs, layers.Dense(VOCABULARY)(layers.LayerNormalization()(x)))
        model.compile(optimizer="adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        return model

    def module(self) -> Any:
        from bench.workloads.transformer_torch import LanguageModel

        return LanguageModel(LENGTH, VOCABULARY, WIDTH, HEADS, BLOCKS)

    def init(self, key: Any) -> tuple[Any, Any]:
        import jax
        import jax.numpy as jnp

        from bench.libraries.plain_jax import dense

        keys = iter(jax.random.split(key, 4 + 4 * BLOCKS))

        def norm() -> dict[str, Any]:
            return {"gamma": jnp.ones(WIDTH), "beta": jnp.zeros(WIDTH)}

        def block() -> dict[str, Any]:
            shapes = {"qkv": (WIDTH, 3 * WIDTH), "out": (WIDTH, WIDTH), "wide": (WIDTH, 4 * WIDTH), "back": (4 * WIDTH, WIDTH)}
            layers = {name: dense(next(keys), *shape) for name, shape in shapes.items()}
            return {**layers, "before": norm(), "between": norm()}

        return {
            "signs": jax.random.uniform(next(keys), (VOCABULARY, WIDTH), minval=-0.05, maxval=0.05),
            "places": jax.random.uniform(next(keys), (LENGTH, WIDTH), minval=-0.05, maxval=0.05),
            "blocks": [block() for _ in range(BLOCKS)],
            "end": norm(),
            "last": dense(next(keys), WIDTH, VOCABULARY),
        }, ()

    def apply(self, params: Any, state: Any, x: Any, conv: Any) -> tuple[Any, Any]:
        import jax
        import jax.numpy as jnp

        from bench.libraries.plain_jax import affine

        def norm(p: Any, x: Any) -> Any:
            mean, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
            return (x - mean) * jax.lax.rsqrt(var + 1e-3) * p["gamma"] + p["beta"]

        def attend(p: Any, x: Any) -> Any:
            heads = affine(p["qkv"], x).reshape(*x.shape[:2], 3, HEADS, WIDTH // HEADS)
            query, key, value = heads.transpose(2, 0, 3, 1, 4)
            scores = query @ key.swapaxes(-1, -2) / (WIDTH // HEADS) ** 0.5
            weights = jax.nn.softmax(jnp.where(earlier, scores, -1e30))
            return affine(p["out"], (weights @ value).swapaxes(1, 2).reshape(x.shape))

        earlier = jnp.tril(jnp.ones((LENGTH, LENGTH), bool))
        x = params["signs"][x] + params["places"][jnp.arange(LENGTH)]
        for p in params["blocks"]:
            x = x + attend(p, norm(p["before"], x))
            hidden = jax.nn.gelu(affine(p["wide"], norm(p["between"], x)), approximate=False)
            x = x + affine(p["back"], hidden)
        return affine(params["last"], norm(params["end"], x)), state


WORKLOAD = Transformer()
