"""Random changes of sharpness: each pixel is mixed with its neighbours, or set off from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import jax
import jax.numpy as jnp

from jkeras._base.registry import export
from jkeras._base.types import Array
from jkeras.layers.image.base import BoxArguments, RandomImageLayer, Transformation
from jkeras.layers.image.factors import Factor, checked_pair, chosen, uniform, upwards
from jkeras.layers.image.strength import StrengthLayer
from jkeras.nn import image, tone
from jkeras.nn.filters import gaussian_blur


@export("keras.layers.RandomSharpness")
class RandomSharpness(StrengthLayer):
    """Make each image smoother or sharper in training.

        y = clip(smooth + 2 f * (x - smooth), *value_range),    f uniform in the factor's range

    with the mean of a pixel and its eight neighbours, the pixel counted five times. 0 gives the smooth image, 0.5 leaves images
    as they are, 1 makes them sharper. Beyond the border are zeros.

    Args:
        factor: a number f for [0, f], or a pair, all in [0, 1].
        value_range: what values are clipped to.
        data_format: `"channels_last"` or `"channels_first"`; default the configured one.
        seed: an integer that is mixed into the key of every draw.
        kwargs: as every layer, and `bounding_box_format`.

    Call:
        data: as `ImageLayer`.

    Example:
        >>> import numpy as np
        >>> x = np.full((1, 5, 5, 1), 65, np.uint8)
        >>> x[0, 2, 2] = 78
        >>> RandomSharpness((1, 1))(x, training=True)[0, 2, 2].round(2).tolist()
        [86.0]
    """

    def draw(self, rng: Array, shape: tuple[int, ...]) -> Transformation:
        """How sharp each image becomes, `(batch,)`."""
        return {"factor": uniform(rng, shape[:1], self.factor)}

    def augment(self, images: Array, transformation: Transformation) -> Array:
        """The images, smoother or sharper."""
        return jnp.clip(tone.sharpen(images, 2 * jnp.asarray(transformation["factor"])), *self.value_range)


@export("keras.layers.RandomGaussianBlur")
class RandomGaussianBlur(RandomImageLayer):
    """Blur some images by a Gaussian in training; its width is drawn once for the batch. Beyond the border are zeros.

    Args:
        factor: probability that an image is blurred, which is itself drawn from the pair `(lower, upper)`; a number f is the pair
            `(0, f)`. `factor=(1, 1)` blurs every image.
        kernel_size: size of the filter, an odd number, or a pair `(across, down)` of them.
        sigma: width of the Gaussian in pixels: a number s for [0, s], or a pair, all in [0, 1].
        value_range: what values are clipped to.
        data_format: `"channels_last"` or `"channels_first"`; default the configured one.
        seed: an integer that is mixed into the key of every draw.
        kwargs: as every layer, and `bounding_box_format`.

    Call:
        data: as `ImageLayer`.

    Raises:
        ValueError: the size of the filter is even.

    Example:
        >>> import numpy as np
        >>> x = np.zeros((1, 3, 3, 1), np.float32)
        >>> x[0, 1, 1] = 100
        >>> RandomGaussianBlur((1, 1), sigma=(1, 1))(x, training=True)[0, 1, :, 0].round().tolist()
        [12.0, 20.0, 12.0]
    """

    def __init__(
        self,
        factor: Factor = 1.0,
        kernel_size: int | Sequence[int] = 3,
        sigma: Factor = 1.0,
        value_range: Sequence[float] = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Unpack[BoxArguments],
    ):
        super().__init__(seed, data_format, **kwargs)
        self.factor = upwards(self, "factor", factor)
        size = tuple(kernel_size) if isinstance(kernel_size, (tuple, list)) else (kernel_size, kernel_size)
        if len(size) != 2 or not all(isinstance(n, int) and n % 2 == 1 and n > 0 for n in size):
            raise ValueError(
                f"RandomGaussianBlur takes an odd number, or a pair of them, as kernel_size. Received: {kernel_size!r}."
            )
        self.kernel_size = size
        self.sigma = upwards(self, "sigma", sigma)
        self.value_range = checked_pair(self, "value_range", value_range)

    def draw(self, rng: Array, shape: tuple[int, ...]) -> Transformation:
        """Which images are blurred, `(batch,)`, and the width of the Gaussian across and down."""
        choice, width = jax.random.split(rng)
        return {
            "should_apply_blur": chosen(choice, shape[0], self.factor),
            "blur_factor": uniform(width, (2,), self.sigma) + 1e-6,
        }

    def augment(self, images: Array, transformation: Transformation) -> Array:
        """The images, some of them blurred."""
        (wide, tall), (across, down) = self.kernel_size, jnp.asarray(transformation["blur_factor"])
        blurred = gaussian_blur(images, (tall, wide), (down, across))
        apply = image.per_image(jnp.asarray(transformation["should_apply_blur"]), images)
        return jnp.clip(jnp.where(apply, blurred, images), *self.value_range)
