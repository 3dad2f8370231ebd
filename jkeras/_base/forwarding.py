"""A function with a computed signature that passes its arguments to another one.

It is compiled from source, as `dataclasses` does, so that Python itself binds the arguments: a wrong call gets the same error,
and `inspect.signature` and editors show the same, as for a function that is written out.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Sequence
from typing import Any

_FLEXIBLE = inspect.Parameter.POSITIONAL_OR_KEYWORD
_REST = inspect.Parameter.VAR_KEYWORD


def forwarder(
    target: Callable[..., object], parameters: Sequence[inspect.Parameter], by_name: Collection[str] = ()
) -> Callable[..., Any]:
    """A function with these parameters that calls another one with them and has its name and docstring.

    Args:
        target: is called.
        parameters: flexible ones (by position or name), and at the end perhaps one for further arguments by name.
        by_name: those that the target takes by name; the others it gets by position.

    Example:
        >>> greet = forwarder(lambda text, *, end: text + end, [inspect.Parameter(n, _FLEXIBLE) for n in ("who", "end")], ["end"])
        >>> greet("you", "!"), greet(end="?", who="me")
        ('you!', 'me?')
    """
    plain = [p for p in parameters if p.kind is not _REST]
    rest = [f"**{p.name}" for p in parameters if p.kind is _REST]
    takes = ", ".join([*(p.name if p.default is p.empty else f"{p.name}=None" for p in plain), *rest])
    by_position = (p.name for p in plain if p.name not in by_name)
    gives = ", ".join([*by_position, *(f"{p.name}={p.name}" for p in plain if p.name in by_name), *rest])
    scope: dict[str, Any] = {"_target": target}
    source = f"def forward({takes}):\n    return _target({gives})"
    exec(compile(source, f"<arguments of {target.__qualname__}>", "exec"), scope)
    made = scope["forward"]
    made.__defaults__ = tuple(p.default for p in plain if p.default is not p.empty)
    made.__annotations__ = {p.name: p.annotation for p in parameters if p.annotation is not p.empty}
    made.__name__, made.__qualname__ = target.__name__, target.__qualname__
    made.__module__, made.__doc__ = target.__module__, target.__doc__
    return made
