"""Dropout: noise in training that keeps units from relying on each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from jkeras._base.registry import export
from jkeras._base.types import Array, Weights
from jkeras.layers.base import BaseArguments, Layer
from jkeras.nn.dropout import dropout


@export("keras.layers.Dropout")
class Dropout(Layer):
    """In training, zero each entry with probability `rate` and divide the others by `1 - rate`; otherwise do nothing.

    Args:
        rate: probability of zero, in [0, 1].
        noise_shape: shape of the random choice, with 1 for axes that share a choice and None for the input's own size.
        seed: an integer that is mixed into the key of every draw.
        kwargs: as every layer.

    Example:
        >>> import numpy as np
        >>> Dropout(0.5)(np.ones((1, 3), np.float32)).tolist()
        [[1.0, 1.0, 1.0]]

    Source: Nitish Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", 2014.
    """

    supports_masking = True

    def __init__(
        self,
        rate: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        **kwargs: Unpack[BaseArguments],
    ):
        super().__init__(**kwargs)
        if not 0 <= rate <= 1:
            raise ValueError(f"Dropout takes a rate from 0 to 1. Received: rate={rate!r}.")
        self.rate = rate
        self.draws = rate > 0
        self.seed = seed
        self.noise_shape = _checked_noise_shape(noise_shape)

    def forward(self, w: Weights, x: Array, *, training: bool = False, rng: Array | None = None) -> Array:
        """The input with noise in training, as it is otherwise."""
        if not training or self.rate == 0:
            return x
        assert rng is not None
        return dropout(rng, x, self.rate, self.noise_shape)


def _checked_noise_shape(noise_shape: Sequence[int | None] | None) -> tuple[int | None, ...] | None:
    if noise_shape is None:
        return None
    sizes = () if isinstance(noise_shape, (str, int)) else tuple(noise_shape)
    if not sizes or any(n is not None and (not isinstance(n, int) or n < 1) for n in sizes):
        raise ValueError(
            f"Dropout takes a tuple of positive integers and None as noise_shape. Received: {noise_shape!r}. "
            "Write for example noise_shape=(None, 1, None)."
        )
    return sizes
