"""Random changes of shape that no affine map makes: perspective, and deformation as of rubber."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import jax
import jax.numpy as jnp

from jkeras._base.registry import export
from jkeras._base.types import Array
from jkeras.layers.image.base import BoxArguments, RandomImageLayer, Transformation
from jkeras.layers.image.factors import Factor, checked_pair, chosen, uniform, upwards
from jkeras.layers.image.moving import MovesPixels
from jkeras.nn import image, moved_boxes
from jkeras.nn.elastic import elastic_transform
from jkeras.nn.perspective import perspective_transform
from jkeras.nn.sampling import check_modes


@export("keras.layers.RandomPerspective")
class RandomPerspective(MovesPixels, RandomImageLayer):
    """Show some images from elsewhere in training: their corners move at random, towards or away from the upper left one.

    Args:
        factor: probability that an image changes, which is itself drawn from the pair `(lower, upper)`; a number f is the pair
            `(0, f)`. `factor=(1, 1)` changes every image.
        scale: how far a corner moves at most, from 0 to 1: half of this share of its coordinates.
        interpolation: `"bilinear"` or `"nearest"`.
        fill_value: what lies beyond the image.
        seed: an integer that is mixed into the key of every draw.
        data_format: `"channels_last"` or `"channels_first"`; default the configured one.
        kwargs: as every layer, and `bounding_box_format`.

    Call:
        data: as `ImageLayer`.

    Example:
        >>> import numpy as np
        >>> x = np.ones((2, 8, 8, 3), np.uint8)
        >>> RandomPerspective(scale=0.5)(x, training=True).shape
        (2, 8, 8, 3)
    """

    def __init__(
        self,
        factor: Factor = 1.0,
        scale: float = 1.0,
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[BoxArguments],
    ):
        super().__init__(seed, data_format, **kwargs)
        check_modes(interpolation, "constant")
        self.factor = upwards(self, "factor", factor)
        self.scale = upwards(self, "scale", scale)[1]
        self.interpolation, self.fill_value = interpolation, fill_value

    def draw(self, rng: Array, shape: tuple[int, ...]) -> Transformation:
        """Which images change, and where their corners `(x, y)` are before and after, `(batch, 4, 2)`."""
        choice, moves = jax.random.split(rng)
        batch, height, width, _ = shape
        corners = jnp.array([[x, y] for y in (0, height - 1) for x in (0, width - 1)], "float32")
        start = jnp.broadcast_to(corners, (batch, 4, 2))
        by = uniform(moves, (batch, 4, 2), (-self.scale / 2, self.scale / 2))
        return {"apply_perspective": chosen(choice, batch, self.factor), "start_points": start, "end_points": start * (1 + by)}

    def move(self, images: Array, transformation: Transformation, interpolation: str) -> Array:
        """The images, some of them seen from elsewhere."""
        moved = perspective_transform(images, *self._points(transformation), interpolation, self.fill_value)
        return jnp.where(image.per_image(jnp.asarray(transformation["apply_perspective"]), images), moved, images)

    def move_boxes(self, boxes: Array, transformation: Transformation, height: int, width: int) -> Array:
        """Boxes in these images."""
        moved = moved_boxes.move_perspective(boxes, *self._points(transformation))
        return jnp.where(jnp.asarray(transformation["apply_perspective"])[:, None, None], moved, boxes)

    def _points(self, transformation: Transformation) -> tuple[Array, Array]:
        return jnp.asarray(transformation["start_points"], "float32"), jnp.asarray(transformation["end_points"], "float32")


@export("keras.layers.RandomElasticTransform")
class RandomElasticTransform(MovesPixels, RandomImageLayer):
    """Deform some images in training as if of rubber: each pixel is looked up at a random distance, alike for neighbours.

    Args:
        factor: probability that an image changes, as for `RandomPerspective`.
        scale: how strong the deformation is, drawn once for the batch: a number s for [0, s], or a pair, all in [0, 1].
        interpolation: `"bilinear"` or `"nearest"`.
        fill_mode: what lies beyond the edges, as for `RandomTranslation`.
        fill_value: for `fill_mode="constant"`.
        value_range: what values are clipped to.
        seed: an integer that is mixed into the key of every draw.
        data_format: `"channels_last"` or `"channels_first"`; default the configured one.
        kwargs: as every layer, and `bounding_box_format`.

    Call:
        data: as `ImageLayer`. Bounding boxes are an error: a deformed box is none.

    Example:
        >>> import numpy as np
        >>> x = np.ones((2, 8, 8, 3), np.uint8)
        >>> RandomElasticTransform()(x, training=True).shape
        (2, 8, 8, 3)

    Source: Patrice Simard et al., "Best practices for convolutional neural networks applied to visual document analysis", 2003.
    """

    def __init__(
        self,
        factor: Factor = 1.0,
        scale: Factor = 1.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[BoxArguments],
    ):
        super().__init__(seed, data_format, **kwargs)
        check_modes(interpolation, fill_mode)
        self.factor, self.scale = upwards(self, "factor", factor), upwards(self, "scale", scale)
        self.interpolation, self.fill_mode, self.fill_value = interpolation, fill_mode, fill_value
        self.value_range = checked_pair(self, "value_range", value_range)

    def draw(self, rng: Array, shape: tuple[int, ...]) -> Transformation:
        """Which images change, how strongly, and the key of the distances."""
        choice, strength, noise = jax.random.split(rng, 3)
        return {
            "apply_transform": chosen(choice, shape[0], self.factor),
            "distortion_factor": uniform(strength, (), self.scale),
            "seed": noise,
        }

    def augment(self, images: Array, transformation: Transformation) -> Array:
        """The images, some of them deformed."""
        return jnp.clip(super().augment(images, transformation), *self.value_range)

    def move(self, images: Array, transformation: Transformation, interpolation: str) -> Array:
        """The images, some of them deformed."""
        batch, height, width, _ = images.shape
        noise = jax.random.normal(self._key(transformation["seed"]), (2, batch, height, width))
        strength = jnp.asarray(transformation["distortion_factor"]) + 1e-6  # the blur of width 0 is not defined
        alpha, sigma = 0.1 * max(height, width) * strength, 0.05 * min(height, width) * strength
        size = int(0.3 * min(height, width) * self.scale[1]) | 1  # three deviations to both sides
        moved = elastic_transform(images, noise, alpha, sigma, size, interpolation, self.fill_mode, self.fill_value)
        return jnp.where(image.per_image(jnp.asarray(transformation["apply_transform"]), images), moved, images)

    def move_boxes(self, boxes: Array, transformation: Transformation, height: int, width: int) -> Array:
        """NotImplementedError."""
        raise NotImplementedError(f"{self.name}: RandomElasticTransform has no rule for bounding boxes; a deformed box is none.")
