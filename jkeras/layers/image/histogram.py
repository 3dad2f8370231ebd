"""Contrast by rule rather than by chance: values are spread over the whole range, by their extremes or by their ranks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from jkeras._base.registry import export
from jkeras._base.types import Array
from jkeras.layers.image.base import BoxArguments, ImageArguments, ImageLayer, Transformation
from jkeras.layers.image.factors import checked_pair
from jkeras.nn import histogram, tone

_BYTES = (0, 255)


@export("keras.layers.AutoContrast")
class AutoContrast(ImageLayer):
    """Stretch each channel of each image over the whole range, in training and outside of it.

    Args:
        value_range: `(low, high)`, what the smallest and the largest value become.
        kwargs: as every layer, `data_format` and `bounding_box_format`.

    Call:
        data: as `ImageLayer`. A channel of one value stays as it is.

    Example:
        >>> import numpy as np
        >>> AutoContrast()(np.array([100, 110, 120], np.uint8).reshape(1, 1, 3, 1)).ravel().tolist()
        [0.0, 127.5, 255.0]
    """

    def __init__(self, value_range: Sequence[float] = (0, 255), **kwargs: Unpack[ImageArguments]):
        super().__init__(**kwargs)
        self.value_range = checked_pair(self, "value_range", value_range)

    def augment(self, images: Array, transformation: Transformation) -> Array:
        """The images, stretched."""
        return tone.auto_contrast(images, self.value_range)


@export("keras.layers.Equalization")
class Equalization(ImageLayer):
    """Equalize the histogram of each channel of each image in training: a value becomes its rank.

    Args:
        value_range: `(low, high)`, the range of pixel values.
        bins: how many values are told apart.
        data_format: `"channels_last"` or `"channels_first"`; default the configured one.
        kwargs: as every layer, and `bounding_box_format`.

    Call:
        data: as `ImageLayer`. A channel of one value stays as it is.

    Example:
        >>> import numpy as np
        >>> Equalization()(np.array([1, 2, 3, 3], np.uint8).reshape(1, 1, 4, 1), training=True).ravel().tolist()
        [0.0, 85.0, 255.0, 255.0]
    """

    only_in_training = True

    def __init__(
        self,
        value_range: Sequence[float] = (0, 255),
        bins: int = 256,
        data_format: str | None = None,
        **kwargs: Unpack[BoxArguments],
    ):
        super().__init__(data_format=data_format, **kwargs)
        self.value_range, self.bins = checked_pair(self, "value_range", value_range), bins

    def augment(self, images: Array, transformation: Transformation) -> Array:
        """The images, equalized."""
        inside = tone.to_range(images, self.value_range, _BYTES)
        return tone.to_range(histogram.equalize(inside, self.bins), _BYTES, self.value_range)


@export("keras.layers.ContrastLimitedAdaptiveHistogramEqualization")
class ContrastLimitedAdaptiveHistogramEqualization(ImageLayer):
    """CLAHE: equalize histograms in tiles, with a limit on the contrast, in training and outside of it.

    Each tile of an image says what becomes of a value; a pixel takes the mean of the four tiles around it, weighted by how near
    their middles are. The limit keeps noise in even regions from being amplified.

    Args:
        value_range: `(low, high)`, the range of pixel values.
        clip_limit: how often a value may count in a tile, in multiples of the average; 0 for no limit.
        tile_grid_size: number of tiles `(down, across)`.
        data_format: `"channels_last"` or `"channels_first"`; default the configured one.
        kwargs: as every layer, and `bounding_box_format`.

    Call:
        data: as `ImageLayer`.

    Example:
        >>> import numpy as np
        >>> x = np.arange(100, 116, dtype=np.uint8).reshape(1, 4, 4, 1)
        >>> y = ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=(1, 1), clip_limit=0)(x)
        >>> y.ravel()[:3].tolist(), y.ravel()[-1:].tolist()
        ([15.9375, 31.875, 47.8125], [255.0])

    Source: Karel Zuiderveld, "Contrast limited adaptive histogram equalization", 1994.
    """

    def __init__(
        self,
        value_range: Sequence[float] = (0, 255),
        clip_limit: float = 4.0,
        tile_grid_size: Sequence[int] = (8, 8),
        data_format: str | None = None,
        **kwargs: Unpack[BoxArguments],
    ):
        super().__init__(data_format=data_format, **kwargs)
        if len(tile_grid_size) != 2 or not all(isinstance(n, int) and n > 0 for n in tile_grid_size):
            raise ValueError(
                f"{type(self).__name__} takes a pair of positive integers as tile_grid_size. Received: {tile_grid_size!r}."
            )
        self.value_range, self.clip_limit = checked_pair(self, "value_range", value_range), clip_limit
        self.tile_grid_size = (tile_grid_size[0], tile_grid_size[1])

    def augment(self, images: Array, transformation: Transformation) -> Array:
        """The images, equalized in tiles."""
        inside = tone.to_range(images, self.value_range, _BYTES)
        return tone.to_range(histogram.equalize_tiles(inside, self.tile_grid_size, self.clip_limit), _BYTES, self.value_range)
