"""Functions as methods: a method that is long enough for a file of its own is a function there."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def as_method(fn: F, name: str) -> F:
    """A function, whose first argument is the object, as a method that errors and signatures show as one.

    Args:
        fn: a plain function.
        name: of class and method.

    Example:
        >>> def doubled_size(model, factor=2):
        ...     return model.size * factor
        >>> class Model:
        ...     size = 3
        ...     double = as_method(doubled_size, "Model.double")
        >>> Model().double()
        6
        >>> Model().double(by=4)
        Traceback (most recent call last):
            ...
        TypeError: Model.double() got an unexpected keyword argument 'by'
    """
    plain: Any = fn
    first = plain.__code__.co_varnames[0]

    def renamed(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple("self" if one == first else one for one in names)

    code = plain.__code__
    code = code.replace(co_varnames=renamed(code.co_varnames), co_cellvars=renamed(code.co_cellvars))
    method: Any = FunctionType(code, plain.__globals__, name.rpartition(".")[2], plain.__defaults__, plain.__closure__)
    method.__kwdefaults__, method.__doc__, method.__module__ = plain.__kwdefaults__, plain.__doc__, plain.__module__
    method.__annotations__ = {key: kind for key, kind in plain.__annotations__.items() if key != first}
    method.__qualname__ = name
    made: F = method
    return made
