"""Does a process that makes, compiles and fits models over and over grow? Prints its memory and its live objects.

    python bench/memory_growth.py [--repeats 100] [--kind sequential|functional|subclass] [--no-fit]

Only the last half of the repeats counts, because caches fill before that. A least-squares line through it gives the growth in
MB per repeat; below 0.05 is noise.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import jax

import jkeras
from bench.workloads.memory import held_mb
from jkeras import layers

X = np.random.default_rng(0).normal(size=(256, 16)).astype("float32")
Y = X[:, :1]


def sequential() -> Any:
    """A `Sequential` model."""
    return jkeras.Sequential([layers.Input((16,)), layers.Dense(64, activation="relu"), layers.Dropout(0.1), layers.Dense(1)])


def functional() -> Any:
    """A functional model with a branch."""
    x = layers.Input((16,))
    h = layers.Dense(64, activation="relu")(x)
    return jkeras.Model(x, layers.Dense(1)(layers.Concatenate()([h, x])))


class Subclass(jkeras.Model):
    """A subclassed model."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.norm, self.out = layers.Dense(64, activation="relu"), layers.BatchNormalization(), layers.Dense(1)

    def call(self, x: Any, training: bool = False) -> Any:
        """Three layers."""
        return self.out(self.norm(self.hidden(x), training=training))


KINDS: dict[str, Callable[[], Any]] = {"sequential": sequential, "functional": functional, "subclass": Subclass}


def living() -> dict[str, int]:
    """Live objects after a garbage collection: layers, Variables, arrays, and all objects."""
    gc.collect()
    objects = gc.get_objects()
    counts = Counter(kind for o in objects for kind in (jkeras.Layer, jkeras.Variable) if isinstance(o, kind))
    return {
        "layers": counts[jkeras.Layer],
        "variables": counts[jkeras.Variable],
        "arrays": len(jax.live_arrays()),
        "objects": len(objects),
    }


def measure(make: Callable[[], Any], repeats: int, fit: bool) -> dict[str, Any]:
    """Resident memory after each repeat, its growth per repeat, and the live objects in the middle and at the end."""
    memory, middle = [], {}
    for i in range(repeats):
        model = make()
        model.compile("adam", "mse", metrics=["mae"])
        if fit:
            model.fit(X, Y, batch_size=32, epochs=1, verbose=0)
        del model
        if i == repeats // 2:
            middle = living()
        memory.append(held_mb())
    half = memory[repeats // 2 :]
    growth = float(np.polyfit(np.arange(len(half)), half, 1)[0]) if len(half) > 1 else 0.0
    return {"first_mb": memory[0], "last_mb": memory[-1], "mb_per_repeat": round(growth, 4), "middle": middle, "end": living()}


def main() -> None:
    """Measure and print one JSON line per kind of model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--kind", choices=[*KINDS, "all"], default="all")
    parser.add_argument("--no-fit", action="store_true", help="make and compile only")
    arguments = parser.parse_args()
    for kind in KINDS if arguments.kind == "all" else [arguments.kind]:
        print(json.dumps({"kind": kind, **measure(KINDS[kind], arguments.repeats, not arguments.no_fit)}), flush=True)


if __name__ == "__main__":
    main()
