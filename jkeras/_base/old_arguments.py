"""Arguments that only Keras 2 has: ignored if they change nothing, else an error that says what to write. Also older names, and
`add_weight("kernel", shape=...)`: Keras 2's order of arguments, in which the name comes first.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar, cast

F = TypeVar("F", bound=Callable[..., object])
_NAME_FIRST = ("name", "shape", "dtype", "initializer", "regularizer", "trainable", "constraint")


class Gone(NamedTuple):
    """An argument that Keras 2 had.

    Attributes:
        harmless: the values that change nothing; None if all are harmless.
        instead: what to write for the others.
    """

    harmless: tuple[object, ...] | None = None
    instead: str = ""


def leave_out(owner: str, given: Mapping[str, object], gone: Mapping[str, Gone]) -> dict[str, Any]:
    """The arguments without those of Keras 2 that change nothing.

    Args:
        owner: the class or method they were given to.
        given: arguments by name.
        gone: the arguments that Keras 2 had.

    Raises:
        TypeError: one of those would change something.

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


def renamed(**names: str) -> Callable[[F], F]:
    """Let a function take arguments by older names too.

    Args:
        names: the current name for each older one.

    Example:
        >>> @renamed(y="x")
        ... def double(x):
        ...     return 2 * x
        >>> double(y=3), double(3)
        (6, 6)
    """

    def wrap(fn: F) -> F:
        @functools.wraps(fn)
        def run(*args: object, **kwargs: object) -> object:
            return fn(*args, **{names.get(name, name): value for name, value in kwargs.items()})

        return run  # type: ignore[return-value]

    return wrap


def name_first(method: F) -> F:
    """Let a method take arguments in Keras 2's order too, if the first one is a string.

    Example:
        >>> @name_first
        ... def add_weight(self, shape=(), initializer=None, name=None):
        ...     return shape, initializer, name
        >>> add_weight(None, "kernel", (3, 2), initializer="zeros"), add_weight(None, (3, 2), "zeros")
        (((3, 2), 'zeros', 'kernel'), ((3, 2), 'zeros', None))
    """

    @functools.wraps(method)
    def either(self: object, *args: object, **kwargs: object) -> object:
        if args and isinstance(args[0], str):
            named = dict(zip(_NAME_FIRST, args))
            twice = sorted(named.keys() & kwargs.keys())
            if len(args) > len(_NAME_FIRST) or twice:
                raise TypeError(
                    f"{method.__name__}({args[0]!r}, ...) takes {', '.join(_NAME_FIRST)}, each once. Received: {args}, {kwargs}."
                )
            args, kwargs = (), {**named, **kwargs}
        return method(self, *args, **kwargs)

    return cast(F, either)


def _asks_for_nothing(value: object, harmless: tuple[object, ...] | None) -> bool:
    # By type too: 0 is not False, and an array compared with one would be an array.
    return harmless is None or any(type(value) is type(h) and value == h for h in harmless)
