"""Arrays of 64 GB in a sparse file, mapped into memory: some steps of each epoch, rows in order and at random.

The memory on top of the same `fit` on a small array counts: its own, and with it the pages of the file that are mapped, which the
system takes back when it needs them.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from bench import feeding
from bench.workload import Record, Workload

SHAPE, BATCH, STEPS, EPOCHS = (64, 64, 3), 128, 200, 3
ROWS = (64 << 30) // int(np.prod(SHAPE)) // BATCH * BATCH


class Memmap(Workload):
    libraries = ("jkeras", "keras", "torch")

    def __init__(self, name: str, title: str, shuffle: bool):
        self.name, self.title, self.shuffle = name, title, shuffle  # type: ignore[misc]

    def sizes(self) -> str:
        return f"{ROWS:,} rows of {int(np.prod(SHAPE)):,} bytes in a file, epochs of {STEPS} steps of {BATCH} rows"

    def run(self, library: str, quick: bool) -> Record:
        steps, train = 10 if quick else STEPS, self.torch if library == "torch" else self.keras
        small = np.zeros((BATCH * 10, *SHAPE), np.uint8), np.zeros(BATCH * 10, np.int32)
        with feeding.PeakMemory() as before:
            train(library, *small, 10, 1)
        labels = np.arange(ROWS, dtype=np.int32) % 10
        with feeding.sparse(ROWS, SHAPE) as path, feeding.PeakMemory() as after:
            images = np.memmap(path, np.uint8, "r", shape=(ROWS, *SHAPE))
            busy = feeding.Busy()
            seconds = train(library, images, labels, steps, 2 if quick else EPOCHS)
            share = busy.share()
            del images
        own, whole = after.own_mb - before.own_mb, after.whole_mb - before.whole_mb
        return {"start": seconds[0], "seconds": seconds[1:], "own_mb": own, "whole_mb": whole, "busy": share}

    def keras(self, library: str, x: np.ndarray, y: np.ndarray, steps: int, epochs: int) -> list[float]:
        from bench.libraries import keras_fit

        keras = keras_fit.module(library)
        seen = keras_fit.clock(keras)
        begin = time.perf_counter()
        layers = keras.layers
        parts = [layers.Rescaling(1 / 255), layers.AveragePooling2D(4), layers.Flatten(), layers.Dense(64), layers.Dense(10)]
        model = keras.Sequential([keras.Input(SHAPE), *parts])
        model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        how = {"batch_size": BATCH, "steps_per_epoch": steps, "epochs": epochs, "shuffle": self.shuffle}
        model.fit(x, y, verbose=0, callbacks=[seen], **how)
        return np.diff([begin, *seen.times]).tolist()

    def torch(self, library: str, x: np.ndarray, y: np.ndarray, steps: int, epochs: int) -> list[float]:
        import torch
        from torch import nn
        from torch.utils.data import BatchSampler, DataLoader, RandomSampler, SequentialSampler

        torch.set_num_threads(feeding.machine.cores())
        parts: list[Any] = [nn.AvgPool2d(4), nn.Flatten(), nn.Linear(16 * 16 * 3, 64), nn.Linear(64, 10)]
        module = nn.Sequential(*parts)
        optimizer = torch.optim.RMSprop(module.parameters())

        class Rows:
            def __len__(self) -> int:
                return len(x)

            def __getitem__(self, index: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
                return torch.from_numpy(x[index]), torch.from_numpy(y[index]).long()

        begin, times = time.perf_counter(), []
        for _ in range(epochs):
            rows = RandomSampler(Rows(), num_samples=steps * BATCH) if self.shuffle else SequentialSampler(range(steps * BATCH))
            for images, labels in DataLoader(Rows(), batch_size=None, sampler=BatchSampler(rows, BATCH, True)):
                loss = nn.functional.cross_entropy(module(images.permute(0, 3, 1, 2).float() / 255), labels)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
            times.append(time.perf_counter())
        return np.diff([begin, *times]).tolist()


WORKLOADS = {
    "memmap_64gb": Memmap("memmap_64gb", "64 GB in a file, rows in order", False),
    "memmap_64gb_random": Memmap("memmap_64gb_random", "64 GB in a file, rows at random", True),
}
