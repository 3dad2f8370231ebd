"""`Quantized`: the base of the forms that keep something else of some weights than the weights.

A layer is made in such a form (`declare`), or changes to it (`convert`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

from jkeras._base.types import Array
from jkeras.layer.base import Layer
from jkeras.layer.declaration import Declaration, Weight
from jkeras.layers.form import Form, Shape
from jkeras.state.variable import Variable


class Quantized(Form):
    """Base of the forms that keep something else of some weights.

    Args:
        roles: the names of the weights.

    Attributes:
        hidden: whether no attribute of the weight's name holds a Variable.
    """

    hidden = False

    def __init__(self, roles: tuple[str, ...]):
        self.roles = roles
        self.shapes: dict[str, Shape] = {}
        self.places: list[str] = []  # attributes with what is kept

    def variables(self, role: str) -> Iterator[Weight]:
        """What is kept of a weight of the shape `shapes[role]`."""
        raise NotImplementedError

    def declare(self, weights: Declaration) -> Declaration:
        """The weights to keep for those that a layer declares."""
        for weight in weights:
            known = weight.name in self.roles and None not in weight.shape  # the layer refuses unknown sizes itself
            yield from self._in_place_of(weight.name, weight.shape) if known else (weight,)

    def begin(self, layer: Layer) -> None:
        """Take the shapes."""
        self.shapes = {role: tuple(vars(layer)[role].shape) for role in self.roles}

    def all_kept(self, layer: Layer) -> dict[str, Array]:
        """What is kept of all weights, by attribute."""
        parts = [self.kept(role, vars(layer)[role].stored) for role in self.roles]
        return {name: array for part in parts for name, array in part.items()}

    def convert(self, layer: Any, kept: Mapping[str, Array]) -> None:
        """Replace the Variables.

        Raises:
            ValueError: a quantizer gave another shape; the layer stays as it is then.
        """
        weights = {role: [*self._in_place_of(role, self.shapes[role])] for role in self.roles}
        for weight in (weight for made in weights.values() for weight in made):
            if weight.place in kept and kept[weight.place].shape != tuple(weight.shape):
                shape = kept[weight.place].shape
                raise ValueError(
                    f"{weight.name} of {layer.name!r} has the shape {tuple(weight.shape)}. A quantizer gave {shape}."
                )
        for role, made in weights.items():
            delattr(layer, role)
            for weight in made:
                layer._make_weight(weight)
        for name, array in kept.items():
            getattr(layer, name).assign(array)

    def shown(self, layer: Any, role: str) -> Any:
        """What the attribute of a hidden weight gives."""
        raise AttributeError(role)

    def shape(self, layer: Any, role: str) -> Shape:
        """As it was declared."""
        return self.shapes[role]

    def order(self, layer: Layer) -> list[str]:
        """The first of what is kept, the layer's other weights, the rest."""
        return self._ordered(layer, 1)

    def _ordered(self, layer: Layer, first: int) -> list[str]:
        others = [name for name in super().order(layer) if name not in self.places]
        return [*self.places[:first], *others, *self.places[first:]]

    def _in_place_of(self, role: str, shape: Any) -> Iterator[Weight]:
        self.shapes[role] = tuple(shape)
        for kept in self.variables(role):
            self.places.append(kept.place)
            yield kept


def stored(layer: Layer) -> SimpleNamespace:
    """The arrays of a layer's Variables, as they are kept."""
    return SimpleNamespace(**{name: held.stored for name, held in layer.__dict__.items() if isinstance(held, Variable)})
