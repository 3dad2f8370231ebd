"""Rescaling: an affine map with fixed numbers, for example from bytes to [0, 1]."""

from __future__ import annotations

from typing import Unpack

import jax.numpy as jnp

from jkeras._base.config import image_data_format
from jkeras._base.registry import export
from jkeras._base.types import Array, Tree, Weights
from jkeras.layer.base import BaseArguments, Layer


@export("keras.layers.Rescaling")
class Rescaling(Layer):
    """`x * scale + offset` in the compute dtype.

    Args:
        scale: a number, or one per channel.
        offset: a number, or one per channel.
        kwargs: as every layer.

    Example:
        >>> import numpy as np
        >>> Rescaling(1 / 255)(np.array([0, 255], np.uint8)).tolist()
        [0.0, 1.0]
    """

    supports_masking = True

    def __init__(self, scale: Tree, offset: Tree = 0.0, **kwargs: Unpack[BaseArguments]):
        super().__init__(**kwargs)
        self.scale, self.offset = scale, offset
        self._channels_first = image_data_format() == "channels_first"

    def forward(self, w: Weights, x: Array) -> Array:
        """The rescaled input."""
        scale, offset = jnp.asarray(self.scale, self.compute_dtype), jnp.asarray(self.offset, self.compute_dtype)
        if self._channels_first:
            scale, offset = (v if v.ndim == 0 else v.reshape(*v.shape, *(1,) * (3 - v.ndim)) for v in (scale, offset))
        return x.astype(self.compute_dtype) * scale + offset
