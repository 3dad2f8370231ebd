"""Writes `RESULTS.md` and `results/details.md` from the measurements: every number on them comes from the JSON next to it."""

from __future__ import annotations

import statistics
from collections.abc import Iterable

from bench import summary
from bench.bars import BARS, READINGS, readings, verdicts
from bench.machine import QUIET
from bench.summary import Results
from bench.workload import LIBRARIES
from bench.workloads import DATA, INFERENCE, LAYERS, NAMES, PIPELINES, TRAINING, workload

METHOD = """\
Each figure is a median over processes: one process measures one library on one workload, and the libraries take turns (A B C
A B C). A process waits until the machine is idle; the page warns if it was not.

All libraries train the same model on the same synthetic data, shaped like the real sets, in float32, with the same batch size,
optimizer and initial distributions, and report loss and accuracy of each epoch (the language model: loss). An epoch ends when
its loss has been read. The figures count epochs after the first; building, compiling and the first epoch are under start-up.

* jkeras and Keras run the same file with `compile` and `fit`, all settings at their defaults.
* PyTorch is an eager loop with a fused optimizer, `randperm` batches of tensors, NHWC memory order where it is faster, all cores
  and `OMP_WAIT_POLICY=PASSIVE`.
* The optax loop is one jitted step with donated state on resident data.
* The scan runs an epoch as one program. For the two CNNs it writes convolutions as patches and a product. ResNet-20 has no
  scan: XLA:CPU runs the gradients of its convolutions dozens of times slower in a loop body, so the step loop is the best."""


def seconds(value: float | None) -> str:
    """A time in a readable unit."""
    if value is None:
        return ""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value / 1e-6:.3g} µs"


def number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def lines(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """A table in Markdown."""
    head = list(head)
    return [f"| {' | '.join(head)} |", "|" + "---|" * len(head), *(f"| {' | '.join(row)} |" for row in rows), ""]


def shown(results: Results) -> str:
    """Times and bars for a terminal."""
    names = [name for name in NAMES if name in results["workloads"]]
    libraries = columns(results, names)
    rows = [["", *libraries.values()]]
    for name in names:
        failed = {lib for lib, runs in results["workloads"][name]["runs"].items() if any("failed" in run for run in runs)}
        figures = [("failed" if lib in failed else seconds(summary.median(results, name, lib))) for lib in libraries]
        rows.append([title(results, name), *figures])
    wide = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join([row[0].ljust(wide[0]), *(c.rjust(w) for c, w in zip(row[1:], wide[1:]))]).rstrip() for row in rows
    )


def bars(results: Results, measured: bool = False) -> list[str]:
    """The targets and whether they are met, a line for each workload; then the names of what was not measured."""
    found = verdicts(results)
    rows = []
    for name in dict.fromkeys(one.workload for one in found):
        own = [one for one in found if one.workload == name]
        verdict = "met" if all(one.met for one in own) else "**not met**"
        rows.append([title(results, name), "; ".join(one.text for one in own), verdict])
    missing = dict.fromkeys(
        title(results, bar.workload) for bar in BARS if not any(one.workload == bar.workload for one in found)
    )
    rest = [f"Not measured on this machine: {'; '.join(missing)}.", ""] if missing and not measured else []
    head = "jkeras' time as a share of a peer's, unless another unit is given; in brackets the bar."
    return ["## Bars", "", head, "", *lines(["workload", "measured (bar)", ""], rows), *rest]


def inference(results: Results) -> str:
    """The page on reading trained models: times, and all bars."""
    names = [name for name in INFERENCE if name in results["workloads"]]
    rows = [
        [title(results, name), READINGS[one.field], one.against, seconds(one.seconds), seconds(one.limit), verdict]
        for name in names
        for one in readings(results, name)
        for verdict in ["met" if one.seconds <= one.limit else "**not met**"]
    ]
    tables = [part for field, shown in READINGS.items() for part in [f"## {shown}", "", *times(results, names, field)]]
    bars = ["## Bars", "", *lines(["workload", "what", "against", "jkeras", "at most", ""], rows)]
    return "\n".join(["# Inference", "", *origin(results, names), *tables, *bars])


def columns(results: Results, names: Iterable[str]) -> dict[str, str]:
    """The libraries with a figure for any of these workloads."""
    rows = [results["workloads"][name]["runs"] for name in names if name in results["workloads"]]
    return {library: shown for library, shown in LIBRARIES.items() if any(library in runs for runs in rows)}


def title(results: Results, name: str) -> str:
    row = results["workloads"].get(name)
    return str(row["title"] if row else workload(name).title)


def times(results: Results, names: Iterable[str], field: str) -> list[str]:
    """Medians of every library, and jkeras' ratio to Keras and to the fastest other."""
    rows, names = [], list(names)
    libraries = columns(results, names)
    for name in names:
        row = [title(results, name)]
        row += [seconds(summary.median(results, name, library, field)) for library in libraries]
        rows.append([*row, number(summary.ratio(results, name, "jkeras", "keras", field))])
    return lines(["workload", *libraries.values(), "jkeras / Keras"], rows)


def spread(results: Results, names: Iterable[str]) -> list[str]:
    """The range of one library's figures."""
    rows, names = [], list(names)
    libraries = columns(results, names)
    for name in names:
        found = {library: summary.values(results, name, library) for library in libraries}
        rows.append([title(results, name), *(f"{seconds(min(v))} to {seconds(max(v))}" if v else "" for v in found.values())])
    return lines(["workload", *libraries.values()], rows)


def arithmetic(results: Results, names: Iterable[str]) -> list[str]:
    """Achieved operations per second, and their share of the measured peak."""
    peak, rows, names = results.get("peak_flops"), [], list(names)
    libraries = columns(results, names)
    for name in names:
        work = results["workloads"][name].get("flop")
        if not work:
            continue
        medians = [summary.median(results, name, library) for library in libraries]
        own = summary.median(results, name, "jkeras")
        share = f"{work / own / peak:.0%}" if own and peak else ""
        rows.append([title(results, name), f"{work / 1e9:.3g}", *(f"{work / m / 1e9:.3g}" if m else "" for m in medians), share])
    measured = f"A float32 product of two 2,048 x 2,048 matrices runs at {peak / 1e9:.0f} GFLOP/s here. " if peak else ""
    text = "Only matrix products and convolutions of loss and gradient count, taken from the hand-written model."
    head = ["workload", "GFLOP per epoch", *libraries.values(), "jkeras' share of the peak"]
    return ["## GFLOP/s", "", measured + text, "", *lines(head, rows)]


DATA_METHOD = """\
The folder is read anew in every epoch; two columns feed the same jkeras model from PyTorch's `DataLoader` and from grain. The
busy share counts worker processes. Memory is the peak on top of the same `fit` on a small array; mapped pages are those that
the system takes back when it needs them."""


def of_data(results: Results) -> list[str]:
    """The measured workloads on data."""
    return [name for name in NAMES if name in DATA and name in results["workloads"]]


def data(results: Results) -> list[str]:
    """Times of what reads data."""
    names = of_data(results)
    return ["## Data", "", *times(results, names, "seconds")] if names else []


def data_page(results: Results) -> str:
    """The page on what reads data: times, how busy the cores and how large the processes were, losses, sizes."""
    names = of_data(results)
    found = ["# Data: a folder of images, files larger than memory, texts", "", *origin(results), DATA_METHOD, "", *data(results)]
    for field, shown, form in (
        ("start", "Start: until the first epoch, or fit, has ended", "{:.3g} s"),
        ("busy", "Share of all cores' time that was used", "{:.0%}"),
        ("own_mb", "Memory of its own", "{:.0f} MB"),
        ("whole_mb", "Memory with mapped pages", "{:.0f} MB"),
        ("peak_mb", "Peak of the process", "{:.0f} MB"),
    ):
        having = [n for n in names if any(summary.values(results, n, library, field) for library in LIBRARIES)]
        rows = []
        for name in having:
            figures = [summary.median(results, name, library, field) for library in columns(results, having)]
            rows.append([title(results, name), *("" if figure is None else form.format(figure) for figure in figures)])
        found += [f"## {shown}", "", *lines(["workload", *columns(results, having).values()], rows)] if rows else []
    sizes = [[title(results, name), *(results["workloads"][name][part] for part in ("measures", "sizes"))] for name in names]
    more = [*losses(results, names), "## Workloads", "", *lines(["workload", "what is timed", "sizes"], sizes)]
    return "\n".join([*found, *more, "## From the fastest to the slowest", "", *spread(results, names)])


def losses(results: Results, names: Iterable[str]) -> list[str]:
    """The losses of the first epoch, which show that all libraries did the same work."""
    rows, names = [], list(names)
    libraries = columns(results, names)
    for name in names:
        first = summary.first_losses(results, name)
        if first:
            verdict = "agree" if summary.losses_agree(first) else "**DISAGREE**"
            rows.append([title(results, name), *(f"{first[lib]:.4g}" if lib in first else "" for lib in libraries), verdict])
    return ["## Losses of the first epoch", "", *lines(["workload", *libraries.values(), ""], rows)]


def memory(results: Results) -> list[str]:
    """Peak and growth."""
    runs = results["workloads"].get("memory", {}).get("runs", {})
    fields = ("peak_mb", "growth_mb")
    rows = []
    for library in runs:
        figures = [summary.median(results, "memory", library, field) for field in fields]
        rows += [[LIBRARIES[library], *(f"{value:.0f} MB" for value in figures)]] if None not in figures else []
    return ["## Memory", "", *lines(["library", "peak of fit", "growth over 100 models"], rows)] if rows else []


def header(results: Results) -> list[str]:
    """The page's title, and where, when and with what it was measured."""
    return ["# Results", "", *origin(results)]


def origin(results: Results, names: Iterable[str] | None = None) -> list[str]:
    """Where, when and with what the results were measured; those of some workloads, or of all."""
    about, found = results["machine"], results["versions"]
    measured = [results["workloads"][name] for name in (results["workloads"] if names is None else names)]
    stamps = sorted({(row["date"], row["commit"], row["rounds"]) for row in measured})
    when = "; ".join(f"{date}, commit {commit}, {rounds} rounds" for date, commit, rounds in stamps)
    machine = f"{about['processor']}, {about['cores']} cores, {about['memory_gb']} GB, {about['system']}"
    return [
        f"Written by `python -m bench`: {when}.",
        f"{machine}. " + ", ".join(f"{name} {number}" for name, number in found.items()) + ".",
        "",
        *warnings(results),
    ]


def warnings(results: Results) -> list[str]:
    """Warnings about these figures, if any."""
    said = []
    for name, row in results["workloads"].items():
        for library, runs in row["runs"].items():
            said += [f"{name} on {LIBRARIES[library]} failed: {run['failed']}" for run in runs if "failed" in run]
    free = [run["idle"] for row in results["workloads"].values() for runs in row["runs"].values() for run in runs]
    busy = [share for share in free if share < QUIET]
    if busy:
        share = f"{statistics.median(busy):.0%} idle at the median"
        said.append(
            f"{len(busy)} of {len(free)} processes started on a machine that was not quiet ({share}), so the figures are noisy"
        )
    return [*(f"* Warning: {line}." for line in said), ""] if said else []


def parts(results: Results) -> tuple[list[str], list[str], list[str]]:
    """The measured workloads: all, those that train for epochs, and the others with times."""
    present = [name for name in NAMES if name in results["workloads"]]
    training = [name for name in present if name in (*TRAINING, "streamed", "beside", *PIPELINES, *LAYERS)]
    others = [name for name in present if name not in (*training, *INFERENCE, *DATA, "memory")]
    return present, training, others


def page(results: Results, more: Iterable[tuple[str, str]] = ()) -> str:
    """The page to read first; `more` holds titles and paths of the other pages."""
    training = [name for name in parts(results)[1] if name not in LAYERS]
    links = [f"* [{shown}]({path})" for shown, path in more]
    return "\n".join(
        [
            *header(results),
            "![Time of an epoch, Keras 3 on JAX = 1](../docs/images/bench.svg)",
            "",
            *bars(results),
            *(["## Seconds per epoch", "", *times(results, training, "seconds")] if training else []),
            *data(results),
            *(["## More", "", *links, ""] if links else []),
        ]
    )


def details(results: Results) -> str:
    """What stands behind the first page: start-up, arithmetic, memory, losses, sizes, ranges and the method."""
    present, training, others = parts(results)
    layers = [name for name in present if name in LAYERS]
    present = [name for name in present if name not in DATA]
    sizes = [[title(results, name), *(results["workloads"][name][part] for part in ("measures", "sizes"))] for name in present]
    return "\n".join(
        [
            "# Start-up, memory, losses, ranges, and how it is measured",
            "",
            *origin(results),
            *(["## Start-up: build, compile and first epoch", "", *times(results, training, "start")] if training else []),
            *(["## Layers: seconds per epoch", "", *times(results, layers, "seconds")] if layers else []),
            *(["## Other times", "", *times(results, others, "seconds")] if others else []),
            *(arithmetic(results, [name for name in training if name in TRAINING]) if training else []),
            *memory(results),
            *losses(results, training),
            *["## Workloads", "", *lines(["workload", "what is timed", "sizes"], sizes)],
            *["## From the fastest to the slowest", "", *spread(results, training + others)],
            *["## How it is measured", "", METHOD, ""],
        ]
    )


def beside(results: Results) -> str:
    """The page on another machine's results."""
    names = [name for name in NAMES if name in results["workloads"] and name != "memory"]
    shown = [*bars(results, measured=True), "## Times", "", *times(results, names, "seconds"), *memory(results)]
    return "\n".join([f"# Another machine: {results['machine']['processor']}", "", *origin(results), *shown])
