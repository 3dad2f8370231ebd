"""NumPy's scalars as arguments: `LSTM(np.int64(2))` and `Dropout(np.float32(0.5))` mean the numbers.

Computed sizes (`np.prod(shape)`, `y.max() + 1`) may have NumPy's types, which are not Python's `int` and which JSON does not
write. So constructors of the library always see Python's numbers.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from jkeras._base.public_class import name_public_class

_HOME = f"{__name__.partition('.')[0]}."

INTEGERS = (int, np.integer)
"""What functions take for an integer; constructors see `int` alone."""


def plain(value: Any) -> Any:
    """NumPy's scalars and arrays without axes as Python's numbers, in lists and tuples too; anything else as it is.

    What stands for a number that changes, as `optimizer.learning_rate` does, becomes its present value.

    Example:
        >>> plain((np.int64(3), [np.float64(0.5), None]))
        (3, [0.5, None])
    """
    alone = isinstance(value, np.generic) or (isinstance(value, np.ndarray) and not value.ndim)
    if alone or hasattr(type(value), "stands_for_number"):
        return value.item()
    if type(value) in (list, tuple):
        parts = [plain(part) for part in value]
        if any(new is not old for new, old in zip(parts, value)):
            return type(value)(parts)
    return value


class TakesPlainNumbers:
    """Base of classes whose constructors, if they are the library's, get Python's numbers in place of NumPy's."""

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls) and cls.__module__.startswith(_HOME):
            cls.__init__ = _with_plain_numbers(cls.__init__)  # type: ignore[method-assign]


def _with_plain_numbers(init: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(init)
    def __init__(self: Any, *args: object, **kwargs: object) -> None:
        try:
            init(self, *map(plain, args), **{name: plain(value) for name, value in kwargs.items()})
        except TypeError as error:
            name_public_class(error, self)
            raise

    return __init__
