"""`Form`: how a layer keeps its weights, as Variables and in files.

A form is a `Rewrite` that also knows the way back: from a weight to what is kept of it. So a file can hold another weight than
the layer has, such as the sum with a low-rank update. The base keeps every weight as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

from jkeras._base.types import Array, Tree, Weights
from jkeras.layer.base import Layer
from jkeras.layer.declaration import Declaration
from jkeras.layer.rewrite import Rewrite
from jkeras.state.variable import Variable

Shape = tuple[int, ...]


class Form(Rewrite):
    """Weights that are kept as they are.

    Attributes:
        takes_update: whether a low-rank update may be added.
        inputs: makes integers of what the weights are multiplied by; None: that stays as it is.
    """

    frozen: tuple[str, ...] = ()
    takes_update = True
    inputs: Any = None

    def declare(self, weights: Declaration) -> Declaration:
        """The weights to keep for those that a layer declares."""
        yield from weights

    def begin(self, layer: Layer) -> None:
        """Look at the weights of a layer that is to change to this form, and refuse those that it cannot."""

    def all_kept(self, layer: Layer) -> dict[str, Array]:
        """What the form keeps of a layer's weights, by attribute."""
        return {}

    def convert(self, layer: Any, kept: Mapping[str, Array]) -> None:
        """Change the Variables of a layer that keeps its weights as they are.

        Args:
            layer: nothing about it has changed yet.
            kept: as from `all_kept`.
        """

    def read(self, layer: Layer, w: Weights) -> Weights:
        """The weights for `forward`."""
        return w

    def shape(self, layer: Any, role: str) -> Shape:
        """The shape of a weight, however it is kept."""
        shape: Shape = getattr(layer, role).shape
        return shape

    def floats(self, layer: Any, role: str) -> Array:
        """The numbers that a weight stands for."""
        stored: Array = getattr(layer, role).stored
        return stored

    def kept(self, role: str, value: Array) -> dict[str, Array]:
        """What is kept of a weight, by attribute."""
        return {role: value}

    def order(self, layer: Layer) -> list[str]:
        """The attributes with Variables, in the order of files; without those of a low-rank update, which files add up."""
        names = {id(held): name for name, held in layer.__dict__.items() if isinstance(held, Variable)}
        return [names[id(variable)] for variable in layer._own if not variable.name.startswith("lora_")]

    def save(self, layer: Layer, store: MutableMapping[str, Tree]) -> None:
        """Store what is kept, by number."""
        self.save_with(layer, store, {})

    def save_with(self, layer: Layer, store: MutableMapping[str, Tree], weights: Mapping[str, Array]) -> None:
        """`save`, with other values for some weights."""
        values = {name: array for role, weight in weights.items() for name, array in self.kept(role, weight).items()}
        for number, name in enumerate(self.order(layer)):
            store[str(number)] = values.get(name, layer.__dict__[name])

    def load(self, layer: Layer, store: Mapping[str, Tree]) -> None:
        """Restore what `save` stored."""
        layer._take_stored(store, [layer.__dict__[name] for name in self.order(layer)])


PLAIN = Form()
