"""The command `python -m bench`; `--help` lists its options."""

from __future__ import annotations

import argparse
import json
import pathlib
import re
from collections.abc import Sequence
from typing import Any

from bench import curves, feeding, harness, machine, picture, report, summary
from bench.workload import LIBRARIES
from bench.workloads import HEAVY, INFERENCE, NAMES


def names(choices: Sequence[str]) -> Any:
    """A parser for comma-separated names."""

    def parse(text: str) -> list[str]:
        given = [name.strip() for name in text.split(",") if name.strip()]
        unknown = [name for name in given if name not in choices]
        if unknown or not given:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown) or 'nothing'} is not one of {', '.join(choices)}")
        return given

    return parse


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Times jkeras against other libraries.")
    parser.add_argument("--only", type=names(NAMES), metavar="NAME,...", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--libraries", type=names(list(LIBRARIES)), default=list(LIBRARIES), metavar="NAME,...")
    parser.add_argument("--rounds", type=int, default=3, help="how often each library has its turn (default: 3)")
    parser.add_argument("--quick", action="store_true", help="tiny data, one round, without the heavy ones: whether it runs")
    parser.add_argument("--curves", action="store_true", help="the curves instead of the table")
    parser.add_argument("--patience", type=float, default=60, help="seconds to wait for a quiet machine (default: 60)")
    parser.add_argument("--report", action="store_true", help="measure nothing: rewrite page and charts from the JSON")
    parser.add_argument("--out", type=pathlib.Path, help="a folder for all output, instead of the project's own folders")
    chosen = parser.parse_args(given)
    if chosen.quick and not chosen.out:
        chosen.out = feeding.scratch() / "quick"  # its figures must not replace real ones
    chosen.only = chosen.only or [name for name in NAMES if not (chosen.quick and name in HEAVY)]
    chosen.rounds = 1 if chosen.quick else chosen.rounds
    return chosen


class Places:
    """Where the JSON, the page and the charts go."""

    def __init__(self, out: pathlib.Path | None) -> None:
        bench = out or machine.ROOT / "bench"
        images = out or machine.ROOT / "docs" / "images"
        self.results = bench / "results"
        self.table, self.curves = self.results / "latest.json", self.results / "curves.json"
        self.page = bench / "RESULTS.md"
        self.picture, self.curves_picture = images / "bench.svg", images / "bench-curves.svg"

    def of(self, results: summary.Results) -> pathlib.Path:
        """The JSON for this machine's results: the page's own if that is from the same machine, otherwise a separate one."""
        kept = read(self.table)
        if not kept or kept["machine"] == results["machine"]:
            return self.table
        return self.results / f"beside-{re.sub('[^a-z0-9]+', '-', results['machine']['processor'].lower()).strip('-')}.json"

    def others(self) -> list[pathlib.Path]:
        """The JSON of other machines."""
        return sorted(self.results.glob("beside-*.json"))


def read(path: pathlib.Path) -> Any:
    return json.loads(path.read_text()) if path.exists() else None


def keep(path: pathlib.Path, results: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n")


def write(places: Places) -> None:
    """Write pages and charts from all JSON files; the first page leads to the others, also to those of other programs."""
    table, grown = read(places.table), read(places.curves)
    if grown:
        curves.draw(grown, places.curves_picture)
        places.curves.with_suffix(".md").write_text("\n".join(curves.section(grown)))
    for path in places.others():
        path.with_suffix(".md").write_text(report.beside(read(path)))
    if table:
        picture.draw(table, places.picture)
        (places.results / "details.md").write_text(report.details(table))
        if report.of_data(table):
            (places.results / "data.md").write_text(report.data_page(table))
        if any(name in table["workloads"] for name in INFERENCE):
            (places.results / "inference.md").write_text(report.inference(table))
        found = sorted(places.results.glob("*.md"), key=lambda path: (path.stem != "details", path.stem))
        places.page.write_text(report.page(table, [(_headline(path), f"results/{path.name}") for path in found]))


def _headline(path: pathlib.Path) -> str:
    return path.read_text().partition("\n")[0].lstrip("# ")


def main(given: Sequence[str] | None = None) -> int:
    """Runs the bench; the exit code says whether every process succeeded and all libraries reached the same losses."""
    chosen, failed = arguments(given), False
    places = Places(chosen.out)

    def say(line: str) -> None:
        print(line, flush=True)

    options = {"quick": chosen.quick, "patience": chosen.patience, "say": say}
    if chosen.curves:
        keep(places.curves, curves.measure(chosen.libraries, chosen.rounds, **options))
    elif not chosen.report:
        results = harness.table(chosen.only, chosen.libraries, chosen.rounds, **options)
        say(f"\n{report.shown(results)}\n")
        place = places.of(results)
        keep(place, harness.merged(read(place), results))
        failed = any(troubles(results, name, say) for name in results["workloads"])
    write(places)
    return int(failed)


def troubles(results: summary.Results, name: str, say: Any) -> bool:
    """Reports what went wrong with a workload, if anything did."""
    broken = [library for library, runs in results["workloads"][name]["runs"].items() if any("failed" in run for run in runs)]
    losses = summary.first_losses(results, name)
    agree = summary.losses_agree(losses)
    if broken:
        say(f"{name}: failed on {', '.join(broken)}")
    if not agree:
        say(f"{name}: the losses disagree: {losses}")
    return bool(broken) or not agree


if __name__ == "__main__":
    raise SystemExit(main())
