"""The targets, as a table: a workload, what it is compared with, and the largest acceptable ratio of medians."""

from __future__ import annotations

from typing import NamedTuple

from bench import summary
from bench.workloads import AUGMENTATION, BATCHES, FILE_TASKS, LAYERS, NETWORKS, PIPELINES

KERAS, BEST, SCAN, IMPORT = "Keras 3 on JAX", "best of PyTorch and hand-written JAX", "hand-written scan", "`import jax, optax`"
H5PY = "h5py alone"
TENSORFLOW = "TensorFlow"
PEERS = {
    KERAS: ("keras",),
    BEST: summary.BEST_OF,
    SCAN: ("scan",),
    IMPORT: ("optax",),
    H5PY: ("h5py",),
    TENSORFLOW: ("tensorflow",),
}


class Bar(NamedTuple):
    """`limit` is the largest allowed ratio of jkeras' median to the peer's."""

    workload: str
    against: str
    limit: float


BARS = (
    Bar("table", KERAS, 0.08),
    Bar("table", SCAN, 1.1),
    Bar("mlp", KERAS, 0.60),
    Bar("mlp", BEST, 1.0),
    Bar("cnn", KERAS, 0.30),
    Bar("cnn", BEST, 1.0),
    Bar("cnn5x5", KERAS, 0.40),
    Bar("cnn5x5", BEST, 1.0),
    Bar("resnet20", KERAS, 0.65),
    Bar("resnet20", BEST, 1.1),
    Bar("lstm", KERAS, 0.60),
    Bar("lstm", BEST, 1.0),
    Bar("transformer", KERAS, 0.55),
    Bar("transformer", BEST, 1.1),
    Bar("evaluate", KERAS, 0.60),
    Bar("predict", KERAS, 0.60),
    Bar("predict_one", KERAS, 0.25),
    *(Bar(name, KERAS, 0.8) for name in BATCHES),
    *(Bar(name, KERAS, 1.0) for name in (*NETWORKS, *LAYERS, *AUGMENTATION)),
    Bar("tape_gan", TENSORFLOW, 0.7),
    *(Bar(name, TENSORFLOW, 0.7) for name in PIPELINES),
    Bar("import", IMPORT, 1.15),
    Bar("first_step", KERAS, 0.60),
    *(Bar(name, H5PY, 1.5) for name in FILE_TASKS),
)
OVERHEAD = 0.15e-3
"""Seconds that a one-row `predict` may take on top of a compiled call with the same arrays."""

CALL = 60e-6
"""Seconds that `predict` of one row may take on top of a compiled call of the hand-written network."""

READINGS = {"one": "predict one row", "seconds": "predict all rows", "evaluate": "evaluate"}

GROWTH_MB = 5.0
"""Memory that a hundred models may leave behind: allocator noise, not a leak."""

COPIES = 1.05
"""Extra memory while saving or loading, in multiples of the arrays' size: one copy, plus the allocator's slack."""

RESIDENT_MB = 60_000 * (784 + 10) * 4 / 2**20
"""The data that jkeras keeps on the device in the memory workload; they count as the user's, not as fit's."""


def judged(results: summary.Results) -> list[tuple[Bar, float | None, str]]:
    """Each bar with its measured ratio (None if not measured) and the peer it was measured against."""
    rows = []
    for bar in BARS:
        own = summary.median(results, bar.workload, "jkeras")
        peer = summary.best(results, bar.workload, PEERS[bar.against])
        known = own is not None and peer is not None
        rows.append((bar, own / peer[1] if known else None, peer[0] if known else ""))
    return rows


class Reading(NamedTuple):
    """A bar of inference: jkeras' median for a field of the record, and the largest that is acceptable."""

    field: str
    against: str
    seconds: float
    limit: float


def readings(results: summary.Results, name: str) -> list[Reading]:
    """The bars of inference for one network, as far as they were measured.

    One row takes at most half of Keras' time where a compiled call takes less than that, and never more than the call and
    `CALL`. All rows take at most 0.6 of Keras' time, and no longer than in PyTorch.
    """
    found = []
    for field in READINGS:
        own, keras, torch, bare = (summary.median(results, name, lib, field) for lib in ("jkeras", "keras", "torch", "optax"))
        if own is None:
            continue
        if field == "one" and bare is not None:
            found.append(Reading(field, "a compiled call + 60 µs", own, bare + CALL))
            if keras is not None and bare <= 0.5 * keras:
                found.append(Reading(field, KERAS, own, 0.5 * keras))
        elif field != "one":
            found += [Reading(field, KERAS, own, 0.6 * keras)] if keras is not None else []
            found += [Reading(field, "PyTorch", own, torch)] if torch is not None else []
    return found
