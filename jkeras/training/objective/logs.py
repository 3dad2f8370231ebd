"""Logs: the results of losses and metrics by name. Where one is a dict, its entries are results of their own, as in Keras."""

from __future__ import annotations

from collections.abc import Iterable

from jkeras._base.types import Logs, Tree
from jkeras.state import Variable


def flat_results(results: Iterable[tuple[str, Tree]]) -> Logs:
    """Results by name.

    Args:
        results: names and results. A dict goes in with its own keys, and the dicts in it with theirs; where a key is taken, the
            result's name stands before it.

    Example:
        >>> flat_results([("loss", 1.0), ("spread", {"min": 0.0, "deep": {"max": 2.0}}), ("other", {"min": 3.0})])
        {'loss': 1.0, 'max': 2.0, 'min': 0.0, 'other_min': 3.0}
    """
    logs: Logs = {}
    for name, result in results:
        parts = _flat(result) if isinstance(result, dict) else {name: result}
        logs.update({key if key not in logs else f"{name}_{key}": part for key, part in parts.items()})
    return {name: part.array if isinstance(part, Variable) else part for name, part in logs.items()}


def _flat(result: Logs) -> Logs:
    flat: Logs = {}
    for key in sorted(result):
        flat.update(_flat(result[key]) if isinstance(result[key], dict) else {key: result[key]})
    return flat
