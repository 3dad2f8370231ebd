"""Arguments of Keras 2 that are gone: accepted where they ask for nothing, else an error that says what to write instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Gone(NamedTuple):
    """An argument that there was.

    Attributes:
        harmless: the values that ask for nothing; None where every value does.
        instead: what to write for the others.
    """

    harmless: tuple[Any, ...] | None = None
    instead: str = ""


def leave_out(owner: str, given: Mapping[str, Any], gone: Mapping[str, Gone]) -> dict[str, Any]:
    """The arguments that are left without those that ask for nothing.

    Args:
        owner: the class or method they were given to.
        given: arguments by name.
        gone: those that there were.

    Raises:
        TypeError: one of those asks for something.

    Example:
        >>> gone = {"causal": Gone((False,), "Write layer(inputs, use_causal_mask=True).")}
        >>> leave_out("Attention", {"causal": False, "name": "a"}, gone)
        {'name': 'a'}
        >>> leave_out("Attention", {"causal": True}, gone)
        Traceback (most recent call last):
            ...
        TypeError: Attention: causal=True of Keras 2 is gone. Write layer(inputs, use_causal_mask=True).
    """
    left = {}
    for name, value in given.items():
        if name not in gone:
            left[name] = value
        elif not _asks_for_nothing(value, gone[name].harmless):
            raise TypeError(f"{owner}: {name}={value!r} of Keras 2 is gone. {gone[name].instead}")
    return left


def _asks_for_nothing(value: Any, harmless: tuple[Any, ...] | None) -> bool:
    # By type too: 0 is not False, and an array compared with one would be an array.
    return harmless is None or any(type(value) is type(h) and value == h for h in harmless)
