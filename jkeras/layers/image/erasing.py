"""Erased rectangles: a network that cannot rely on one part of an image learns to see the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import jax
import jax.numpy as jnp

from jkeras._base.registry import export
from jkeras._base.types import Array, Tree
from jkeras.layers.image.base import BoxArguments, RandomImageLayer, Transformation
from jkeras.layers.image.factors import Factor, checked_pair, chosen, uniform, upwards
from jkeras.nn import image


@export("keras.layers.RandomErasing")
class RandomErasing(RandomImageLayer):
    """Fill a random rectangle of some images in training, which is known as Cutout where the fill is one value.

    Args:
        factor: probability that an image loses a rectangle, which is itself drawn from the pair `(lower, upper)`; a number f is
            the pair `(0, f)`. `factor=(1, 1)` erases in every image.
        scale: range of the square of a side's share: each side is `sqrt(u)` of the image's, with a u of its own.
        fill_value: a number, or one per channel; None fills with clipped normal noise, `value_range[1]` strong.
        value_range: what fill values are clipped to.
        seed: an integer that is mixed into the key of every draw.
        data_format: `"channels_last"` or `"channels_first"`; default the configured one.
        kwargs: as every layer.

    Call:
        data: as `ImageLayer`. Returns the same shape in the compute dtype.

    Example:
        >>> import numpy as np
        >>> layer = RandomErasing(factor=(1, 1), scale=(0.25, 0.25), fill_value=0)
        >>> 8 <= int(layer(np.ones((1, 6, 6, 1), np.float32), training=True).sum()) <= 32
        True

    Source: Zhun Zhong et al., "Random Erasing Data Augmentation", 2017; Terrance DeVries and Graham Taylor, "Improved
    Regularization of Convolutional Neural Networks with Cutout", 2017.
    """

    def __init__(
        self,
        factor: Factor = 1.0,
        scale: Factor = (0.02, 0.33),
        fill_value: Tree = None,
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[BoxArguments],
    ):
        super().__init__(seed, data_format, **kwargs)
        self.factor = upwards(self, "factor", factor)
        self.scale = upwards(self, "scale", scale)
        self.value_range = checked_pair(self, "value_range", value_range)
        self.fill_value = fill_value

    def draw(self, rng: Array, shape: tuple[int, ...]) -> Transformation:
        """A rectangle for each image as a mask, what fills it, and which images lose it."""
        place, size, choice, fill = jax.random.split(rng, 4)
        batch, height, width, _ = shape
        tall, wide = jnp.sqrt(uniform(size, (2, batch), self.scale)) * jnp.array([[height], [width]])
        top, left = uniform(place, (2, batch), (0, 1)) * jnp.stack([height - tall, width - wide])
        return {
            "apply_erasing": chosen(choice, batch, self.factor),
            "batch_masks": self._from_last(image.boxes(top, left, tall, wide, height, width)),
            "fill_value": self._fill(fill, shape),
        }

    def augment(self, images: Array, transformation: Transformation) -> Array:
        """Each image, some with a rectangle filled."""
        erased = self._to_last(transformation["batch_masks"])
        erased &= image.per_image(jnp.asarray(transformation["apply_erasing"]), erased)
        return jnp.where(erased, self._to_last(transformation["fill_value"]).astype(images.dtype), images)

    def _fill(self, rng: Array, shape: tuple[int, ...]) -> Array:
        if self.fill_value is None:
            noise = self.value_range[1] * jax.random.normal(rng, shape, self.compute_dtype)
            return self._from_last(jnp.clip(noise, *self.value_range))
        channels = jnp.clip(jnp.asarray(self.fill_value, self.compute_dtype), *self.value_range)
        return channels if channels.ndim == 0 else self._from_last(channels.reshape(1, 1, 1, -1))
