"""Layers that scale what networks add up: LayerScale each channel by a weight, CustomScaleLayer a whole branch by a number.

Keras keeps both beside the networks of `keras.applications` that use them, so files call them by these names.
"""

from __future__ import annotations

from typing import Unpack

from jkeras._base.registry import export
from jkeras._base.types import Array, Weights
from jkeras.graph import Spec
from jkeras.initializers import Constant
from jkeras.layer.base import BaseArguments, Layer
from jkeras.layer.declaration import Declaration, Weight


@export("keras.src.applications.convnext.LayerScale", "jkeras.layers.LayerScale")
class LayerScale(Layer):
    """`x * gamma`, with one weight for each channel.

    Args:
        init_values: what all weights begin with, a small number.
        projection_dim: how many channels there are.
        kwargs: as every layer.

    Call:
        x: float `(..., projection_dim)`. Returns the same shape.

    Example:
        >>> import numpy as np
        >>> LayerScale(0.5, 2)(np.array([[2.0, 4.0]])).tolist()
        [[1.0, 2.0]]

    Source: Hugo Touvron et al., "Going Deeper with Image Transformers", 2021.
    """

    def __init__(self, init_values: float, projection_dim: int, **kwargs: Unpack[BaseArguments]):
        super().__init__(**kwargs)
        self.init_values, self.projection_dim = init_values, projection_dim

    def declare(self, x: Spec) -> Declaration:
        """One weight for each channel."""
        yield Weight("gamma", (self.projection_dim,), Constant(self.init_values))

    def forward(self, w: Weights, x: Array) -> Array:
        """The scaled input."""
        return x * w.gamma


@export("keras.src.applications.inception_resnet_v2.CustomScaleLayer", "jkeras.layers.CustomScaleLayer")
class CustomScaleLayer(Layer):
    """`x + scale * branch`: a residual connection whose branch counts less.

    Args:
        scale: the factor.
        kwargs: as every layer.

    Call:
        inputs: `[x, branch]`, of one shape. Returns that shape.

    Example:
        >>> import numpy as np
        >>> CustomScaleLayer(0.1)([np.array([[1.0]]), np.array([[20.0]])]).tolist()
        [[3.0]]

    Source: Christian Szegedy et al., "Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning", 2016.
    """

    def __init__(self, scale: float, **kwargs: Unpack[BaseArguments]):
        super().__init__(**kwargs)
        self.scale = scale

    def forward(self, w: Weights, inputs: list[Array]) -> Array:
        """The sum."""
        x, branch = inputs
        return x + branch * self.scale
