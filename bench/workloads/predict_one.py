"""The latency of a one-row prediction: `predict(x[:1])` on the MLP, again and again.

The hand-written figure is a compiled call, NumPy row in, NumPy row out; the difference to `predict` is its overhead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bench.workloads.evaluate import Pass
from bench.workloads.mlp import WORKLOAD as MLP


class PredictOne(Pass):
    name = "predict_one"
    title = "predict one row, MLP"
    measures = "one-row predict"
    libraries = ("jkeras", "keras", "torch", "optax")
    runs = 1000

    def sizes(self) -> str:
        return f"median of {self.runs} calls in each process"

    def keras(self, library: str, x: np.ndarray, y: np.ndarray) -> Callable[[], Any]:
        from bench.libraries import keras_fit

        model, row = MLP.model(keras_fit.module(library)), x[:1]
        return lambda: model.predict(row, verbose=0)

    def torch(self, library: str, x: np.ndarray, y: np.ndarray) -> Callable[[], Any]:
        import torch

        from bench.libraries import torch_loop

        module, row = torch_loop.prepare(MLP).eval(), x[:1]

        @torch.inference_mode()
        def work() -> np.ndarray:
            return module(torch.from_numpy(row)).softmax(-1).numpy()

        return work

    def optax(self, library: str, x: np.ndarray, y: np.ndarray) -> Callable[[], Any]:
        import jax

        params, state = MLP.init(jax.random.key(0))
        call, row = jax.jit(lambda params, x: jax.nn.softmax(MLP.apply(params, state, x, None)[0])), x[:1]
        return lambda: np.asarray(call(params, row))


WORKLOAD = PredictOne()
