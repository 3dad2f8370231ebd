"""Memory: the peak of a `fit` of the MLP, and what a hundred models leave behind when made, compiled, fitted and dropped."""

from __future__ import annotations

import ctypes
import gc
import os

import numpy as np

from bench.worker import peak_mb
from bench.workload import Record, Workload
from bench.workloads.mlp import WORKLOAD as MLP
from bench.workloads.table import WORKLOAD as TABLE

# Memory rises over the first models, until the heap has enough holes for what the compiler allocates and frees.
WARM, REPEATS = 100, 100


def held_mb() -> float:
    """The memory this process holds now, in MB, after the allocator has returned its free memory.

    Otherwise we would measure the allocator's habits: the compiler's threads leave free lists of 80 MB, which come and go from
    one model to the next.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's
    if trim is not None:
        trim(0)
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


class Memory(Workload):
    name = "memory"
    title = "memory"
    measures = "peak of fit, MB"
    libraries = ("jkeras", "keras")
    rounds = 1
    # One heap for all threads (glibc): the compiler's threads would fragment their own, differently in each run.
    environment = {"MALLOC_ARENA_MAX": "1"}

    def sizes(self) -> str:
        return (
            f"peak of one epoch of the MLP, whose rows take {MLP.rows * (784 + 10) * 4 / 2**20:.0f} MB; "
            f"growth from the {WARM}th to the {WARM + REPEATS}th model of the table, fitted for an epoch of ten steps"
        )

    def run(self, library: str, quick: bool) -> Record:
        from bench.libraries import keras_fit

        keras_fit.train(MLP, library, *MLP.data(MLP.count(quick)), 1)
        peak = peak_mb()
        x, y = TABLE.data(100)
        self.repeat(library, x, y, 1 if quick else WARM)
        before = held_mb()
        self.repeat(library, x, y, 2 if quick else REPEATS)
        return {"peak_mb": round(peak, 1), "growth_mb": round(held_mb() - before, 1)}

    def repeat(self, library: str, x: np.ndarray, y: np.ndarray, times: int) -> None:
        from bench.libraries import keras_fit

        for _ in range(times):
            keras_fit.train(TABLE, library, x, y, 1)


WORKLOAD = Memory()
