"""Configs as what they are to a walk: dicts, lists and tuples in each other, to any depth."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any


def parts(value: object) -> Collection[Any]:
    """The values of a dict, the items of a list or tuple; nothing of anything else."""
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, (list, tuple)) else ()


def with_parts(value: object, change: Callable[[Any], object]) -> Any:
    """A copy of a dict or list with each of its parts changed; a tuple becomes a list, and anything else stays as it is.

    Example:
        >>> with_parts({"a": 1, "b": 2}, str), with_parts((1, 2), str), with_parts("ab", str)
        ({'a': '1', 'b': '2'}, ['1', '2'], 'ab')
    """
    if isinstance(value, Mapping):
        return {k: change(v) for k, v in value.items()}
    return [change(v) for v in value] if isinstance(value, (list, tuple)) else value


def containers(value: object) -> Iterator[Any]:
    """All dicts, lists and tuples in a value, itself among them, however deep: it does not recurse."""
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, (Mapping, list, tuple)):
            yield found
            waiting += parts(found)
