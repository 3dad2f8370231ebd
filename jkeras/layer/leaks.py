"""Values that a layer kept from a compiled call.

A layer may write `self.saved = x` in `call`. While JAX records a program, x is a tracer: a name in that program, useless
afterwards. Once the program is recorded, `hide_tracers` replaces the tracer with a `Leaked`, whose use is an error that says what
to write instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NoReturn

from jkeras.layer.tracking import NOT_TRACKED, walk
from jkeras.state.operators import ArrayOperators
from jkeras.state.scope import is_traced

if TYPE_CHECKING:
    from jkeras.layer.base import Layer

_TEXT = """{cls} {layer!r} kept a value in self.{name} inside a compiled call. The value belonged to that program and is gone: it
would leak out of it. Return it from `call`,

    return y, saved

or keep it in a weight that is not trainable, and read it afterwards:

    self.saved = self.add_weight(shape=(8,), initializer="zeros", trainable=False)      # in build
    self.saved.assign(x.mean(axis=0))                                                   # in call
"""


class Leaked(ArrayOperators):
    """Replaces a tracer; using it as an array is an error that says what to write."""

    def __init__(self, cls: str, layer: str, name: str):
        self.__dict__["_text"] = _TEXT.format(cls=cls, layer=layer, name=name)

    @property
    def value(self) -> NoReturn:  # type: ignore[override]
        """There is none."""
        raise ValueError(self.__dict__["_text"])

    @property
    def __jax_array__(self) -> NoReturn:
        raise ValueError(self.__dict__["_text"])

    def __array__(self, *_: object, **__: object) -> NoReturn:
        raise ValueError(self.__dict__["_text"])

    def __repr__(self) -> str:
        return "<value of a compiled call that is over>"


def hide_tracers(layer: Layer, but: Iterable[object] = ()) -> None:
    """Replace the tracers in attributes of a layer and of the layers below it.

    Args:
        layer: the outermost layer.
        but: tracers to leave where they are: those of a program around the one that was recorded.
    """
    left = {id(tracer) for tracer in but}
    for part, name, tracer in _tracers(layer):
        if id(tracer) not in left:
            part.__dict__[name] = Leaked(type(part).__name__, part.name, name)


def tracers_in(layer: Layer) -> list[object]:
    """The tracers in attributes of a layer and of the layers below it."""
    return [tracer for _, _, tracer in _tracers(layer)]


def _tracers(layer: Layer) -> list[tuple[Layer, str, object]]:
    held = ((part, name, value) for _, part in walk(layer) for name, value in part.__dict__.items())
    return [(part, name, value) for part, name, value in held if name not in NOT_TRACKED and is_traced(value)]
