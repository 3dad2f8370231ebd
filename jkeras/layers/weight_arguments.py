"""What constructors of layers take for each of their weights: an initializer, a regularizer and a constraint.

A layer extends `WeightedLayer`, names the roles of its weights, and yields `weight_for(self, "kernel", shape)` in `declare`. The
arguments of several layers with the same roles are declared once, here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from jkeras import constraints, initializers, regularizers
from jkeras._base.types import Array, FunctionLike, Tree
from jkeras.layer.base import Layer, LayerArguments
from jkeras.layer.declaration import Weight

_GET = {"initializer": initializers.get, "regularizer": regularizers.get, "constraint": constraints.get}


class KernelAndBias(LayerArguments, total=False):
    """Arguments of layers with a kernel and a bias."""

    kernel_initializer: Annotated[FunctionLike, "glorot_uniform"]
    bias_initializer: Annotated[FunctionLike, "zeros"]
    kernel_regularizer: Annotated[FunctionLike, None]
    bias_regularizer: Annotated[FunctionLike, None]
    activity_regularizer: Annotated[FunctionLike, None]
    kernel_constraint: Annotated[FunctionLike, None]
    bias_constraint: Annotated[FunctionLike, None]


class WeightedLayer(Layer):
    """A layer with an initializer, a regularizer and a constraint for each of some weights, in attributes of those names.

    Args:
        kwargs: `kernel_initializer`, `kernel_regularizer`, ... for each role, as names or objects; the rest is every layer's.
    """

    _weight_roles: tuple[str, ...] = ("kernel", "bias")

    def __init__(self, **kwargs: Any):
        names = [(f"{role}_{kind}", get) for kind, get in _GET.items() for role in self._weight_roles]
        given = [(name, get, kwargs.pop(name)) for name, get in names if name in kwargs]
        super().__init__(**kwargs)
        for name, get, value in given:
            setattr(self, name, get(value))

    def _activated(self, x: Array) -> Array:
        """The layer's activation of an array; Keras' users take one off by `layer.activation = None`."""
        activation: Callable[[Array], Array] | None = getattr(self, "activation", None)
        return x if activation is None else activation(x)


def weight_for(
    layer: WeightedLayer, role: str, shape: tuple[int | None, ...], name: str | None = None, **options: Tree
) -> Weight:
    """The weight of a role, with the layer's initializer, regularizer and constraint for it.

    Args:
        layer: whose weight it is.
        role: such as `"kernel"`.
        shape: of the weight.
        name: of the weight; by default the role's.
        options: further arguments of `Weight`.
    """
    parts = {kind: getattr(layer, f"{role}_{kind}") for kind in _GET}
    return Weight(name or role, shape, **{**parts, **options})
