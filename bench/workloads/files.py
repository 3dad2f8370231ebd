"""Files: how long a model of 100 million parameters takes to be saved and loaded, and how much memory that takes.

The figure to hold it against is h5py alone, which writes or reads the same arrays, one dataset each, and knows nothing of models.
All files are forced to the disk before the time is taken, since jkeras' are: a file that a power cut can take back is not saved.
Reading is from the system's cache, for everybody.
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
    """What the arrays take."""
    return LAYERS * (width * width + width) * 4 / 2**20


def peak_of(work: Callable[[], Any]) -> float | None:
    """The memory in MB by which a process grows at most while it works; None where the system does not say."""
    with contextlib.suppress(OSError):
        pathlib.Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        before = resident("VmRSS")
        kept = work()
        grown = resident("VmHWM") - before
        del kept
        return grown
    return None


def resident(field: str) -> float:
    """A line of the system's account of this process, in MB."""
    text = pathlib.Path("/proc/self/status").read_text()
    line = next(line for line in text.splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1]) / 1024


def seconds_of(work: Callable[[], Any]) -> float:
    """The time that some work takes."""
    gc.collect()  # a model holds itself, and is not given back before; no turn pays for the memory of another
    start = time.perf_counter()
    kept = work()
    taken = time.perf_counter() - start
    del kept
    return taken


class Doors:
    """Saving and loading by one library, of a model of a width, to a file."""

    def __init__(self, library: str, width: int, path: str) -> None:
        from bench.libraries import keras_fit

        self.keras, self.path, self.width = keras_fit.module(library), path, width
        self.model = self.make()
        self.model.get_weights()  # jkeras draws weights when they are wanted first

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
    """The same arrays by h5py alone."""

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
        kind = Plain if library == "h5py" else Doors
        suffix = SUFFIXES[self.form] if kind is Doors else ".h5"
        with tempfile.TemporaryDirectory(prefix="bench-files-", dir=os.environ.get("BENCH_FILES")) as folder:
            small = kind(library, QUICK_WIDTH, os.path.join(folder, f"small{suffix}"))
            small.save()
            small.load()
            doors = kind(library, width, os.path.join(folder, f"large{suffix}"))
            doors.save()
            work = doors.save if self.act == "save" else doors.load
            extra = peak_of(work)
            times = [seconds_of(work) for _ in range(1 if quick else TURNS)]
        record: Record = {"seconds": times}
        if extra is not None:
            # A new model, or new arrays, are what was asked for and no extra copy; weights read into a model replace its own.
            is_new = self.act == "load" and (self.form == "keras" or library == "h5py")
            wanted = megabytes(width) if is_new else 0.0
            record["copies"] = round(max(extra - wanted, 0.0) / megabytes(width), 3)
        return record


WORKLOADS = {task.name: task for task in (Files(act, form) for act in ("save", "load") for form in SUFFIXES)}
