"""`predict` on all rows of the MLP, in its default batches of 32."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bench.workloads.evaluate import BATCH, Pass
from bench.workloads.mlp import WORKLOAD as MLP


class Predict(Pass):
    name = "predict"
    title = "predict all rows, MLP"

    def keras(self, library: str, x: np.ndarray, y: np.ndarray) -> Callable[[], Any]:
        from bench.libraries import keras_fit

        model = MLP.model(keras_fit.module(library))
        return lambda: model.predict(x, verbose=0)

    def torch(self, library: str, x: np.ndarray, y: np.ndarray) -> Callable[[], Any]:
        import torch

        from bench.libraries import torch_loop

        module, inputs = torch_loop.prepare(MLP).eval(), torch.from_numpy(x)

        @torch.inference_mode()
        def work() -> np.ndarray:
            return torch.cat([module(part).softmax(-1) for part in inputs.split(BATCH)]).numpy()

        return work

    def scan(self, library: str, x: np.ndarray, y: np.ndarray) -> Callable[[], Any]:
        import jax

        params, state = MLP.init(jax.random.key(0))
        every = jax.jit(lambda x: jax.lax.map(lambda part: jax.nn.softmax(MLP.apply(params, state, part, None)[0]), x))
        return lambda: np.asarray(every(x.reshape(-1, BATCH, 784))).reshape(-1, 10)


WORKLOAD = Predict()
