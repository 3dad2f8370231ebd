"""Random mirror images and random windows, drawn anew for each step inside the compiled program."""

from __future__ import annotations

import math
from typing import Any, Unpack

import jax
import jax.numpy as jnp

from jkeras._base.errors import unknown_name
from jkeras._base.registry import export
from jkeras._base.types import Array, Tree
from jkeras.layers.image.base import BoxArguments, ImageLayer, RandomImageLayer, Transformation
from jkeras.layers.image.moving import FixesSize, MovesPixels, Window
from jkeras.nn import image, moved_boxes

_WIDTH, _HEIGHT = 2, 1
_FLIPS = {"horizontal": (_WIDTH,), "vertical": (_HEIGHT,), "horizontal_and_vertical": (_WIDTH, _HEIGHT)}


@export("keras.layers.RandomFlip")
class RandomFlip(MovesPixels, RandomImageLayer):
    """Mirror each image with probability 1/2 in training.

    Args:
        mode: `"horizontal"` (left and right swapped), `"vertical"`, or `"horizontal_and_vertical"`, which draws for each
            direction on its own; Keras 3 draws once for both.
        seed: an integer that is mixed into the key of every draw.
        data_format: `"channels_last"` or `"channels_first"`; default the configured one.
        kwargs: as every layer.

    Call:
        data: as `ImageLayer`, images of any dtype. Returns the same shape in the compute dtype.

    Example:
        >>> import numpy as np
        >>> x = np.arange(3, dtype=np.uint8).reshape(1, 1, 3, 1)
        >>> RandomFlip("horizontal")(x, training=True).ravel().tolist() in ([0.0, 1.0, 2.0], [2.0, 1.0, 0.0])
        True
    """

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[BoxArguments],
    ):
        super().__init__(seed, data_format, **kwargs)
        if mode not in _FLIPS:
            raise unknown_name("mode of RandomFlip", mode, _FLIPS)
        self.mode = mode

    def draw(self, rng: Array, shape: tuple[int, ...]) -> Transformation:
        """Which images are mirrored, `(batch, directions)`."""
        return {"flips": jax.random.bernoulli(rng, shape=(shape[0], len(_FLIPS[self.mode])))}

    def move(self, images: Array, transformation: Transformation, interpolation: str) -> Array:
        """Each image, some of them mirrored."""
        for axis, chosen in self._chosen(transformation):
            images = image.flip(images, chosen, axis)
        return images

    def move_boxes(self, boxes: Array, transformation: Transformation, height: int, width: int) -> Array:
        """Boxes in these images."""
        for axis, chosen in self._chosen(transformation):
            boxes = moved_boxes.mirror(boxes, chosen, width if axis == _WIDTH else height, axis == _WIDTH)
        return boxes

    def _chosen(self, transformation: Transformation) -> list[tuple[int, Array]]:
        axes = _FLIPS[self.mode]
        flips = jnp.asarray(transformation["flips"])
        flips = flips.reshape(len(flips), math.prod(flips.shape[1:]))  # one flag for both directions stands for both, as in Keras
        return list(zip(axes, jnp.broadcast_to(flips, (len(flips), len(axes))).T))


@export("keras.layers.RandomCrop")
class RandomCrop(FixesSize, RandomImageLayer):
    """In training a window at a random place, the same one for the whole batch; otherwise the middle.

    Where the image is smaller than the window, and outside training, it is the largest window in the middle with the right
    proportions, resized. (Keras 3.15 returns whole images outside training, although it announces the shape of the window.)
    For a different place in each image see `RandomTranslation`.

    Args:
        height, width: size of the window, in pixels.
        seed: an integer that is mixed into the key of every draw.
        data_format: `"channels_last"` or `"channels_first"`; default the configured one.
        name: of the layer.
        kwargs: as every layer.

    Call:
        data: as `ImageLayer`. Returns the windows in the compute dtype.

    Example:
        >>> import numpy as np
        >>> RandomCrop(2, 3)(np.zeros((5, 8, 8, 1), np.uint8), training=True).shape
        (5, 2, 3, 1)
    """

    only_in_training = False

    def __init__(
        self,
        height: int,
        width: int,
        seed: int | None = None,
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(seed, data_format, name=name, **kwargs)
        self.height, self.width = height, width

    def get_random_transformation(self, data: Tree, training: bool = True, seed: Any = None) -> Transformation:
        """`{"h_start", "w_start", "input_shape"}`, where the window begins; without the first two where it lies in the middle."""
        if training:
            return super().get_random_transformation(data, training, seed)
        return ImageLayer.get_random_transformation(self, data)

    def draw(self, rng: Array, shape: tuple[int, ...]) -> Transformation:
        """One place for the whole batch; none where the window does not fit."""
        below, beside = shape[1] - self.height, shape[2] - self.width
        if below < 0 or beside < 0:
            return {}
        down, across = jax.random.split(rng)
        return {"h_start": jax.random.randint(down, (), 0, below + 1), "w_start": jax.random.randint(across, (), 0, beside + 1)}

    def move(self, images: Array, transformation: Transformation, interpolation: str) -> Array:
        """The windows."""
        if "h_start" not in transformation:
            return image.fit_window(images, self.height, self.width, interpolation)
        return image.window(images, transformation["h_start"], transformation["w_start"], self.height, self.width)

    def window(self, transformation: Transformation, height: int, width: int) -> Window:
        """Where the window is."""
        if "h_start" not in transformation:
            return image.window_of_proportions(height, width, self.height, self.width)
        return transformation["h_start"], transformation["w_start"], self.height, self.width
