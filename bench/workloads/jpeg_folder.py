"""A folder of JPEG files in front of a small CNN: each epoch reads, decodes and resizes every file anew.

jkeras and Keras read it with `image_dataset_from_directory`; PyTorch with a `DataLoader` whose workers are processes. The same
loader, and a grain pipeline, also feed the jkeras model, so that two columns differ in nothing but who reads the files. The share
of the cores' time that is used counts all processes.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from bench import feeding, machine
from bench.workload import Record, Workload, record

FILES, QUICK_FILES, BATCH, SIZE = 2048, 64, 32, 256


class Photos:
    """The files as a dataset of single rows, as PyTorch and grain want it."""

    def __init__(self, folder: Any):
        self.paths = sorted(map(str, folder.glob("*/*.jpg")))

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        from PIL import Image

        path = self.paths[index]
        image = Image.open(path).convert("RGB").resize((SIZE, SIZE), Image.Resampling.BILINEAR)
        return np.array(image), int(path.rpartition("/class")[2].partition("/")[0])


def loader(folder: Any, as_arrays: bool) -> Any:
    """PyTorch's loader with a worker process for each core; rows stay bytes until they are in the model."""
    from torch.utils.data import DataLoader

    more = {"collate_fn": arrays} if as_arrays else {}
    workers = {"num_workers": machine.cores(), "persistent_workers": True, "multiprocessing_context": "spawn"}
    return DataLoader(Photos(folder), BATCH, shuffle=True, drop_last=True, **workers, **more)


def arrays(rows: list[tuple[np.ndarray, int]]) -> tuple[np.ndarray, np.ndarray]:
    """A batch of rows."""
    images, labels = zip(*rows)
    return np.stack(images), np.array(labels, np.int32)


def pipeline(folder: Any) -> Any:
    """The same with grain, which reads in threads."""
    import grain

    rows = grain.MapDataset.source(Photos(folder)).shuffle(seed=0).repeat()
    return rows.to_iter_dataset().batch(BATCH, drop_remainder=True, batch_fn=arrays)


class JpegFolder(Workload):
    name = "jpeg_folder"
    title = "a folder of JPEG files, CNN, batch 32"
    libraries = ("jkeras", "keras", "torch", "loader", "grain")
    environment = {"TF_CPP_MIN_LOG_LEVEL": "3"}
    epochs = 4

    def sizes(self) -> str:
        return f"{FILES:,} files of about {SIZE} x {SIZE} pixels, resized to that, batch {BATCH}, adam"

    def run(self, library: str, quick: bool) -> Record:
        folder, epochs = feeding.photos(QUICK_FILES if quick else FILES), 2 if quick else self.epochs
        if library == "torch":
            return self.torch(folder, epochs)
        return self.keras(library, folder, epochs)

    def keras(self, library: str, folder: Any, epochs: int) -> Record:
        from bench.libraries import keras_fit

        keras = keras_fit.module("keras" if library == "keras" else "jkeras")
        keras.utils.set_random_seed(0)
        seen = keras_fit.clock(keras)
        begin = time.perf_counter()
        model, steps = self.model(keras), None
        if library == "loader":
            data = loader(folder, True)
        elif library == "grain":
            data, steps = pipeline(folder), len(Photos(folder)) // BATCH
        else:
            options = {"image_size": (SIZE, SIZE), "batch_size": BATCH, "seed": 0, "verbose": False}
            data = keras.utils.image_dataset_from_directory(str(folder), **options)
        model.fit(data, epochs=1, steps_per_epoch=steps, verbose=0, callbacks=[seen])
        busy = feeding.Busy()
        again = time.perf_counter()
        model.fit(data, epochs=epochs - 1, steps_per_epoch=steps, verbose=0, callbacks=[seen])
        share = busy.share()
        first, *rest = seen.times
        times = [first - begin, *(first - begin + moment - again for moment in rest)]
        return record(times, seen.losses, busy=share)

    def model(self, keras: Any) -> Any:
        layers = keras.layers
        model = keras.Sequential(
            [
                keras.Input((SIZE, SIZE, 3)),
                layers.Rescaling(1 / 127.5, -1),
                layers.Conv2D(16, 3, strides=2, padding="same", activation="relu"),
                layers.MaxPooling2D(2),
                layers.Conv2D(32, 3, strides=2, padding="same", activation="relu"),
                layers.GlobalAveragePooling2D(),
                layers.Dense(feeding.CLASSES),
            ]
        )
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer=keras.optimizers.Adam(1e-3), loss=loss)
        return model

    def torch(self, folder: Any, epochs: int) -> Record:
        import torch

        from bench.libraries import torch_loop

        begin = time.perf_counter()
        torch.set_num_threads(machine.cores())
        torch.manual_seed(0)
        module = torch_loop.keras_like(self.module()).to(memory_format=torch.channels_last)
        optimizer = torch.optim.Adam(module.parameters(), lr=1e-3, eps=1e-7, fused=True)
        data, times, losses, busy = loader(folder, False), [], [], feeding.Busy()
        for epoch in range(epochs):
            total = torch.zeros(())
            for images, labels in data:
                logits = module(images.permute(0, 3, 1, 2).float() / 127.5 - 1)
                loss = torch.nn.functional.cross_entropy(logits, labels)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
                total += loss.detach()
            losses.append(total.item() / len(data))
            times.append(time.perf_counter() - begin)
            busy = busy if epoch else feeding.Busy()
        return record(times, losses, busy=busy.share())

    def module(self) -> Any:
        from torch import nn

        return nn.Sequential(
            nn.Conv2d(3, 16, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(32, feeding.CLASSES),
        )


WORKLOAD = JpegFolder()
