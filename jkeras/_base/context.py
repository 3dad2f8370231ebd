"""Context variables: a value for a block, in one thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def holding(variable: ContextVar[T], value: T) -> Iterator[None]:
    """Within this block, a context variable has this value.

    Args:
        variable: gets its old value back at the end, also after an error.
        value: the new one.

    Example:
        >>> depth = ContextVar("depth", default=0)
        >>> with holding(depth, 1):
        ...     depth.get()
        1
        >>> depth.get()
        0
    """
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)
