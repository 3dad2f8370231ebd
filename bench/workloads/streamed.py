"""The MLP on a Python generator that converts bytes to numbers batch by batch, as pipelines do; batches of 128."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from bench.workload import Record, Workload, record
from bench.workloads.mlp import WORKLOAD as MLP

BATCH = 128


def batches(images: np.ndarray, targets: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Endless batches in random order."""
    rng = np.random.default_rng(0)
    while True:
        order = rng.permutation(len(images))
        for begin in range(0, len(order) - BATCH + 1, BATCH):
            chosen = order[begin : begin + BATCH]
            yield images[chosen].astype(np.float32) / 255, targets[chosen]


class Streamed(Workload):
    name = "streamed"
    title = "streamed from a generator, MLP, batch 128"
    libraries = ("jkeras", "keras", "torch", "optax")
    epochs = 3

    def sizes(self) -> str:
        return f"{MLP.rows // BATCH} steps of {BATCH} rows of 784 bytes"

    def run(self, library: str, quick: bool) -> Record:
        x, y = MLP.data(MLP.count(quick))
        images = (x * 255).astype(np.uint8)
        kind = "keras" if library in ("jkeras", "keras") else library
        targets = MLP.keras_targets(y) if kind == "keras" else y
        return getattr(self, kind)(library, batches(images, targets), len(images) // BATCH, 2 if quick else self.epochs)

    def keras(self, library: str, source: Any, steps: int, epochs: int) -> Record:
        from bench.libraries import keras_fit

        keras = keras_fit.module(library)
        keras.utils.set_random_seed(0)
        seen = keras_fit.clock(keras)
        begin = time.perf_counter()
        MLP.model(keras).fit(source, steps_per_epoch=steps, epochs=epochs, verbose=0, callbacks=[seen])
        return record([moment - begin for moment in seen.times], seen.losses)

    def torch(self, library: str, source: Any, steps: int, epochs: int) -> Record:
        import torch

        from bench.libraries import torch_loop

        begin = time.perf_counter()
        module = torch_loop.prepare(MLP)
        optimizer = torch_loop.optimizer_of(MLP, module)
        times, losses = [], []
        for _ in range(epochs):
            total, right = torch.zeros(()), torch.zeros((), dtype=torch.long)
            for _, (x, y) in zip(range(steps), source):
                target = torch.from_numpy(y).long()
                logits = module(torch.from_numpy(x))
                loss = torch.nn.functional.cross_entropy(logits, target)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
                total += loss.detach()
                right += (logits.detach().argmax(-1) == target).sum()
            losses.append(total.item() / steps)
            times.append(time.perf_counter() - begin)
        return record(times, losses)

    def optax(self, library: str, source: Any, steps: int, epochs: int) -> Record:
        import jax

        from bench.libraries import plain_jax

        begin = time.perf_counter()
        step = jax.jit(plain_jax.step_of(MLP, plain_jax.conv), donate_argnums=0)
        carry, times, losses = plain_jax.start(MLP), [], []
        for _ in range(epochs):
            for _, (x, y) in zip(range(steps), source):
                carry = step(carry, x, y)
            carry, loss, _ = plain_jax.sums_read(carry, steps)
            losses.append(loss)
            times.append(time.perf_counter() - begin)
        return record(times, losses)


WORKLOAD = Streamed()
