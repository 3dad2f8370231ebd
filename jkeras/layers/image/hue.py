"""Random changes of colours as people name them: hue, saturation, and how grey an image is."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Unpack

import jax
import jax.numpy as jnp

from jkeras._base.errors import describe
from jkeras._base.registry import export
from jkeras._base.types import Array
from jkeras.layers.image.base import BoxArguments, RandomImageLayer, Transformation
from jkeras.layers.image.factors import uniform
from jkeras.layers.image.strength import StrengthLayer
from jkeras.nn import image, tone
from jkeras.nn.color import hsv_to_rgb, rgb_to_gray, rgb_to_hsv

_UNIT = (0, 1)


class _OfColours(RandomImageLayer):
    """A layer over images with the three channels red, green and blue."""

    value_range: tuple[float, float] = (0, 255)

    def augment(self, images: Array, transformation: Transformation) -> Array:
        """The images with other colours.

        Raises:
            ValueError: there are not three channels.
        """
        if images.shape[-1] != 3:
            raise ValueError(
                f"{self.name}: {type(self).__name__} takes images of 3 channels, red, green, blue. Received: {describe(images)}."
            )
        return self.recolour(images, transformation)

    def recolour(self, images: Array, transformation: Transformation) -> Array:
        """The images with other colours, for `(batch, height, width, 3)`."""
        raise NotImplementedError(f"{type(self).__name__} must define `recolour(self, images, transformation)`.")

    def _in_hsv(self, images: Array, change: Callable[[Array, Array, Array], tuple[Array, Array, Array]]) -> Array:
        """The images with changed hue, saturation and value, all of them from 0 to 1."""
        pixels = rgb_to_hsv(tone.to_range(images, self.value_range, _UNIT))
        return tone.to_range(jnp.clip(hsv_to_rgb(*change(*pixels)), 0, 1), _UNIT, self.value_range)


@export("keras.layers.RandomHue")
class RandomHue(_OfColours, StrengthLayer):
    """Turn the circle of colours of each image by a random angle in training.

    Args:
        factor: angle as a share of the half circle: a number f for [0, f], or a pair, all in [0, 1]. The direction is random.
        value_range: `(low, high)`, the range of pixel values.
        data_format: `"channels_last"` or `"channels_first"`; default the configured one.
        seed: an integer that is mixed into the key of every draw.
        kwargs: as every layer, and `bounding_box_format`.

    Call:
        data: as `ImageLayer`, with three channels.

    Example:
        >>> import numpy as np
        >>> red = np.array([255, 0, 0], np.uint8).reshape(1, 1, 1, 3)
        >>> RandomHue((1, 1))(red, training=True).round().ravel().tolist()
        [0.0, 255.0, 255.0]
    """

    def draw(self, rng: Array, shape: tuple[int, ...]) -> Transformation:
        """The turn of each image, `(batch,)`, as a share of the circle."""
        size, direction = jax.random.split(rng)
        return {"factor": uniform(size, shape[:1], self.factor) * jax.random.rademacher(direction, shape[:1], "float32") / 2}

    def recolour(self, images: Array, transformation: Transformation) -> Array:
        """The images with their hues turned."""
        turn = jnp.asarray(transformation["factor"], images.dtype).reshape(-1, 1, 1)
        return self._in_hsv(images, lambda hue, saturation, value: ((hue + turn) % 1, saturation, value))


@export("keras.layers.RandomSaturation")
class RandomSaturation(_OfColours, StrengthLayer):
    """Make the colours of each image paler or stronger in training.

        s <- min(s * f / (1 - f), 1),    f uniform in the factor's range

    for the saturation s of every pixel: 0 makes images grey, 0.5 leaves them as they are, 1 gives all colours full strength.

    Args:
        factor: a number f for [0, f], or a pair, at most 1. Negative numbers in a pair make images grey.
        value_range, data_format, seed, kwargs: as `RandomHue`.

    Call:
        data: as `ImageLayer`, with three channels.

    Example:
        >>> import numpy as np
        >>> pink = np.array([200, 100, 100], np.uint8).reshape(1, 1, 1, 3)
        >>> RandomSaturation((0, 0))(pink, training=True).round().ravel().tolist()
        [200.0, 200.0, 200.0]
    """

    _bounds = MappingProxyType({"least": -1})

    def draw(self, rng: Array, shape: tuple[int, ...]) -> Transformation:
        """By how much each image's saturation is multiplied, `(batch,)`."""
        factor = uniform(rng, shape[:1], self.factor)
        return {"factor": factor / (1 - factor + 1e-7)}

    def recolour(self, images: Array, transformation: Transformation) -> Array:
        """The images with their saturation changed."""
        factor = jnp.asarray(transformation["factor"]).reshape(-1, 1, 1)

        def change(hue: Array, saturation: Array, value: Array) -> tuple[Array, Array, Array]:
            return hue, jnp.clip(saturation * factor, 0, 1).astype(value.dtype), value

        return self._in_hsv(images, change)


@export("keras.layers.RandomColorDegeneration")
class RandomColorDegeneration(_OfColours, StrengthLayer):
    """Mix each image with its grey version in training: `clip(x + f * (grey - x))`.

    Args:
        factor: share of grey: a number f for [0, f], or a pair, at most 1. Negative numbers in a pair make colours stronger.
        value_range, data_format, seed, kwargs: as `RandomHue`.

    Call:
        data: as `ImageLayer`, with three channels.

    Example:
        >>> import numpy as np
        >>> red = np.array([100, 0, 0], np.uint8).reshape(1, 1, 1, 3)
        >>> RandomColorDegeneration((1, 1))(red, training=True).round(2).ravel().tolist()[1:]
        [29.889999389648438, 29.889999389648438]
    """

    _bounds = MappingProxyType({"least": -1})

    def draw(self, rng: Array, shape: tuple[int, ...]) -> Transformation:
        """The share of grey of each image, `(batch, 1, 1, 1)`."""
        return {"factor": uniform(rng, (shape[0], 1, 1, 1), self.factor)}

    def recolour(self, images: Array, transformation: Transformation) -> Array:
        """The images with less colour."""
        share = jnp.asarray(transformation["factor"], images.dtype)
        return jnp.clip(images + share * (rgb_to_gray(images) - images), *self.value_range)


@export("keras.layers.RandomGrayscale")
class RandomGrayscale(_OfColours):
    """Make some images grey in training; they keep three channels.

    Args:
        factor: probability that an image becomes grey.
        data_format, seed, kwargs: as `RandomHue`.

    Call:
        data: as `ImageLayer`, with three channels.

    Example:
        >>> import numpy as np
        >>> red = np.array([100, 0, 0], np.uint8).reshape(1, 1, 1, 3)
        >>> RandomGrayscale(1.0)(red, training=True).round(2).ravel().tolist()[1:]
        [29.889999389648438, 29.889999389648438]
    """

    def __init__(
        self, factor: float = 0.5, data_format: str | None = None, seed: int | None = None, **kwargs: Unpack[BoxArguments]
    ):
        super().__init__(seed, data_format, **kwargs)
        if not isinstance(factor, (int, float)) or not 0 <= factor <= 1:
            raise ValueError(f"RandomGrayscale takes a probability from 0 to 1 as factor. Received: factor={factor!r}.")
        self.factor = factor

    def draw(self, rng: Array, shape: tuple[int, ...]) -> Transformation:
        """Which images become grey, `(batch,)`."""
        return {"should_apply": jax.random.bernoulli(rng, float(self.factor), shape[:1])}

    def recolour(self, images: Array, transformation: Transformation) -> Array:
        """The images, some of them grey."""
        return jnp.where(image.per_image(jnp.asarray(transformation["should_apply"]), images), rgb_to_gray(images), images)
