"""Small functions of Keras 3 that packages on top of it call, and that nothing else in jkeras needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import index
from typing import Any, SupportsIndex, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])


def standardize_shape(shape: Iterable[SupportsIndex | None]) -> tuple[int | None, ...]:
    """A shape as a tuple of Python's ints, None for an open axis.

    Raises:
        ValueError: it is not a list of sizes, or one of them is no whole number of 0 or more.

    Example:
        >>> standardize_shape([None, 3])
        (None, 3)
    """
    try:
        sizes = tuple(None if size is None else index(size) for size in shape)
    except TypeError:
        sizes = (-1,)
    if any(size is not None and size < 0 for size in sizes):
        raise ValueError(f"A shape is a tuple with a whole number of 0 or more, or None, for each axis. Received: {shape!r}.")
    return sizes


def no_automatic_dependency_tracking(fn: Function) -> Function:
    """The function itself: jkeras does not replace the lists and dicts that a layer is given, so there is nothing to prevent.

    Layers among them are found all the same.
    """
    return fn
