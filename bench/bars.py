"""The targets, as a table: a workload, what it is compared with, and the largest acceptable ratio of medians."""

from __future__ import annotations

from typing import NamedTuple

from bench import summary
from bench.workload import LIBRARIES
from bench.workloads import AUGMENTATION, BATCHES, FILE_TASKS, INFERENCE, LAYERS, NETWORKS, PIPELINES, TRAINING

KERAS, BEST, SCAN, IMPORT = "Keras 3 on JAX", "best of PyTorch and hand-written JAX", "hand-written scan", "`import jax, optax`"
LOADERS = "best of PyTorch's and grain's loaders"
H5PY = "h5py alone"
TENSORFLOW = "TensorFlow"
PEERS = {
    KERAS: ("keras",),
    BEST: summary.BEST_OF,
    LOADERS: ("torch", "loader", "grain"),
    SCAN: ("scan",),
    IMPORT: ("optax",),
    H5PY: ("h5py",),
    TENSORFLOW: ("tensorflow",),
}


class Bar(NamedTuple):
    """`limit` is the largest allowed ratio of jkeras' median to the peer's in `field`; `start` is the first epoch."""

    workload: str
    against: str
    limit: float
    field: str = "seconds"


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
    Bar("jpeg_folder", KERAS, 1.0),
    Bar("jpeg_folder", LOADERS, 1.0),
    *(Bar(name, peer, 1.0) for name in ("memmap_64gb", "memmap_64gb_random") for peer in (KERAS, BEST)),
    *(Bar(name, TENSORFLOW, 1.0) for name in ("text_front", "text_stream")),
    Bar("import", IMPORT, 1.15),
    Bar("first_step", KERAS, 0.60),
    *(Bar(name, KERAS, 0.60, "start") for name in TRAINING if name != "table"),
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

MAPPED_MB = 1536.0
"""Memory of its own that `fit` on a file of 64 GB may take on top of the same on a small array."""

BUSY = 0.90
"""The share of all cores' time that a run with a stream must use."""


class Verdict(NamedTuple):
    """A bar and what was measured: `text` has both."""

    workload: str
    met: bool
    text: str


def _ratio(results: summary.Results, bar: Bar) -> Verdict | None:
    own = summary.median(results, bar.workload, "jkeras", bar.field)
    peer = summary.best(results, bar.workload, PEERS[bar.against], bar.field)
    if own is None or peer is None:
        return None
    several = len(PEERS[bar.against]) > 1
    name = f"the best peer, {LIBRARIES[peer[0]]}" if several else bar.against
    what = "first epoch " if bar.field == "start" else ""
    return _verdict(bar.workload, own / peer[1], bar.limit, f"{what}{{:.2f}} (≤ {bar.limit:.2f}) of {name}")


def _verdict(workload: str, value: float | None, limit: float, text: str, at_least: bool = False) -> Verdict | None:
    if value is None:
        return None
    met = value >= limit if at_least else value <= limit
    shown = text if met else text.replace("{", "**{").replace("}", "}**", 1)
    return Verdict(workload, met, shown.format(value))


def verdicts(results: summary.Results) -> list[Verdict]:
    """The bars about what was measured."""

    def figure(name: str, field: str = "seconds", library: str = "jkeras") -> float | None:
        return summary.median(results, name, library, field)

    own, bare = figure("predict_one"), figure("predict_one", library="optax")
    over = None if own is None or bare is None else (own - bare) * 1e6
    peer = figure("memory", "peak_mb", "keras")
    found = [
        *(_ratio(results, bar) for bar in BARS),
        _verdict("predict_one", over, OVERHEAD * 1e6, f"{{:.0f}} µs (≤ {OVERHEAD * 1e6:.0f}) on top of a compiled call"),
        _verdict("jpeg_folder", figure("jpeg_folder", "busy"), BUSY, f"{{:.0%}} (≥ {BUSY:.0%}) of the cores busy", at_least=True),
        _verdict("text_stream", figure("text_stream", "busy"), BUSY, f"{{:.0%}} (≥ {BUSY:.0%}) of the cores busy", at_least=True),
    ]
    for name in ("memmap_64gb", "memmap_64gb_random"):
        found.append(_verdict(name, figure(name, "own_mb"), MAPPED_MB, f"{{:.0f}} MB (≤ {MAPPED_MB:.0f}) of memory"))
    found += [_strictest(results, name) for name in INFERENCE]
    if peer is not None:
        limit = peer + RESIDENT_MB
        found.append(_verdict("memory", figure("memory", "peak_mb"), limit, f"peak of fit {{:.0f}} MB (≤ {limit:.0f})"))
    growth = f"growth over 100 models {{:.1f}} MB (≤ {GROWTH_MB:.0f})"
    found.append(_verdict("memory", figure("memory", "growth_mb"), GROWTH_MB, growth))
    found += [_verdict(n, figure(n, "copies"), COPIES, f"{{:.2f}} (≤ {COPIES:.2f}) copies in memory") for n in FILE_TASKS]
    return [one for one in found if one is not None]


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


def _strictest(results: summary.Results, name: str) -> Verdict | None:
    """Of a network's bars of inference, the one of which it uses most."""
    found = readings(results, name)
    if not found:
        return None
    worst = max(found, key=lambda one: one.seconds / one.limit)
    which = f"of the strictest of {len(found)} bars: {READINGS[worst.field]}, {worst.against}"
    return _verdict(name, worst.seconds / worst.limit, 1.0, f"{{:.2f}} (≤ 1.00) {which}")
