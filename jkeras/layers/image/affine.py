"""Random translations, rotations and zooms: one affine lookup, for which each layer draws its own matrices."""

from __future__ import annotations

import math
from typing import Unpack

import jax
import jax.numpy as jnp

from jkeras._base.errors import describe, unknown_name
from jkeras._base.registry import export
from jkeras._base.types import Array
from jkeras.layers.image.base import BoxArguments, RandomImageLayer, Transformation
from jkeras.layers.image.factors import Factor, Range, both_sides, uniform, upwards
from jkeras.layers.image.moving import MovesPixels
from jkeras.nn import affine, moved_boxes
from jkeras.nn.sampling import check_modes

_FILL_MODES = ("reflect", "wrap", "constant", "nearest")


class RandomAffine(MovesPixels, RandomImageLayer):
    """What translation, rotation, zoom and shear share: how to look between and beyond the pixels."""

    def _set_lookup(self, fill_mode: str, interpolation: str, fill_value: float) -> None:
        if fill_mode not in _FILL_MODES:
            raise unknown_name(f"fill_mode of {type(self).__name__}", fill_mode, _FILL_MODES)
        check_modes(interpolation, fill_mode)
        self.fill_mode, self.interpolation, self.fill_value = fill_mode, interpolation, fill_value

    def move(self, images: Array, transformation: Transformation, interpolation: str) -> Array:
        """Each image under a map of its own."""
        matrices = self.matrices(transformation, *images.shape[1:3])
        return affine.affine_transform(images, matrices, interpolation, self.fill_mode, self.fill_value)

    def move_boxes(self, boxes: Array, transformation: Transformation, height: int, width: int) -> Array:
        """Boxes in these images."""
        return moved_boxes.move_affine(boxes, self.matrices(transformation, height, width))

    def matrices(self, transformation: Transformation, height: int, width: int) -> Array:
        """One affine map per image, `(batch, 6)`."""
        raise NotImplementedError(f"{type(self).__name__} must define `matrices` and return (batch, 6) numbers.")


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
        data: as `ImageLayer`, images of any dtype. Returns the same shape in the compute dtype.

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
        **kwargs: Unpack[BoxArguments],
    ):
        super().__init__(seed, data_format, **kwargs)
        self._set_lookup(fill_mode, interpolation, fill_value)
        self._down = both_sides(self, "height_factor", height_factor)
        self._across = both_sides(self, "width_factor", width_factor)

    def draw(self, rng: Array, shape: tuple[int, ...]) -> Transformation:
        """One shift per image, `(batch, 2)`: pixels to the right and downwards."""
        down, across = jax.random.split(rng)
        batch, height, width, _ = shape
        shifts = width * uniform(across, (batch,), self._across), height * uniform(down, (batch,), self._down)
        return {"translations": jnp.stack(shifts, 1)}

    def matrices(self, transformation: Transformation, height: int, width: int) -> Array:
        """The maps of these shifts."""
        across, down = jnp.asarray(transformation["translations"]).T
        return affine.translations(down, across)


@export("keras.layers.RandomRotation")
class RandomRotation(RandomAffine):
    """Turn each image about its centre by a random angle in training.

    Args:
        factor: angle as a share of the full circle: a number f for [-f, f], or a pair, all in [-1, 1]. Positive is
            counter-clockwise.
        fill_mode, interpolation, seed, fill_value, data_format, kwargs: as `RandomTranslation`.

    Call:
        data: as `ImageLayer`, images of any dtype. Returns the same shape in the compute dtype.

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
        **kwargs: Unpack[BoxArguments],
    ):
        super().__init__(seed, data_format, **kwargs)
        self._set_lookup(fill_mode, interpolation, fill_value)
        self.factor = both_sides(self, "factor", factor)

    def draw(self, rng: Array, shape: tuple[int, ...]) -> Transformation:
        """One angle per image, `(batch,)`, in degrees."""
        return {"angle": 360 * uniform(rng, shape[:1], self.factor)}

    def matrices(self, transformation: Transformation, height: int, width: int) -> Array:
        """The maps of these turns."""
        return affine.rotations(jnp.asarray(transformation["angle"]) * (math.pi / 180), height, width)


@export("keras.layers.RandomZoom")
class RandomZoom(RandomAffine):
    """Zoom each image about its centre by a random factor in training.

    Args:
        height_factor: a number f for [-f, f], or a pair, all in (-1, 1]: -0.2 shows the middle 80 % (zooms in), 0.2 makes the
            image smaller (zooms out).
        width_factor: the same for the width; None keeps the proportions.
        fill_mode, interpolation, seed, fill_value, data_format, kwargs: as `RandomTranslation`.

    Call:
        data: as `ImageLayer`, images of any dtype. Returns the same shape in the compute dtype.

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
        **kwargs: Unpack[BoxArguments],
    ):
        super().__init__(seed, data_format, **kwargs)
        self._set_lookup(fill_mode, interpolation, fill_value)
        self._tall = both_sides(self, "height_factor", height_factor)
        self._wide = None if width_factor is None else both_sides(self, "width_factor", width_factor)
        if -1 in (self._tall[0], (self._wide or self._tall)[0]):
            raise ValueError(f"RandomZoom by -1 shows nothing. Received: {describe((height_factor, width_factor))}.")

    def draw(self, rng: Array, shape: tuple[int, ...]) -> Transformation:
        """One zoom per image and direction, `(batch, 1)`: the share of the image that is seen."""
        down, across = jax.random.split(rng)
        tall = 1 + uniform(down, (shape[0], 1), self._tall)
        wide = tall if self._wide is None else 1 + uniform(across, (shape[0], 1), self._wide)
        return {"height_zoom": tall, "width_zoom": wide}

    def matrices(self, transformation: Transformation, height: int, width: int) -> Array:
        """The maps of these zooms."""
        tall, wide = (jnp.asarray(transformation[name]).reshape(-1) for name in ("height_zoom", "width_zoom"))
        return affine.zooms(tall, wide, height, width)


@export("keras.layers.RandomShear")
class RandomShear(RandomAffine):
    """Slant each image in training: rows move to the side by their distance from the top, columns by theirs from the left.

        y(row, column) = x(row + s_y * column, column + s_x * row)

    with `s_x` and `s_y` drawn from the factors, and both with the same random sign.

    Args:
        x_factor: how far the lowest row moves, as a share of the height: a number f for [-f, f], or a pair.
        y_factor: the same for the columns.
        interpolation, fill_mode, fill_value, data_format, seed, kwargs: as `RandomTranslation`.

    Call:
        data: as `ImageLayer`.

    Example:
        >>> import numpy as np
        >>> x = np.arange(6, dtype=np.float32).reshape(1, 2, 3, 1)
        >>> y = RandomShear((1, 1), interpolation="nearest", fill_mode="constant")(x, training=True)[0, :, :, 0].tolist()
        >>> y in ([[0.0, 1.0, 2.0], [4.0, 5.0, 0.0]], [[0.0, 1.0, 2.0], [0.0, 3.0, 4.0]])
        True
    """

    def __init__(
        self,
        x_factor: Factor = 0.0,
        y_factor: Factor = 0.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Unpack[BoxArguments],
    ):
        super().__init__(seed, data_format, **kwargs)
        self._set_lookup(fill_mode, interpolation, fill_value)
        self._across = self._both_signs("x_factor", x_factor)
        self._down = self._both_signs("y_factor", y_factor)

    def _both_signs(self, name: str, factor: Factor) -> Range:
        lower, upper = upwards(self, name, factor, least=-1)
        return (-upper, upper) if isinstance(factor, (int, float)) else (lower, upper)

    def draw(self, rng: Array, shape: tuple[int, ...]) -> Transformation:
        """The slant of each image, `(batch, 2)`: per row, and per column."""
        across, down, sign = jax.random.split(rng, 3)
        slants = uniform(across, shape[:1], self._across), uniform(down, shape[:1], self._down)
        return {"shear_factor": jnp.stack(slants, 1) * jax.random.rademacher(sign, (shape[0], 1), "float32")}

    def matrices(self, transformation: Transformation, height: int, width: int) -> Array:
        """The maps of these slants."""
        return affine.shears(*jnp.asarray(transformation["shear_factor"]).T)
