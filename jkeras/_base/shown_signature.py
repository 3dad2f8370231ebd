"""Signatures as Keras shows them, for methods that also take arguments of older versions.

Packages ask `inspect.signature(Model.fit)` which arguments to pass on. `**keywords` would say: all of them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

Method = TypeVar("Method", bound=Callable[..., Any])


def without_keywords(method: Method) -> Method:
    """The method itself, whose signature does not show its `**keywords`.

    Example:
        >>> @without_keywords
        ... def fit(x, epochs=1, **old): ...
        >>> print(inspect.signature(fit))
        (x, epochs=1)
    """
    signature = inspect.signature(method)
    shown = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    method.__signature__ = signature.replace(parameters=shown)  # type: ignore[attr-defined]
    return method
