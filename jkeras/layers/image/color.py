"""Random changes of pixel values, each pixel for itself: contrast, brightness, negatives, fewer tones."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Unpack

import jax
import jax.numpy as jnp

from jkeras._base.registry import export
from jkeras._base.types import Array
from jkeras.layers.image.base import BoxArguments, ImageArguments, RandomImageLayer, Transformation
from jkeras.layers.image.factors import Factor, both_sides, checked_pair, chosen, uniform, upwards
from jkeras.layers.image.strength import StrengthLayer
from jkeras.nn import image, tone

_BYTES = (0, 255)


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
        kwargs: as every layer, `data_format` and `bounding_box_format`.

    Call:
        data: as `ImageLayer`. Returns the same shape in the compute dtype.

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

    def draw(self, rng: Array, shape: tuple[int, ...]) -> Transformation:
        """One factor per image, `(batch, 1, 1, 1)`."""
        lower, upper = self.factor
        return {"contrast_factor": uniform(rng, (shape[0], 1, 1, 1), (1 - lower, 1 + upper))}

    def augment(self, images: Array, transformation: Transformation) -> Array:
        """Each image with a contrast of its own."""
        return jnp.clip(image.adjust_contrast(images, jnp.asarray(transformation["contrast_factor"])), *self.value_range)


@export("keras.layers.RandomBrightness")
class RandomBrightness(RandomImageLayer):
    """Add a random number to each image in training: `clip(x + d * (high - low), low, high)`.

    Args:
        factor: a number f for d in [-f, f], or a pair, all in [-1, 1].
        value_range: `(low, high)`, the range of pixel values.
        seed: an integer that is mixed into the key of every draw.
        kwargs: as every layer, `data_format` and `bounding_box_format`.

    Call:
        data: as `ImageLayer`. Returns the same shape in the compute dtype.

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

    def draw(self, rng: Array, shape: tuple[int, ...]) -> Transformation:
        """What is added to each image, `(batch, 1, 1, 1)`."""
        low, high = self.value_range
        return {"rgb_delta": (high - low) * uniform(rng, (shape[0], 1, 1, 1), self.factor)}

    def augment(self, images: Array, transformation: Transformation) -> Array:
        """Each image with a brightness of its own."""
        return jnp.clip(images + jnp.asarray(transformation["rgb_delta"], images.dtype), *self.value_range)


@export("keras.layers.RandomInvert")
class RandomInvert(RandomImageLayer):
    """Turn some images into negatives in training: `low + high - x`.

    Args:
        factor: probability that an image is inverted, which is itself drawn from the pair `(lower, upper)`; a number f is the
            pair `(0, f)`. `factor=(1, 1)` inverts every image.
        value_range: `(low, high)`, the range of pixel values.
        seed: an integer that is mixed into the key of every draw.
        data_format: `"channels_last"` or `"channels_first"`; default the configured one.
        kwargs: as every layer, and `bounding_box_format`.

    Call:
        data: as `ImageLayer`.

    Example:
        >>> import numpy as np
        >>> RandomInvert((1, 1))(np.array([0, 55], np.uint8).reshape(1, 1, 2, 1), training=True).ravel().tolist()
        [255.0, 200.0]
    """

    def __init__(
        self,
        factor: Factor = 1.0,
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[BoxArguments],
    ):
        super().__init__(seed, data_format, **kwargs)
        self.factor = upwards(self, "factor", factor)
        self.value_range = checked_pair(self, "value_range", value_range)

    def draw(self, rng: Array, shape: tuple[int, ...]) -> Transformation:
        """Which images are inverted, `(batch,)`."""
        return {"apply_inversion": chosen(rng, shape[0], self.factor)}

    def augment(self, images: Array, transformation: Transformation) -> Array:
        """The images, some of them inverted."""
        return tone.invert(images, jnp.asarray(transformation["apply_inversion"]), self.value_range)


@export("keras.layers.RandomPosterization")
class RandomPosterization(StrengthLayer):
    """Leave each image only the highest bits of its values in training, so that it has few tones.

    Args:
        factor: how many of the eight bits are kept: a number f for 1 to f, or a pair `(lower, upper)`, both included. `(f, f)`
            always keeps f.
        value_range: the range of pixel values, which is divided into 256 steps.
        data_format: `"channels_last"` or `"channels_first"`; default the configured one.
        seed: an integer that is mixed into the key of every draw.
        kwargs: as every layer, and `bounding_box_format`.

    Call:
        data: as `ImageLayer`.

    Example:
        >>> import numpy as np
        >>> RandomPosterization(1)(np.array([100, 130], np.uint8).reshape(1, 1, 2, 1), training=True).ravel().tolist()
        [0.0, 128.0]
    """

    _bounds = MappingProxyType({"least": 1, "start": 1, "most": 8})

    def draw(self, rng: Array, shape: tuple[int, ...]) -> Transformation:
        """How many bits each image loses, `(batch,)`."""
        lower, upper = map(int, self.factor)
        return {"shift_factor": 8 - jax.random.randint(rng, shape[:1], lower, upper + 1)}

    def augment(self, images: Array, transformation: Transformation) -> Array:
        """The images with fewer tones."""
        inside = tone.to_range(images, self.value_range, _BYTES)
        return tone.to_range(tone.posterize(inside, jnp.asarray(transformation["shift_factor"])), _BYTES, self.value_range)


@export("keras.layers.Solarization")
class Solarization(RandomImageLayer):
    """Add a number to each image and turn its bright values into negatives in training.

        b = clip(x + a, low, high);    y = b if b < t else low + high - b

    with a number a and a threshold t for each image, drawn from shares of the range. Without arguments images are inverted.

    Args:
        addition_factor: share of the range to add: a number f for [0, f], or a pair, all in [0, 1].
        threshold_factor: share of the range from which values are inverted, likewise.
        value_range: `(low, high)`, the range of pixel values.
        seed: an integer that is mixed into the key of every draw.
        kwargs: as every layer, `data_format` and `bounding_box_format`.

    Call:
        data: as `ImageLayer`.

    Example:
        >>> import numpy as np
        >>> layer = Solarization(threshold_factor=(0.5, 0.5))
        >>> layer(np.array([100, 200], np.uint8).reshape(1, 1, 2, 1), training=True).ravel().tolist()
        [100.0, 55.0]
    """

    def __init__(
        self,
        addition_factor: Factor = 0.0,
        threshold_factor: Factor = 0.0,
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        **kwargs: Unpack[ImageArguments],
    ):
        super().__init__(seed, **kwargs)
        self.addition_factor = upwards(self, "addition_factor", addition_factor)
        self.threshold_factor = upwards(self, "threshold_factor", threshold_factor)
        self.value_range = checked_pair(self, "value_range", value_range)

    def draw(self, rng: Array, shape: tuple[int, ...]) -> Transformation:
        """What is added, and the threshold, `(batch, 1, 1, 1)` each, in the range from 0 to 255."""
        added, from_here = jax.random.split(rng)
        one = (shape[0], 1, 1, 1)
        return {
            "additions": 255 * uniform(added, one, self.addition_factor),
            "thresholds": 255 * uniform(from_here, one, self.threshold_factor),
        }

    def augment(self, images: Array, transformation: Transformation) -> Array:
        """The images, solarized."""
        drawn = jnp.asarray(transformation["additions"]), jnp.asarray(transformation["thresholds"])
        return tone.to_range(tone.solarize(tone.to_range(images, self.value_range, _BYTES), *drawn), _BYTES, self.value_range)
