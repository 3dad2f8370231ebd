"""Random translations, rotations and zooms: one affine lookup, for which each layer draws its own matrices."""

from __future__ import annotations

import math
from typing import Unpack

import jax

from jkeras._base.errors import describe, unknown_name
from jkeras._base.registry import export
from jkeras._base.types import Array
from jkeras.layers.base import BaseArguments
from jkeras.layers.image_base import Factor, RandomImageLayer, both_sides
from jkeras.nn import affine, sampling

_FILL_MODES = ("reflect", "wrap", "constant", "nearest")


class RandomAffine(RandomImageLayer):
    """What translation, rotation and zoom share: how to look between and beyond the pixels."""

    def _set_lookup(self, fill_mode: str, interpolation: str, fill_value: float) -> None:
        if fill_mode not in _FILL_MODES:
            raise unknown_name(f"fill_mode of {type(self).__name__}", fill_mode, _FILL_MODES)
        sampling.check_modes(interpolation, fill_mode)
        self.fill_mode, self.interpolation, self.fill_value = fill_mode, interpolation, fill_value

    def augment(self, images: Array, rng: Array) -> Array:
        """Each image under a map of its own."""
        matrices = self.draw_matrices(rng, *images.shape[:3])
        return affine.affine_transform(images, matrices, self.interpolation, self.fill_mode, self.fill_value)

    def draw_matrices(self, rng: Array, batch: int, height: int, width: int) -> Array:
        """One affine map per image, `(batch, 6)`."""
        raise NotImplementedError(f"{type(self).__name__} must define `draw_matrices` and return (batch, 6) numbers.")


@export("keras.layers.RandomTranslation")
class RandomTranslation(RandomAffine):
    """Move each image by a random distance of its own in training.

    For a crop of a padded image by whole pixels, as in most recipes, use `interpolation="nearest"`: the factor `(k + 0.5) / size`
    gives the shifts -k, ..., k with equal probabilities.

    Args:
        height_factor: distance downwards as a share of the height: a number f for [-f, f], or a pair, all in [-1, 1].
        width_factor: distance to the right as a share of the width.
        fill_mode: what lies beyond the edges of a row `abcd`: `"reflect"` dcba|abcd|dcba, `"wrap"` abcd|abcd|abcd, `"nearest"`
            aaaa|abcd|dddd, `"constant"` the fill value.
        interpolation: `"bilinear"` or `"nearest"`.
        seed: an integer that is mixed into the key of every draw.
        fill_value: for `fill_mode="constant"`.
        data_format: `"channels_last"` or `"channels_first"`; default the configured one.
        kwargs: as every layer.

    Call:
        x: `(batch, height, width, channels)` or one image, any dtype. Returns the same shape in the compute dtype.

    Example:
        >>> import numpy as np
        >>> x = np.arange(4, dtype=np.uint8).reshape(1, 1, 4, 1)
        >>> RandomTranslation(0, (0.25, 0.25), fill_mode="constant")(x, training=True).ravel().tolist()
        [0.0, 0.0, 1.0, 2.0]
    """

    def __init__(
        self,
        height_factor: Factor,
        width_factor: Factor,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Unpack[BaseArguments],
    ):
        super().__init__(seed, data_format, **kwargs)
        self._set_lookup(fill_mode, interpolation, fill_value)
        self._down = both_sides(self, "height_factor", height_factor)
        self._across = both_sides(self, "width_factor", width_factor)

    def draw_matrices(self, rng: Array, batch: int, height: int, width: int) -> Array:
        """One shift per image."""
        down, across = jax.random.split(rng)
        dy = height * jax.random.uniform(down, (batch,), minval=self._down[0], maxval=self._down[1])
        dx = width * jax.random.uniform(across, (batch,), minval=self._across[0], maxval=self._across[1])
        return affine.translations(dy, dx)


@export("keras.layers.RandomRotation")
class RandomRotation(RandomAffine):
    """Turn each image about its centre by a random angle in training.

    Args:
        factor: angle as a share of the full circle: a number f for [-f, f], or a pair, all in [-1, 1]. Positive is
            counter-clockwise.
        fill_mode, interpolation, seed, fill_value, data_format, kwargs: as `RandomTranslation`.

    Call:
        x: `(batch, height, width, channels)` or one image, any dtype. Returns the same shape in the compute dtype.

    Example:
        >>> import numpy as np
        >>> x = np.arange(9, dtype=np.float32).reshape(1, 3, 3, 1)
        >>> RandomRotation((0.25, 0.25), interpolation="nearest")(x, training=True)[0, :, :, 0].tolist()
        [[2.0, 5.0, 8.0], [1.0, 4.0, 7.0], [0.0, 3.0, 6.0]]
    """

    def __init__(
        self,
        factor: Factor,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Unpack[BaseArguments],
    ):
        super().__init__(seed, data_format, **kwargs)
        self._set_lookup(fill_mode, interpolation, fill_value)
        self.factor = both_sides(self, "factor", factor)

    def draw_matrices(self, rng: Array, batch: int, height: int, width: int) -> Array:
        """One angle per image."""
        lower, upper = (2 * math.pi * f for f in self.factor)
        return affine.rotations(jax.random.uniform(rng, (batch,), minval=lower, maxval=upper), height, width)


@export("keras.layers.RandomZoom")
class RandomZoom(RandomAffine):
    """Zoom each image about its centre by a random factor in training.

    Args:
        height_factor: a number f for [-f, f], or a pair, all in (-1, 1]: -0.2 shows the middle 80 % (zooms in), 0.2 makes the
            image smaller (zooms out).
        width_factor: the same for the width; None keeps the proportions.
        fill_mode, interpolation, seed, fill_value, data_format, kwargs: as `RandomTranslation`.

    Call:
        x: `(batch, height, width, channels)` or one image, any dtype. Returns the same shape in the compute dtype.

    Example:
        >>> import numpy as np
        >>> x = np.arange(6, dtype=np.float32).reshape(1, 1, 6, 1)
        >>> RandomZoom(0, (1, 1), fill_mode="constant", interpolation="nearest")(x, training=True).ravel().tolist()
        [0.0, 0.0, 2.0, 4.0, 0.0, 0.0]
    """

    def __init__(
        self,
        height_factor: Factor,
        width_factor: Factor | None = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Unpack[BaseArguments],
    ):
        super().__init__(seed, data_format, **kwargs)
        self._set_lookup(fill_mode, interpolation, fill_value)
        self._tall = both_sides(self, "height_factor", height_factor)
        self._wide = None if width_factor is None else both_sides(self, "width_factor", width_factor)
        if -1 in (self._tall[0], (self._wide or self._tall)[0]):
            raise ValueError(f"RandomZoom by -1 shows nothing. Received: {describe((height_factor, width_factor))}.")

    def draw_matrices(self, rng: Array, batch: int, height: int, width: int) -> Array:
        """One zoom per image."""
        down, across = jax.random.split(rng)
        tall = 1 + jax.random.uniform(down, (batch,), minval=self._tall[0], maxval=self._tall[1])
        if self._wide is None:
            return affine.zooms(tall, tall, height, width)
        wide = 1 + jax.random.uniform(across, (batch,), minval=self._wide[0], maxval=self._wide[1])
        return affine.zooms(tall, wide, height, width)
