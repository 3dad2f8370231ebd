"""`add_weight("kernel", shape=...)`: Keras 2's order of arguments, in which the name comes first."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar, cast

_Method = TypeVar("_Method", bound=Callable[..., object])
_ORDER = ("name", "shape", "dtype", "initializer", "regularizer", "trainable", "constraint")


def name_first(method: _Method) -> _Method:
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
            named = dict(zip(_ORDER, args))
            twice = sorted(named.keys() & kwargs.keys())
            if len(args) > len(_ORDER) or twice:
                raise TypeError(
                    f"{method.__name__}({args[0]!r}, ...) takes {', '.join(_ORDER)}, each once. Received: {args}, {kwargs}."
                )
            args, kwargs = (), {**named, **kwargs}
        return method(self, *args, **kwargs)

    return cast(_Method, either)
