"""A chart of the table: the time of an epoch relative to Keras', workload by workload."""

from __future__ import annotations

import pathlib
from typing import Any

from bench import summary
from bench.workloads import TRAINING

COLORS = {"jkeras": "#d6336c", "keras": "#495057", "torch": "#f08c00", "hand": "#1c7ed6"}
LABELS = {"jkeras": "jkeras", "keras": "Keras 3 on JAX", "torch": "PyTorch", "hand": "best hand-written JAX"}
NAMES = {
    "table": "table",
    "mlp": "MLP",
    "cnn": "CNN",
    "cnn5x5": "5x5 CNN",
    "resnet20": "ResNet-20",
    "lstm": "LSTM",
    "transformer": "transformer",
}
WIDEST = 2.0
"""Bars longer than this many Keras epochs are cut and labelled with their value."""

INK, PALE = "#212529", "#868e96"
HEIGHT = 0.8


def shares(results: summary.Results, name: str) -> dict[str, float]:
    """Epoch times as multiples of Keras'."""
    keras = summary.median(results, name, "keras")
    if not keras:
        return {}
    hand = summary.best(results, name, summary.HAND_WRITTEN)
    own, torch = (summary.median(results, name, library) for library in ("jkeras", "torch"))
    found = {"jkeras": own, "keras": keras, "torch": torch, "hand": hand[1] if hand else None}
    return {library: value / keras for library, value in found.items() if value}


def bare(axes: Any) -> None:
    """Removes everything that carries no information."""
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0, labelcolor=INK)


def draw(results: summary.Results, path: pathlib.Path) -> bool:
    """Draws the chart; returns whether there was anything to draw."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    rows = [(name, found) for name in TRAINING if name in results["workloads"] and (found := shares(results, name))]
    if not rows:
        return False
    matplotlib.rcParams["svg.hashsalt"] = "bench"
    figure, axes = pyplot.subplots(figsize=(8, 0.4 + 0.78 * len(rows)), layout="constrained")
    width = HEIGHT / len(LABELS)
    longest = min(WIDEST, max(share for _, found in rows for share in found.values()))
    for place, (_, found) in enumerate(rows):
        for line, library in enumerate(LABELS):
            share = found.get(library)
            if share is None:
                continue
            y, length = place - HEIGHT / 2 + (line + 0.5) * width, min(share, WIDEST)
            axes.barh(y, length, 0.86 * width, color=COLORS[library], label=LABELS[library] if place == 0 else None)
            weight = "bold" if library == "jkeras" else "normal"
            axes.text(length + 0.012 * longest, y, f"{share:.2f}", va="center", fontsize=7, color=INK, weight=weight)
    axes.axvline(1, color=PALE, linewidth=0.6, zorder=0)
    axes.set_yticks(range(len(rows)), [NAMES[name] for name, _ in rows], fontsize=10)
    axes.set_xticks([])
    axes.set_xlim(0, 1.08 * longest)
    axes.set_ylim(len(rows) - 0.45, -0.55)
    title = "Time of a training epoch, Keras 3 on JAX = 1 (shorter is faster; bars end at 2)"
    axes.set_title(title, fontsize=10, color=INK, loc="left")
    handles = [pyplot.Rectangle((0, 0), 1, 1, color=color) for color in COLORS.values()]
    figure.legend(handles, LABELS.values(), loc="outside lower center", ncols=len(LABELS), frameon=False, fontsize=8)
    bare(axes)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None}, facecolor="white")
    pyplot.close(figure)
    return True
