"""ResNet-20 for CIFAR-10: three stages of three blocks, 16 to 64 filters, BatchNorm after each convolution, Adam, batches of 128.

He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", 2015; shortcuts that change size are 1x1 convolutions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bench import synthetic
from bench.workload import Training

STAGES = (16, 32, 64)
BLOCKS = 3


class ResNet20(Training):
    name = "resnet20"
    title = "CIFAR ResNet-20, batch 128"
    rows, quick_rows, batch = 2048, 128, 128
    optimizer = ("adam", 1e-3)
    channels_last = True
    libraries = ("jkeras", "keras", "torch", "optax")

    def data(self, rows: int) -> tuple[np.ndarray, np.ndarray]:
        return synthetic.classes(rows, (32, 32, 3), 10, noise=3.0)

    def model(self, keras: Any) -> Any:
        layers = keras.layers

        def convolved(x: Any, filters: int, size: int = 3, strides: int = 1) -> Any:
            kernel = {"padding": "same", "use_bias": False, "kernel_initializer": "he_normal"}
            return layers.BatchNormalization()(layers.Conv2D(filters, size, strides=strides, **kernel)(x))

        images = keras.Input((32, 32, 3))
        x = layers.Activation("relu")(convolved(images, STAGES[0]))
        for filters in STAGES:
            for block in range(BLOCKS):
                strides = 2 if block == 0 and filters != STAGES[0] else 1
                y = layers.Activation("relu")(convolved(x, filters, strides=strides))
                y = convolved(y, filters)
                shortcut = x if strides == 1 else convolved(x, filters, 1, strides)
                x = layers.Activation("relu")(layers.Add()([shortcut, y]))
        x = layers.GlobalAveragePooling2D()(x)
        model = keras.Model(images, layers.Dense(10, activation="softmax")(x))
        model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    def module(self) -> Any:
        from bench.workloads.resnet20_torch import ResNet

        return ResNet(STAGES, BLOCKS)

    def init(self, key: Any) -> tuple[Any, Any]:
        import jax
        import jax.numpy as jnp

        from bench.libraries.plain_jax import dense, he_normal

        keys = iter(jax.random.split(key, 32))
        params: dict[str, Any] = {}
        state: dict[str, Any] = {}

        def convolved(name: str, inputs: int, filters: int, size: int = 3) -> None:
            kernel = he_normal(next(keys), (size, size, inputs, filters))
            params[name] = {"w": kernel, "gamma": jnp.ones(filters), "beta": jnp.zeros(filters)}
            state[name] = {"mean": jnp.zeros(filters), "var": jnp.ones(filters)}

        convolved("stem", 3, STAGES[0])
        width = STAGES[0]
        for stage, filters in enumerate(STAGES):
            for block in range(BLOCKS):
                convolved(f"{stage}{block}a", width, filters)
                convolved(f"{stage}{block}b", filters, filters)
                if width != filters:
                    convolved(f"{stage}{block}s", width, filters, 1)
                width = filters
        params["last"] = dense(next(keys), width, 10)
        return params, state

    def apply(self, params: Any, state: Any, x: Any, conv: Any) -> tuple[Any, Any]:
        new = {}

        def statistics(name: str, x: Any) -> tuple[Any, Any]:
            mean, var, moving = x.mean((0, 1, 2)), x.var((0, 1, 2)), state[name]
            new[name] = {"mean": 0.99 * moving["mean"] + 0.01 * mean, "var": 0.99 * moving["var"] + 0.01 * var}
            return mean, var

        return self._logits(params, statistics, x, conv), new

    def infer(self, params: Any, state: Any, x: Any, conv: Any) -> Any:
        return self._logits(params, lambda name, x: (state[name]["mean"], state[name]["var"]), x, conv)

    def _logits(self, params: Any, statistics: Any, x: Any, conv: Any) -> Any:
        """Logits; `statistics(name, x)` gives what a batch is normalized by."""
        import jax
        import jax.numpy as jnp

        from bench.libraries.plain_jax import affine

        def convolved(x: Any, name: str, strides: int = 1) -> Any:
            p = params[name]
            x = conv(x, p["w"], strides)
            mean, var = statistics(name, x)
            return (x - mean) * (p["gamma"] / jnp.sqrt(var + 1e-3)) + p["beta"]

        x = jax.nn.relu(convolved(x, "stem"))
        for stage in range(len(STAGES)):
            for block in range(BLOCKS):
                name = f"{stage}{block}"
                strides = 2 if name + "s" in params else 1
                y = convolved(jax.nn.relu(convolved(x, name + "a", strides)), name + "b")
                x = jax.nn.relu(y + (convolved(x, name + "s", strides) if strides == 2 else x))
        return affine(params["last"], x.mean((1, 2)))


WORKLOAD = ResNet20()
