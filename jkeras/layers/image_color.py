"""Random changes of pixel values: contrast, brightness, and erased rectangles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import jax
import jax.numpy as jnp

from jkeras._base.registry import export
from jkeras._base.types import Array, Tree
from jkeras.layers.base import BaseArguments
from jkeras.layers.image_base import Factor, ImageArguments, RandomImageLayer, both_sides, checked_pair, upwards
from jkeras.nn import image


@export("keras.layers.RandomContrast")
class RandomContrast(RandomImageLayer):
    """Pull each image's values from their mean, or towards it, by a random factor in training.

        y = clip((x - mean) * c + mean, *value_range),    c uniform in [1 - lower, 1 + upper]

    with the mean of each channel of each image.

    Args:
        factor: a number f for lower = upper = f, or the pair `(lower, upper)`, in [0, 1]. Keras 3.15 announces the same, and
            reads a number f as the pair `(0, f)`.
        value_range: what values are clipped to.
        seed: an integer that is mixed into the key of every draw.
        kwargs: as every layer, and `data_format`.

    Call:
        x: `(batch, height, width, channels)` or one image. Returns the same shape in the compute dtype.

    Example:
        >>> import numpy as np
        >>> x = np.array([100, 120], np.uint8).reshape(1, 1, 2, 1)
        >>> y = RandomContrast(0.5)(x, training=True)
        >>> bool(jnp.all(jnp.abs(y - 110) <= 15.01))
        True
    """

    def __init__(
        self, factor: Factor, value_range: Sequence[float] = (0, 255), seed: int | None = None, **kwargs: Unpack[ImageArguments]
    ):
        super().__init__(seed, **kwargs)
        self.factor = upwards(self, "factor", (factor, factor) if isinstance(factor, (int, float)) else factor)
        self.value_range = checked_pair(self, "value_range", value_range)

    def augment(self, images: Array, rng: Array) -> Array:
        """Each image with a contrast of its own."""
        lower, upper = self.factor
        factor = jax.random.uniform(rng, images.shape[:1], minval=1 - lower, maxval=1 + upper)
        return jnp.clip(image.adjust_contrast(images, factor), *self.value_range)


@export("keras.layers.RandomBrightness")
class RandomBrightness(RandomImageLayer):
    """Add a random number to each image in training: `clip(x + d * (high - low), low, high)`.

    Args:
        factor: a number f for d in [-f, f], or a pair, all in [-1, 1].
        value_range: `(low, high)`, the range of pixel values.
        seed: an integer that is mixed into the key of every draw.
        kwargs: as every layer, and `data_format`.

    Call:
        x: `(batch, height, width, channels)` or one image. Returns the same shape in the compute dtype.

    Example:
        >>> import numpy as np
        >>> RandomBrightness((1, 1))(np.zeros((1, 1, 2, 1), np.uint8), training=True).ravel().tolist()
        [255.0, 255.0]
    """

    def __init__(
        self, factor: Factor, value_range: Sequence[float] = (0, 255), seed: int | None = None, **kwargs: Unpack[ImageArguments]
    ):
        super().__init__(seed, **kwargs)
        self.factor = both_sides(self, "factor", factor)
        self.value_range = checked_pair(self, "value_range", value_range)

    def augment(self, images: Array, rng: Array) -> Array:
        """Each image with a brightness of its own."""
        low, high = self.value_range
        change = (high - low) * jax.random.uniform(rng, images.shape[:1], minval=self.factor[0], maxval=self.factor[1])
        return jnp.clip(images + image.per_image(change, images).astype(images.dtype), low, high)


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
        x: `(batch, height, width, channels)` or one image. Returns the same shape in the compute dtype.

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
        **kwargs: Unpack[BaseArguments],
    ):
        super().__init__(seed, data_format, **kwargs)
        self.factor = upwards(self, "factor", factor)
        self.scale = upwards(self, "scale", scale)
        self.value_range = checked_pair(self, "value_range", value_range)
        self.fill_value = fill_value

    def augment(self, images: Array, rng: Array) -> Array:
        """Each image, some with a rectangle filled."""
        place, size, choice, fill = jax.random.split(rng, 4)
        batch, height, width, _ = images.shape
        sides = jnp.sqrt(jax.random.uniform(size, (2, batch), minval=self.scale[0], maxval=self.scale[1]))
        tall, wide = sides[0] * height, sides[1] * width
        top, left = jax.random.uniform(place, (2, batch)) * jnp.stack([height - tall, width - wide])
        probability, threshold = jax.random.uniform(choice, (2, batch))
        probability = self.factor[0] + probability * (self.factor[1] - self.factor[0])
        erased = image.boxes(top, left, tall, wide, height, width)
        erased &= image.per_image(threshold < probability, images)
        return jnp.where(erased, jnp.clip(self._fill(images, fill), *self.value_range), images)

    def _fill(self, images: Array, rng: Array) -> Array:
        if self.fill_value is None:
            return self.value_range[1] * jax.random.normal(rng, images.shape, images.dtype)
        return jnp.asarray(self.fill_value, images.dtype)
