"""Layers that return their input: Identity, and ActivityRegularization, which adds a penalty for it to the loss."""

from __future__ import annotations

from typing import Unpack

from jkeras._base.registry import export
from jkeras._base.types import Tree, Weights
from jkeras.layer.base import BaseArguments, Layer, LayerArguments
from jkeras.regularizers import L1L2


@export("keras.layers.Identity")
class Identity(Layer):
    """Returns its input: a place for a layer, or for a name.

    Args:
        kwargs: as every layer.

    Call:
        x: anything. Returns it, floats in the compute dtype.

    Example:
        >>> import numpy as np
        >>> Identity()(np.array([1.0, 2.0])).tolist()
        [1.0, 2.0]
    """

    supports_masking = True

    def __init__(self, **kwargs: Unpack[BaseArguments]):
        super().__init__(**kwargs)

    def forward(self, w: Weights, x: Tree) -> Tree:
        """The input."""
        return x


@export("keras.layers.ActivityRegularization")
class ActivityRegularization(Layer):
    """Returns its input, and adds `(l1 * sum |x| + l2 * sum x^2) / batch size` to the loss.

    Args:
        l1: factor of the absolute values, 0 by default.
        l2: factor of the squares, 0 by default.
        kwargs: as every layer.

    Call:
        x: any shape, batch axis first. Returns it, floats in the compute dtype.

    Example:
        >>> import numpy as np
        >>> layer = ActivityRegularization(l2=0.5)
        >>> layer(np.array([[1.0], [3.0]])).tolist(), float(layer.losses[0])
        ([[1.0], [3.0]], 2.5)
    """

    supports_masking = True

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Unpack[LayerArguments]):
        super().__init__(activity_regularizer=L1L2(l1, l2), **kwargs)
        self.l1, self.l2 = l1, l2

    def forward(self, w: Weights, x: Tree) -> Tree:
        """The input."""
        return x
