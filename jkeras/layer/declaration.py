"""How a library layer says what it holds (`Weight`) and what it changes (`Updated`)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TypeAlias

from jkeras._base.types import DTypeLike, FunctionLike, Tree


@dataclasses.dataclass(frozen=True)
class Weight:
    """One weight of a layer, as its `declare` yields it.

    Args:
        name: the attribute and the key in `params`, without slashes.
        shape: with None for a size that the input leaves open, which is an error when the weight is made.
        initializer: name, object, or function `(shape, dtype) -> array`.
        dtype: default the layer's `variable_dtype`.
        trainable: False for state such as moving averages.
        regularizer, constraint: objects or None.
        autocast: whether `forward` gets it in the compute dtype.
        present: False for a weight that an option leaves out, such as `use_bias=False`; the attribute is None then.
        overwritten: whether an optimizer puts the gradient in its place.
        attribute: that holds it; default the name.
    """

    name: str
    shape: tuple[int | None, ...]
    initializer: FunctionLike
    dtype: DTypeLike | None = None
    trainable: bool = True
    regularizer: FunctionLike = None
    constraint: FunctionLike = None
    autocast: bool = True
    present: bool = True
    overwritten: bool = False
    attribute: str | None = None

    @property
    def place(self) -> str:
        """The attribute that holds it."""
        return self.attribute or self.name


Declaration: TypeAlias = Iterator[Weight]


class Updated:
    """A `forward`'s outputs together with new values for weights: `Updated(y, moving_mean=m)`."""

    __slots__ = ("output", "values")

    def __init__(self, output: Tree, **values: Tree):
        self.output, self.values = output, values
