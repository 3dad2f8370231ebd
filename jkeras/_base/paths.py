"""Nested dicts and flat paths: `{"dense": {"kernel": k}}` <-> `{"dense/kernel": k}`.

Parameters travel nested for people (`params["dense"]["kernel"]`) and flat for code that walks over them. Path components never
contain a slash: layer and weight names are checked when they are given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from jkeras._base.types import Tree


def nest(flat: Mapping[tuple[str, ...], Tree] | Iterable[tuple[tuple[str, ...], Tree]]) -> dict[str, Tree]:
    """Build nested dicts from `{("dense", "kernel"): value}`.

    Example:
        >>> nest({("dense", "kernel"): 1, ("dense", "bias"): 2})
        {'dense': {'kernel': 1, 'bias': 2}}
    """
    out: dict[str, Tree] = {}
    for path, value in flat.items() if isinstance(flat, Mapping) else flat:
        place = out
        for part in path[:-1]:
            place = place.setdefault(part, {})
        place[path[-1]] = value
    return out


def get(nested: Mapping[str, Tree], path: tuple[str, ...]) -> Tree:
    """The value at a path of a nested dict; KeyError says which path is missing and what is there."""
    place: Tree = nested
    for i, part in enumerate(path):
        if not isinstance(place, Mapping) or part not in place:
            there = sorted(map(str, place)) if isinstance(place, Mapping) else type(place).__name__
            raise KeyError(f"no entry {'/'.join(path)!r}: at {'/'.join(path[:i]) or '(top)'!r} there is {there}")
        place = place[part]
    return place


def put(nested: Mapping[str, Tree], path: tuple[str, ...], value: Tree) -> dict[str, Tree]:
    """Nested dicts with another value at a path; the given ones stay as they are.

    Example:
        >>> put({"dense": {"kernel": 1, "bias": 2}}, ("dense", "bias"), 3)
        {'dense': {'kernel': 1, 'bias': 3}}
    """
    below = value if len(path) == 1 else put(nested[path[0]], path[1:], value)
    return {**nested, path[0]: below}


def flatten(nested: Mapping[str, Tree], prefix: tuple[str, ...] = ()) -> dict[tuple[str, ...], Tree]:
    """The inverse of `nest`; empty dicts vanish."""
    out: dict[tuple[str, ...], Tree] = {}
    for key, value in nested.items():
        if isinstance(value, Mapping):
            out.update(flatten(value, (*prefix, key)))
        else:
            out[(*prefix, key)] = value
    return out
