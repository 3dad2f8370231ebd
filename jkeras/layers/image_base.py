"""What image layers share: layouts, single images, and the rule that augmentation is on unless you say otherwise.

An augmentation is an ordinary layer whose maths needs a key: it runs inside the compiled training step, on the device, after the
batch was taken from the resident data. `fit` trains and so augments, `evaluate` and `predict` do not; a bare call `layer(images)`
does, because in Keras the default of these layers is `training=True`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Unpack

import jax.numpy as jnp

from jkeras._base.config import standardize_data_format
from jkeras._base.errors import describe
from jkeras._base.types import Array, Tree, Weights
from jkeras.layers.base import BaseArguments, Layer

Factor = float | Sequence[float]


class ImageArguments(BaseArguments, total=False):
    """What image layers take whose signature does not show `data_format`."""

    data_format: str | None


class ImageLayer(Layer):
    """A layer over images `(batch, height, width, channels)`, or one image; other layouts by `data_format`.

    Args:
        data_format: `"channels_last"` or `"channels_first"`; default the configured one.
        bounding_box_format: of the boxes in Keras' dicts of images and boxes. Only images are accepted, so it changes nothing.
        kwargs: as every layer.
    """

    def __init__(self, data_format: str | None = None, bounding_box_format: str | None = None, **kwargs: Unpack[BaseArguments]):
        super().__init__(**kwargs)
        self.data_format, self.bounding_box_format = standardize_data_format(data_format), bounding_box_format

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments in Keras' JSON shape, the layout among them."""
        return {**super().get_config(), "data_format": self.data_format}

    def _on_images(self, function: Callable[[Tree], Tree], x: Tree) -> Array:
        """Run a function of `(..., height, width, channels)` on images in the layer's own layout."""
        if isinstance(x, dict):
            cls = type(self).__name__
            raise TypeError(f'{self.name}: {cls} takes images alone, not a dict of {", ".join(x)}. Give x["images"].')
        if x.ndim not in (3, 4):
            raise ValueError(
                f"{self.name}: {type(self).__name__} takes images (batch, height, width, channels) or one image, "
                f"received {describe(x)}."
            )
        if self.data_format == "channels_last":
            return function(x)
        return jnp.moveaxis(function(jnp.moveaxis(x, -3, -1)), -1, -3)


class RandomImageLayer(ImageLayer):
    """A random change of each image in training; subclasses define `augment`.

    Args:
        seed: an integer that is mixed into the key of every draw.
        data_format: as `ImageLayer`.
        kwargs: as every layer.
    """

    def __init__(self, seed: int | None = None, data_format: str | None = None, **kwargs: Unpack[BaseArguments]):
        super().__init__(data_format=data_format, **kwargs)
        self.seed = seed

    def forward(self, w: Weights, x: Tree, *, training: bool = True, rng: Array | None = None) -> Tree:
        """The images in the compute dtype, changed if `training`."""
        x = x.astype(self.compute_dtype)
        return self._on_images(lambda images: self._changed(images, rng), x) if training else x

    def _changed(self, images: Array, rng: Array | None) -> Array:
        assert rng is not None  # a layer that takes a key gets one in training
        return self.augment(images, rng) if images.ndim == 4 else self.augment(images[None], rng)[0]

    def augment(self, images: Array, rng: Array) -> Array:
        """Changed images for images `(batch, height, width, channels)` in the compute dtype and a key."""
        raise NotImplementedError(
            f"{type(self).__name__} must define `augment(self, images, rng)` and return the changed images."
        )


def both_sides(layer: Layer, name: str, factor: Factor) -> tuple[float, float]:
    """The range that a factor stands for: `(-f, f)` for a number, the sorted pair for a pair; all within [-1, 1]."""
    pair = (-abs(factor), abs(factor)) if isinstance(factor, (int, float)) else checked_pair(layer, name, factor)
    return _bounded(layer, name, factor, pair, -1.0)


def upwards(layer: Layer, name: str, factor: Factor) -> tuple[float, float]:
    """The range of a share: `(0, f)` for a number, the sorted pair for a pair; all within [0, 1]."""
    pair = (0.0, factor) if isinstance(factor, (int, float)) else checked_pair(layer, name, factor)
    return _bounded(layer, name, factor, pair, 0.0)


def checked_pair(layer: Layer, name: str, value: object) -> tuple[float, float]:
    """Two numbers, the smaller first.

    Raises:
        ValueError: for anything else.
    """
    if not isinstance(value, (tuple, list)) or len(value) != 2 or not all(isinstance(v, (int, float)) for v in value):
        raise ValueError(f"{type(layer).__name__} takes a pair of numbers as {name}. Received: {name}={value!r}.")
    lower, upper = sorted(value)
    return lower, upper


def _bounded(layer: Layer, name: str, factor: Factor, pair: tuple[float, float], least: float) -> tuple[float, float]:
    if pair[0] < least or pair[1] > 1.0:
        raise ValueError(
            f"{type(layer).__name__} takes a number from {least:g} to 1, or a pair of them, as {name}. "
            f"Received: {name}={factor!r}."
        )
    return pair
