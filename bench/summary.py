"""Medians and ratios of the measurements; nothing here measures time."""

from __future__ import annotations

import statistics
from typing import Any

Results = dict[str, Any]

HAND_WRITTEN = ("optax", "scan")
BEST_OF = ("torch", *HAND_WRITTEN)


def values(results: Results, name: str, library: str, field: str = "seconds") -> list[float]:
    """All figures of a library on a workload, from all its processes."""
    runs = results["workloads"].get(name, {}).get("runs", {}).get(library, [])
    found: list[float] = []
    for run in runs:
        given = run.get(field, [])
        found += given if isinstance(given, list) else [given]
    return found


def median(results: Results, name: str, library: str, field: str = "seconds") -> float | None:
    """The median, or None if nothing was measured."""
    found = values(results, name, library, field)
    return statistics.median(found) if found else None


def best(results: Results, name: str, libraries: tuple[str, ...] = BEST_OF, field: str = "seconds") -> tuple[str, float] | None:
    """The fastest of the given libraries, and its median."""
    found = [(value, library) for library in libraries if (value := median(results, name, library, field)) is not None]
    return (min(found)[1], min(found)[0]) if found else None


def ratio(results: Results, name: str, library: str, against: str, field: str = "seconds") -> float | None:
    """The ratio of two medians."""
    above, below = median(results, name, library, field), median(results, name, against, field)
    return above / below if above is not None and below else None


def first_losses(results: Results, name: str) -> dict[str, float]:
    """The loss of the first epoch in each library, the median of its processes; later ones depend on the initial weights more."""
    runs = results["workloads"].get(name, {}).get("runs", {})
    first = {library: [run["losses"][0] for run in done if run.get("losses")] for library, done in runs.items()}
    return {library: statistics.median(losses) for library, losses in first.items() if losses}


def losses_agree(losses: dict[str, float], tolerance: float = 0.25) -> bool:
    """Whether all libraries reached similar losses, which shows that they did the same work."""
    if len(losses) < 2:
        return True
    middle = statistics.median(losses.values())
    return all(abs(loss - middle) <= tolerance * max(middle, 0.3) for loss in losses.values())
