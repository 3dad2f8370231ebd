"""`evaluate` over all rows of the MLP, in its default batches of 32."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.workload import Record, Workload
from bench.workloads.mlp import WORKLOAD as MLP

BATCH = 32


def timed(work: Callable[[], Any], runs: int) -> tuple[list[float], float]:
    """Times of several runs after a first one, and the time of the first."""
    moments = [time.perf_counter()]
    for _ in range(runs + 1):
        work()
        moments.append(time.perf_counter())
    first, *rest = (after - before for before, after in itertools.pairwise(moments))
    return rest, first


class Pass(Workload):
    """A pass over all rows without training; subclasses define what each library does."""

    measures = "pass over all rows"
    libraries = ("jkeras", "keras", "torch", "scan")
    runs = 5

    def sizes(self) -> str:
        return f"the MLP's {MLP.rows:,} rows, batch {BATCH}"

    def run(self, library: str, quick: bool) -> Record:
        x, y = MLP.data(MLP.count(quick))
        kind = "keras" if library in ("jkeras", "keras") else library
        seconds, start = timed(getattr(self, kind)(library, x, y), 2 if quick else self.runs)
        return {"seconds": seconds, "start": start}

    def keras(self, library: str, x: np.ndarray, y: np.ndarray) -> Callable[[], Any]:
        raise NotImplementedError

    def torch(self, library: str, x: np.ndarray, y: np.ndarray) -> Callable[[], Any]:
        raise NotImplementedError

    def scan(self, library: str, x: np.ndarray, y: np.ndarray) -> Callable[[], Any]:
        raise NotImplementedError


class Evaluate(Pass):
    name = "evaluate"
    title = "evaluate, MLP"

    def keras(self, library: str, x: np.ndarray, y: np.ndarray) -> Callable[[], Any]:
        from bench.libraries import keras_fit

        model, targets = MLP.model(keras_fit.module(library)), MLP.keras_targets(y)
        return lambda: model.evaluate(x, targets, verbose=0)

    def torch(self, library: str, x: np.ndarray, y: np.ndarray) -> Callable[[], Any]:
        import torch

        from bench.libraries import torch_loop

        module = torch_loop.prepare(MLP).eval()
        inputs, labels = torch.from_numpy(x), torch.from_numpy(y).long()

        @torch.inference_mode()
        def work() -> tuple[float, float]:
            total, right = torch.zeros(()), torch.zeros((), dtype=torch.long)
            for part, target in zip(inputs.split(BATCH), labels.split(BATCH)):
                logits = module(part)
                total += torch.nn.functional.cross_entropy(logits, target, reduction="sum")
                right += (logits.argmax(-1) == target).sum()
            return total.item() / len(labels), right.item() / len(labels)

        return work

    def scan(self, library: str, x: np.ndarray, y: np.ndarray) -> Callable[[], Any]:
        import jax

        from bench.libraries import plain_jax

        params, state = MLP.init(jax.random.key(0))
        loss = plain_jax.loss_of(MLP, plain_jax.conv)

        def one(batch: Any) -> Any:
            value, (_, right) = loss(params, state, *batch)
            return value, right

        every = jax.jit(lambda x, y: [part.mean() for part in jax.lax.map(one, (x, y))])
        return lambda: [float(part) for part in every(x.reshape(-1, BATCH, 784), y.reshape(-1, BATCH))]


WORKLOAD = Evaluate()
