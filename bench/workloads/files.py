"""Files: how long saving and loading a model of 100 million parameters takes, and how much memory.

The comparison is h5py alone, which writes or reads the same arrays, one dataset each, and knows nothing about models. The time
includes forcing the file to disk, because jkeras does so: a file that a power cut can lose is not saved. All libraries read
from the system's cache.
"""

from __future__ import annotations

import contextlib
import gc
import os
import pathlib
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.workload import Record, Workload

WIDTH, QUICK_WIDTH, LAYERS, TURNS = 2048, 32, 24, 3
SUFFIXES = {"keras": ".keras", "h5": ".weights.h5"}


def sizes(width: int) -> list[tuple[int, ...]]:
    """The shapes of the arrays."""
    return [shape for _ in range(LAYERS) for shape in ((width, width), (width,))]


def megabytes(width: int) -> float:
    """The size of the arrays."""
    return LAYERS * (width * width + width) * 4 / 2**20


def peak_of(work: Callable[[], Any]) -> float | None:
    """The peak growth of the process in MB while it works; None if the system does not report it."""
    with contextlib.suppress(OSError):
        pathlib.Path("/proc/self/clear_refs").write_text("5")  # reset the peak
        before = resident("VmRSS")
        kept = work()
        grown = resident("VmHWM") - before
        del kept
        return grown
    return None


def resident(field: str) -> float:
    """A line of this process' status file, in MB."""
    text = pathlib.Path("/proc/self/status").read_text()
    line = next(line for line in text.splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1]) / 1024


def seconds_of(work: Callable[[], Any]) -> float:
    """The time that the work takes."""
    gc.collect()  # models are in reference cycles; free them first, so that no turn pays for another's memory
    start = time.perf_counter()
    kept = work()
    taken = time.perf_counter() - start
    del kept
    return taken


class KerasFiles:
    """How one library saves and loads a model of a given width."""

    def __init__(self, library: str, width: int, path: str) -> None:
        from bench.libraries import keras_fit

        self.keras, self.path, self.width = keras_fit.module(library), path, width
        self.model = self.make()
        self.model.get_weights()  # jkeras draws weights on first use

    def make(self) -> Any:
        """The model."""
        layers = [self.keras.layers.Dense(self.width) for _ in range(LAYERS)]
        return self.keras.Sequential([self.keras.layers.Input((self.width,)), *layers])

    def save(self) -> None:
        """Write the file."""
        if self.path.endswith(".keras"):
            self.model.save(self.path)
        else:
            self.model.save_weights(self.path)
        flush(self.path)

    def load(self) -> Any:
        """Read the file."""
        if self.path.endswith(".keras"):
            return self.keras.models.load_model(self.path)
        self.model.load_weights(self.path)
        return self.model


class Plain:
    """The same arrays with h5py alone."""

    def __init__(self, library: str, width: int, path: str) -> None:
        self.path = path
        rng = np.random.default_rng(0)
        self.arrays = [rng.random(shape, np.float32) for shape in sizes(width)]

    def save(self) -> None:
        """Write one dataset for each array."""
        import h5py

        with h5py.File(self.path, "w") as file:
            for number, array in enumerate(self.arrays):
                file.create_dataset(str(number), data=array)
        flush(self.path)

    def load(self) -> Any:
        """Read them all."""
        import h5py

        with h5py.File(self.path, "r") as file:
            return [file[str(number)][()] for number in range(len(file))]


def flush(path: str) -> None:
    """Force a file to the disk."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())


class Files(Workload):
    """Saving or loading in one format.

    Args:
        act: `"save"` or `"load"`.
        form: `"keras"`, the whole model in one archive, or `"h5"`, the weights.
    """

    libraries = ("jkeras", "keras", "h5py")
    repeats = 1

    def __init__(self, act: str, form: str) -> None:
        self.act, self.form = act, form
        self.name = f"{act}_{form}"  # type: ignore[misc]
        self.title = f"{act} 100 M parameters, `{SUFFIXES[form]}`"  # type: ignore[misc]
        self.measures = f"one {act}, to the disk" if act == "save" else "one load, from the system's cache"  # type: ignore[misc]

    def sizes(self) -> str:
        return f"{LAYERS} dense layers of width {WIDTH}, {megabytes(WIDTH):.0f} MB"

    def run(self, library: str, quick: bool) -> Record:
        width = QUICK_WIDTH if quick else WIDTH
        kind = Plain if library == "h5py" else KerasFiles
        suffix = SUFFIXES[self.form] if kind is KerasFiles else ".h5"
        with tempfile.TemporaryDirectory(prefix="bench-files-", dir=os.environ.get("BENCH_FILES")) as folder:
            small = kind(library, QUICK_WIDTH, os.path.join(folder, f"small{suffix}"))
            small.save()
            small.load()
            stored = kind(library, width, os.path.join(folder, f"large{suffix}"))
            stored.save()
            work = stored.save if self.act == "save" else stored.load
            extra = peak_of(work)
            times = [seconds_of(work) for _ in range(1 if quick else TURNS)]
        record: Record = {"seconds": times}
        if extra is not None:
            # A new model, or new arrays, are the result and not an extra copy; weights read into a model replace its own.
            is_new = self.act == "load" and (self.form == "keras" or library == "h5py")
            wanted = megabytes(width) if is_new else 0.0
            record["copies"] = round(max(extra - wanted, 0.0) / megabytes(width), 3)
        return record


WORKLOADS = {task.name: task for task in (Files(act, form) for act in ("save", "load") for form in SUFFIXES)}
