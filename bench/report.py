"""Writes `RESULTS.md` and `results/details.md` from the measurements: every number on them comes from the JSON next to it."""

from __future__ import annotations

import statistics
from collections.abc import Iterable

from bench import summary
from bench.bars import COPIES, GROWTH_MB, OVERHEAD, READINGS, RESIDENT_MB, judged, readings
from bench.machine import QUIET
from bench.summary import Results
from bench.workload import LIBRARIES
from bench.workloads import FILE_TASKS, INFERENCE, LAYERS, NAMES, PIPELINES, TRAINING, workload

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


def bars(results: Results, measured: bool = False) -> list[str]:
    """The targets and whether they are met; all of them, or only the measured ones."""
    rows = []
    for bar, ratio, peer in judged(results):
        against = bar.against + (f" ({LIBRARIES[peer]})" if peer and bar.against.startswith("best") else "")
        verdict = "not measured" if ratio is None else "met" if ratio <= bar.limit else "**not met**"
        if ratio is not None or not measured:
            rows.append([title(results, bar.workload), against, f"{bar.limit:.2f}", number(ratio), verdict])
    return ["## Bars", "", *lines(["workload", "against", "ratio, at most", "measured", ""], rows + other_bars(results))]


def other_bars(results: Results) -> list[list[str]]:
    """The bars that are not ratios of times."""
    rows = inference_bars(results)
    own, bare = summary.median(results, "predict_one", "jkeras"), summary.median(results, "predict_one", "optax")
    if own is not None and bare is not None:
        verdict = "met" if own - bare <= OVERHEAD else "**not met**"
        rows.append(["overhead of one-row predict", "a compiled call", seconds(OVERHEAD), seconds(own - bare), verdict])
    peak, other = (summary.median(results, "memory", library, "peak_mb") for library in ("jkeras", "keras"))
    if peak is not None and other is not None:
        verdict = "met" if peak <= other + RESIDENT_MB else "**not met**"
        rows.append(["peak memory of fit", "Keras 3 + resident data", f"{other + RESIDENT_MB:.0f} MB", f"{peak:.0f} MB", verdict])
    growth = summary.median(results, "memory", "jkeras", "growth_mb")
    if growth is not None:
        verdict = "met" if growth <= GROWTH_MB else "**not met**"
        rows.append(["growth over 100 models", "none", f"{GROWTH_MB:.0f} MB", f"{growth:.1f} MB", verdict])
    for name in FILE_TASKS:
        copies = summary.median(results, name, "jkeras", "copies")
        if copies is not None:
            verdict = "met" if copies <= COPIES else "**not met**"
            rows.append([f"memory: {title(results, name)}", "copies of the arrays", number(COPIES), number(copies), verdict])
    return rows


def inference_bars(results: Results) -> list[list[str]]:
    """A line for each network: how much of its strictest bar it uses."""
    rows = []
    for name in INFERENCE:
        if found := readings(results, name):
            worst = max(found, key=lambda one: one.seconds / one.limit)
            share = worst.seconds / worst.limit
            which = f"{len(found)} bars, strictest: {READINGS[worst.field]}, {worst.against}"
            rows.append([title(results, name), which, "1.00 of it", number(share), "met" if share <= 1 else "**not met**"])
    return rows


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
    return present, training, [name for name in present if name not in (*training, *INFERENCE, "memory")]


def page(results: Results, more: Iterable[tuple[str, str]] = ()) -> str:
    """The page to read first; `more` holds titles and paths of the other pages."""
    _, training, others = parts(results)
    links = [f"* [{shown}]({path})" for shown, path in more]
    return "\n".join(
        [
            *header(results),
            "![Time of an epoch, Keras 3 on JAX = 1](../docs/images/bench.svg)",
            "",
            *bars(results),
            *(["## Seconds per epoch", "", *times(results, training, "seconds")] if training else []),
            *(["## Other times", "", *times(results, others, "seconds")] if others else []),
            *(["## More", "", *links, ""] if links else []),
        ]
    )


def details(results: Results) -> str:
    """What stands behind the first page: start-up, arithmetic, memory, losses, sizes, ranges and the method."""
    present, training, others = parts(results)
    sizes = [[title(results, name), *(results["workloads"][name][part] for part in ("measures", "sizes"))] for name in present]
    return "\n".join(
        [
            "# Start-up, memory, losses, ranges, and how it is measured",
            "",
            *origin(results),
            *(["## Start-up: build, compile and first epoch", "", *times(results, training, "start")] if training else []),
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
