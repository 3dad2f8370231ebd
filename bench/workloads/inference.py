"""Reading a trained model: `predict` of all rows, `evaluate`, and `predict` of one row, for each network of the table.

One process measures all three. Batches have the size of training. The hand-written figure is for one row alone: a compiled call,
NumPy row in, NumPy row out.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.workload import Record, Training, Workload
from bench.workloads import INFERENCE, workload
from bench.workloads.evaluate import timed

Work = Callable[[], Any]


class Inference(Workload):
    """The three readings of one network.

    Args:
        name: that of its training workload, with `_inference`.
    """

    measures = "predict of all rows"
    libraries = ("jkeras", "keras", "torch", "optax")
    runs, calls = 4, 300

    def __init__(self, name: str):
        task = workload(name.removesuffix("_inference"))
        assert isinstance(task, Training)
        self.task, self.name = task, name  # type: ignore[misc]
        self.title = f"inference: {task.title.partition(',')[0]}"  # type: ignore[misc]

    def sizes(self) -> str:
        return f"{self.task.rows:,} rows, batch {self.task.batch}"

    def run(self, library: str, quick: bool) -> Record:
        x, y = self.task.data(self.task.count(quick))
        kind = "keras" if library in ("jkeras", "keras") else library
        works = getattr(self, kind)(library, x, y)
        found: Record = {"one": statistics.median(timed(works["one"], 10 if quick else self.calls)[0])}
        for field in works.keys() - {"one"}:
            found[field], first = timed(works[field], 1 if quick else self.runs)
            found |= {"start": first} if field == "seconds" else {}
        return found

    def keras(self, library: str, x: np.ndarray, y: np.ndarray) -> dict[str, Work]:
        from bench.libraries import keras_fit

        model, targets, row = self.task.model(keras_fit.module(library)), self.task.keras_targets(y), x[:1]
        options = {"batch_size": self.task.batch, "verbose": 0}
        return {
            "one": lambda: model.predict(row, verbose=0),
            "seconds": lambda: model.predict(x, **options),
            "evaluate": lambda: model.evaluate(x, targets, **options),
        }

    def torch(self, library: str, x: np.ndarray, y: np.ndarray) -> dict[str, Work]:
        import torch

        from bench.libraries import torch_loop

        task, last = self.task, self.task.channels_last
        module = torch_loop.prepare(task).eval()
        inputs, labels = torch_loop.tensor(x, last), torch.from_numpy(y).long()

        def logits(part: Any) -> Any:
            return module(torch_loop.batch_of(part, slice(None), last))

        @torch.inference_mode()
        def predict(rows: Any) -> np.ndarray:
            return torch.cat([logits(part).softmax(-1) for part in rows.split(task.batch)]).numpy()

        @torch.inference_mode()
        def evaluate() -> tuple[float, float]:
            total, right = torch.zeros(()), torch.zeros((), dtype=torch.long)
            for part, target in zip(inputs.split(task.batch), labels.split(task.batch)):
                found = logits(part)
                total += torch.nn.functional.cross_entropy(found.flatten(0, -2), target.flatten(), reduction="sum")
                right += (found.argmax(-1) == target).sum()
            return total.item() / labels.numel(), right.item() / labels.numel()

        return {"one": lambda: predict(inputs[:1]), "seconds": lambda: predict(inputs), "evaluate": evaluate}

    def optax(self, library: str, x: np.ndarray, y: np.ndarray) -> dict[str, Work]:
        import jax

        from bench.libraries import plain_jax

        params, state = self.task.init(jax.random.key(0))
        call = jax.jit(lambda params, state, x: jax.nn.softmax(self.task.infer(params, state, x, plain_jax.conv)))
        return {"one": lambda: np.asarray(call(params, state, x[:1]))}


WORKLOADS = {name: Inference(name) for name in INFERENCE}
