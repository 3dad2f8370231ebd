"""How time grows: one size doubles repeatedly while the others stay, and each time an epoch of an MLP is timed.

* batch size: the same rows in larger batches; the overhead of a step disappears towards the right;
* model width: the same steps with wider layers;
* rows: the same number of steps over more rows, so only the batches grow;
* steps: more and more batches of ten for a tiny model, so only the loop grows.

One process measures one library on one curve: `python -m bench.curves CURVE LIBRARY [--quick]` prints one line of JSON.
"""

from __future__ import annotations

import itertools
import json
import pathlib
import statistics
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from bench import harness, machine
from bench.libraries import keras_fit
from bench.picture import COLORS, INK, LABELS, PALE, bare
from bench.synthetic import classes

LIBRARIES = ("jkeras", "keras")


class Setting(NamedTuple):
    """The sizes of one measurement."""

    rows: int
    batch: int
    inputs: int
    width: int


class Curve(NamedTuple):
    title: str
    points: tuple[int, ...]
    quick: tuple[int, ...]
    setting: Callable[[int], Setting]


CURVES = {
    "batch": Curve("batch size", (8, 16, 32, 64, 128, 256, 512, 1024), (32, 64), lambda n: Setting(8192, n, 256, 128)),
    "width": Curve("width of the layers", (16, 32, 64, 128, 256, 512, 1024), (16, 32), lambda n: Setting(2048, 32, 256, n)),
    "rows": Curve("rows, in 64 steps", (512, 1024, 2048, 4096, 8192, 16384), (128, 256), lambda n: Setting(n, n // 64, 256, 128)),
    "steps": Curve("steps of ten rows", (16, 64, 256, 1024, 4096, 16384), (4, 8), lambda n: Setting(10 * n, 10, 1, 16)),
}


def model(keras: Any, setting: Setting) -> Any:
    """Two hidden layers and ten classes, compiled with SGD."""
    layers = keras.layers
    hidden = [layers.Dense(setting.width, activation="relu") for _ in range(2)]
    built = keras.Sequential([keras.Input((setting.inputs,)), *hidden, layers.Dense(10, activation="softmax")])
    built.compile("sgd", "sparse_categorical_crossentropy")
    return built


def epoch(library: str, setting: Setting, epochs: int) -> float:
    """The median time of an epoch after the first."""
    keras = keras_fit.module(library)
    seen = keras_fit.clock(keras)
    x, y = classes(setting.rows, (setting.inputs,), 10)
    model(keras, setting).fit(x, y, batch_size=setting.batch, epochs=epochs + 1, verbose=0, callbacks=[seen])
    return statistics.median(after - before for before, after in itertools.pairwise(seen.times))


def measure(libraries: Sequence[str], rounds: int, *, quick: bool, patience: float, say: Callable[[str], None]) -> dict[str, Any]:
    """Measure all curves of some libraries, in turns."""
    curves: dict[str, Any] = {}
    for name, curve in CURVES.items():
        points = curve.quick if quick else curve.points
        taken: dict[str, list[list[float]]] = {library: [] for library in libraries if library in LIBRARIES}
        for _ in range(rounds):
            for library, runs in taken.items():
                machine.wait_until_quiet(0 if quick else patience)
                result = harness.start("bench.curves", name, library, *(["--quick"] if quick else []))
                say(f"curve {name} {library}: {result.get('failed', 'done')}")
                runs += [result["seconds"]] if "seconds" in result else []
        medians = {library: [statistics.median(values) for values in zip(*runs)] for library, runs in taken.items() if runs}
        curves[name] = {"title": curve.title, "points": points, "seconds": medians}
    return {"machine": machine.describe(), "versions": machine.versions(), "commit": machine.commit(), "curves": curves}


def draw(results: dict[str, Any], path: pathlib.Path) -> None:
    """Draws the curves side by side, with logarithmic axes."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    matplotlib.rcParams["svg.hashsalt"] = "bench"
    figure, panels = pyplot.subplots(1, len(results["curves"]), figsize=(11, 2.9), layout="constrained")
    for axes, curve in zip(panels, results["curves"].values()):
        for library, seconds in curve["seconds"].items():
            axes.plot(curve["points"], seconds, color=COLORS[library], marker="o", markersize=3, linewidth=1.5)
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.minorticks_off()
        axes.grid(axis="y", color=PALE, alpha=0.25, linewidth=0.5)
        axes.set_xlabel(curve["title"], fontsize=9, color=INK)
        bare(axes)
        axes.tick_params(labelsize=8)
    panels[0].set_ylabel("seconds per epoch", fontsize=9, color=INK)
    lines = [pyplot.Line2D([], [], color=COLORS[library], linewidth=2, label=LABELS[library]) for library in LIBRARIES]
    figure.legend(handles=lines, loc="outside upper center", ncols=len(lines), frameon=False, fontsize=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None}, facecolor="white")
    pyplot.close(figure)


def section(results: dict[str, Any]) -> list[str]:
    """The curves as a page."""
    from bench.report import lines, seconds

    where = f"{results['machine']['processor']}, {results['machine']['cores']} cores"
    about = f"Seconds per epoch of a small MLP, commit {results['commit']}, {where}; the sizes are in `bench/curves.py`."
    parts = ["# How time grows", "", about, "", "![Time per epoch against size](../../docs/images/bench-curves.svg)", ""]
    for curve in results["curves"].values():
        rows = [[LABELS[library], *map(seconds, values)] for library, values in curve["seconds"].items()]
        parts += lines([curve["title"], *(f"{point:,}" for point in curve["points"])], rows)
    return parts


def main() -> None:
    name, library, *flags = sys.argv[1:]
    curve = CURVES[name]
    quick = "--quick" in flags
    points = curve.quick if quick else curve.points
    print(json.dumps({"seconds": [epoch(library, curve.setting(point), 1 if quick else 3) for point in points]}))


if __name__ == "__main__":
    main()
