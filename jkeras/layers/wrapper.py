"""Wrapper: the base of layers that hold another layer and change what it does."""

from __future__ import annotations

from typing import Unpack

from jkeras._base.registry import export
from jkeras._base.types import Tree
from jkeras.layer.base import BaseArguments, Layer
from jkeras.layer.structures import shapes_to_specs


@export("keras.layers.Wrapper")
class Wrapper(Layer):
    """A layer around another one. Extend it and override `call`, which runs `self.layer`.

    Args:
        layer: any layer or model.
        kwargs: as every layer.

    Raises:
        ValueError: `layer` is not a layer.

    Example:
        >>> import numpy as np
        >>> from jkeras.layers import Dense
        >>> class Residual(Wrapper):
        ...     def call(self, x):
        ...         return x + self.layer(x)
        >>> Residual(Dense(2, kernel_initializer="ones"))(np.array([[1.0, 2.0]])).tolist()
        [[4.0, 5.0]]
    """

    def __init__(self, layer: Layer, **kwargs: Unpack[BaseArguments]):
        if not isinstance(layer, Layer):
            name = type(self).__name__
            raise ValueError(f"{name} takes a layer, for example {name}(Dense(8)). Received: {layer!r}.")
        super().__init__(**kwargs)
        self.layer = layer

    def build(self, input_shape: Tree = None) -> None:
        """Make the weights of the layer inside for inputs of this shape."""
        if input_shape is not None:
            self.layer._ensure_built((shapes_to_specs(input_shape, self.layer.compute_dtype),), {})
