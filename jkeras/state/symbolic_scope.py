"""Whether code runs for the shapes of its results alone, and how to say so."""

from __future__ import annotations

from contextvars import Token

from jkeras._base.registry import export
from jkeras.state.scope import Scope, current, pop, push


@export("keras.SymbolicScope")
class SymbolicScope:
    """A block that counts as running for shapes alone: `in_symbolic_scope()` is true in it.

    It changes no result. Shape inference is such a block too, so a layer of yours may ask there, and leave out what costs time.

    Example:
        >>> with SymbolicScope():
        ...     inside = in_symbolic_scope()
        >>> inside, in_symbolic_scope()
        (True, False)
    """

    def __init__(self) -> None:
        self._tokens: list[Token[Scope]] = []  # one for each time it is open

    def __enter__(self) -> SymbolicScope:
        around = current()
        scope = around.named(around.path)
        scope.symbolic = True
        self._tokens.append(push(scope))
        return self

    def __exit__(self, *_: object) -> None:
        pop(self._tokens.pop())


def in_symbolic_scope() -> bool:
    """Whether code runs for shapes alone here: in shape inference, or in a `SymbolicScope`.

    Example:
        >>> from jkeras.graph import Spec, infer
        >>> asked = []
        >>> infer(lambda x: asked.append(in_symbolic_scope()) or 2 * x, (Spec((3,), "float32"),), {}), asked[0]
        (Spec((3,), float32), True)
    """
    scope: Scope | None = current()
    while scope is not None and not (scope.symbolic or scope.abstract):
        scope = scope.parent
    return scope is not None
