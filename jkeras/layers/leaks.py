"""Values that a layer kept from inside a compiled call.

A layer may write `self.saved = x` in `call`. While JAX records a program, x is a tracer: a name in that program, useless
afterwards. When the program is recorded, `hide_tracers` puts a `Leaked` in the attribute's place. Nobody who does not use the
value notices; who does reads what to write instead.
"""

from __future__ import annotations

from typing import Any

from jkeras.layers.tracking import NOT_TRACKED, walk
from jkeras.state.operators import ArrayOperators
from jkeras.state.scope import is_traced

_TEXT = """{cls} {layer!r} kept a value in self.{name} inside a call that was compiled. The value belonged to that program and is
gone: it would leak out of it. Return it from `call`,

    return y, saved

or keep it in a weight that is state, and read it afterwards:

    self.saved = self.add_weight(shape=(8,), initializer="zeros", trainable=False)      # in build
    self.saved.assign(x.mean(axis=0))                                                   # in call
"""


class Leaked(ArrayOperators):
    """Stands where a tracer stood; every use of it as an array is an error that says what to do."""

    def __init__(self, cls: str, layer: str, name: str):
        self.__dict__["_text"] = _TEXT.format(cls=cls, layer=layer, name=name)

    @property
    def value(self) -> Any:  # type: ignore[override]
        """There is none."""
        raise ValueError(self.__dict__["_text"])

    @property
    def __jax_array__(self) -> Any:
        raise ValueError(self.__dict__["_text"])

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise ValueError(self.__dict__["_text"])

    def __repr__(self) -> str:
        return "<value of a compiled call that is over>"


def hide_tracers(layer: Any) -> None:
    """Replace the tracers in attributes of a layer and of those below it."""
    for _, part in walk(layer):
        attributes = part.__dict__
        for name in [n for n, v in attributes.items() if n not in NOT_TRACKED and is_traced(v)]:
            attributes[name] = Leaked(type(part).__name__, part.name, name)
