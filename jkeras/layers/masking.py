"""Masking: steps of a sequence that hold nothing but a given value do not count."""

from __future__ import annotations

from typing import Unpack

import jax.numpy as jnp

from jkeras._base.registry import export
from jkeras._base.types import Array, Tree, Weights
from jkeras.layer.base import BaseArguments, Layer


@export("keras.layers.Masking")
class Masking(Layer):
    """Set steps whose entries all equal `mask_value` to zero, and pass on a mask that is False there.

    Args:
        mask_value: a number, or an array that broadcasts to the inputs.
        kwargs: as every layer.

    Call:
        x: `(batch, steps, features)`. Returns the same shape, with a mask `(batch, steps)`.

    Example:
        >>> import numpy as np
        >>> x = np.array([[[1.0, -1.0], [-1.0, -1.0]]], np.float32)
        >>> layer = Masking(mask_value=-1.0)
        >>> layer(x).tolist(), layer.compute_mask(x).tolist()
        ([[[1.0, -1.0], [0.0, 0.0]]], [[True, False]])
    """

    supports_masking = True

    def __init__(self, mask_value: Tree = 0.0, **kwargs: Unpack[BaseArguments]):
        super().__init__(**kwargs)
        self.mask_value = mask_value

    def forward(self, w: Weights, x: Array) -> Array:
        """The inputs with zeros in the steps that do not count."""
        return jnp.where(self.compute_mask(x)[..., None], x, 0)

    def compute_mask(self, inputs: Tree, mask: Tree = None) -> Tree:
        """True where an entry of a step differs from `mask_value`; an incoming mask is ignored."""
        plain = isinstance(self.mask_value, (int, float))
        return jnp.any(jnp.not_equal(inputs, self.mask_value if plain else jnp.asarray(self.mask_value)), axis=-1)
