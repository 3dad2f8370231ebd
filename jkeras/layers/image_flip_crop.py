"""Random mirror images and random windows, drawn anew for each step inside the compiled program."""

from __future__ import annotations

from typing import Any, Unpack

import jax

from jkeras._base.errors import unknown_name
from jkeras._base.registry import export
from jkeras._base.types import Array, Weights
from jkeras.layers.base import BaseArguments
from jkeras.layers.image_base import RandomImageLayer
from jkeras.nn import image

_FLIPS = {"horizontal": (2,), "vertical": (1,), "horizontal_and_vertical": (2, 1)}


@export("keras.layers.RandomFlip")
class RandomFlip(RandomImageLayer):
    """Mirror each image with probability 1/2 in training.

    Args:
        mode: `"horizontal"` (left and right swapped), `"vertical"`, or `"horizontal_and_vertical"`, which draws for each
            direction on its own; Keras 3 draws once for both.
        seed: an integer that is mixed into the key of every draw.
        data_format: `"channels_last"` or `"channels_first"`; default the configured one.
        kwargs: as every layer.

    Call:
        x: `(batch, height, width, channels)` or one image, any dtype. Returns the same shape in the compute dtype.

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
        **kwargs: Unpack[BaseArguments],
    ):
        super().__init__(seed, data_format, **kwargs)
        if mode not in _FLIPS:
            raise unknown_name("mode of RandomFlip", mode, _FLIPS)
        self.mode = mode

    def augment(self, images: Array, rng: Array) -> Array:
        """Each image, some of them mirrored."""
        for axis in _FLIPS[self.mode]:
            chosen = jax.random.bernoulli(jax.random.fold_in(rng, axis), shape=images.shape[:1])
            images = image.flip(images, chosen, axis)
        return images


@export("keras.layers.RandomCrop")
class RandomCrop(RandomImageLayer):
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
        x: `(batch, height, width, channels)` or one image. Returns the windows in the compute dtype.

    Example:
        >>> import numpy as np
        >>> RandomCrop(2, 3)(np.zeros((5, 8, 8, 1), np.uint8), training=True).shape
        (5, 2, 3, 1)
    """

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

    def forward(self, w: Weights, x: Array, *, training: bool = True, rng: Array | None = None) -> Array:
        """The windows."""
        return self._on_images(lambda images: self._cropped(images, rng if training else None), x.astype(self.compute_dtype))

    def _cropped(self, images: Array, rng: Array | None) -> Array:
        below, beside = images.shape[-3] - self.height, images.shape[-2] - self.width
        if rng is None or below < 0 or beside < 0:
            return image.fit_window(images, self.height, self.width)
        down, across = jax.random.split(rng)
        top, left = jax.random.randint(down, (), 0, below + 1), jax.random.randint(across, (), 0, beside + 1)
        return image.window(images, top, left, self.height, self.width)
