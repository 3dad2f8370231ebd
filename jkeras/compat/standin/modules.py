"""`tf.Module`: an object that finds the Variables in its attributes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import jax

from jkeras._base.naming import to_snake_case
from jkeras.layer.base import Layer
from jkeras.state.variable import Variable


class Module:
    """The base class of objects with Variables.

    Args:
        name: by default the class' name.

    Example:
        >>> class Scale(Module):
        ...     def __init__(self):
        ...         super().__init__(name="scale")
        ...         self.factors = [Variable(2.0), Variable(3.0, trainable=False)]
        >>> module = Scale()
        >>> module.name, len(module.variables), len(module.trainable_variables)
        ('scale', 2, 1)
    """

    def __init__(self, name: str | None = None):
        self._name = name or to_snake_case(type(self).__name__)

    @property
    def name(self) -> str:
        """The name."""
        return getattr(self, "_name", to_snake_case(type(self).__name__))

    @property
    def name_scope(self) -> contextlib.AbstractContextManager[object]:
        """A block whose operations carry the name in profiles."""
        return jax.named_scope(self.name)

    @property
    def variables(self) -> tuple[Variable, ...]:
        """All Variables of the attributes, and of the modules and layers in them; each once."""
        found: dict[int, Variable] = {}
        for path, value in held_by(self):
            found.update((id(v), v) for v in (value.variables if isinstance(value, Layer) else [value]) if path)
        return tuple(found.values())

    @property
    def trainable_variables(self) -> tuple[Variable, ...]:
        """Those that gradient descent changes."""
        found: dict[int, Variable] = {}
        for _, value in held_by(self):
            found.update((id(v), v) for v in (value.trainable_variables if isinstance(value, Layer) else [value]) if v.trainable)
        return tuple(found.values())

    @property
    def non_trainable_variables(self) -> tuple[Variable, ...]:
        """The others."""
        trained = {id(v) for v in self.trainable_variables}
        return tuple(v for v in self.variables if id(v) not in trained)

    @property
    def submodules(self) -> tuple[Any, ...]:
        """The modules and layers in the attributes, at any depth."""
        found: dict[int, Any] = {}

        def add(value: Any) -> None:
            for part in _parts(value):
                if isinstance(part, (Module, Layer)) and id(part) not in found and part is not self:
                    found[id(part)] = part
                    if isinstance(part, Module):
                        add(part)

        add(self)
        return tuple(found.values())

    @classmethod
    def with_name_scope(cls, method: Callable[..., Any]) -> Callable[..., Any]:
        """The method itself."""
        return method


def held_by(value: object, path: str = "", seen: set[int] | None = None) -> Iterator[tuple[str, Any]]:
    """The Variables and layers that an object holds, each once, with the names on the way to them."""
    seen = set() if seen is None else seen
    if isinstance(value, (Variable, Layer)):
        if id(value) not in seen:
            seen.add(id(value))
            yield path, value
    elif isinstance(value, (Module, list, tuple, dict)) and id(value) not in seen:
        seen.add(id(value))
        for name, part in _named_parts(value):
            yield from held_by(part, f"{path}/{name}".lstrip("/"), seen)


def _named_parts(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, Module):
        return sorted(vars(value).items())
    if isinstance(value, dict):
        return [(str(key), part) for key, part in value.items()]
    return [(str(i), part) for i, part in enumerate(value)]


def _parts(value: Any) -> Iterator[Any]:
    """The attributes of a module, with the entries of lists, tuples and dicts."""
    for _, part in _named_parts(value):
        yield part
        if isinstance(part, (list, tuple, dict)):
            yield from _parts(part)
