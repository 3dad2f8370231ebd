"""Image layers that fix a size: the middle of an image, or the whole of it resampled."""

from __future__ import annotations

from typing import Unpack

import jax.numpy as jnp

from jkeras._base.dtypes import is_float
from jkeras._base.errors import unknown_name
from jkeras._base.registry import export
from jkeras._base.types import Array, Tree
from jkeras.layers.image.base import BoxArguments, Transformation
from jkeras.layers.image.moving import FixesSize, Window
from jkeras.nn import image


@export("keras.layers.CenterCrop")
class CenterCrop(FixesSize):
    """The window of this size in the middle; smaller images are cropped to its proportions and resized.

    Args:
        height, width: size of the window, in pixels.
        data_format: `"channels_last"` or `"channels_first"`; default the configured one.
        kwargs: as every layer.

    Call:
        data: as `ImageLayer`. Returns the windows in the compute dtype.

    Example:
        >>> import numpy as np
        >>> CenterCrop(1, 2)(np.arange(4, dtype=np.float32).reshape(1, 1, 4, 1)).ravel().tolist()
        [1.0, 2.0]
    """

    def __init__(self, height: int, width: int, data_format: str | None = None, **kwargs: Unpack[BoxArguments]):
        super().__init__(data_format=data_format, **kwargs)
        self.height, self.width = height, width

    def move(self, images: Array, transformation: Transformation, interpolation: str) -> Array:
        """The windows."""
        if self._fits(*images.shape[1:3]):
            return image.center_window(images, self.height, self.width)
        return image.fit_window(images, self.height, self.width, interpolation)

    def window(self, transformation: Transformation, height: int, width: int) -> Window:
        """Where the window is."""
        if self._fits(height, width):
            return (height - self.height) // 2, (width - self.width) // 2, self.height, self.width
        return image.window_of_proportions(height, width, self.height, self.width)

    def _fits(self, height: int, width: int) -> bool:
        return height >= self.height and width >= self.width


@export("keras.layers.Resizing")
class Resizing(FixesSize):
    """Images at another size.

    Args:
        height, width: the new size, in pixels.
        interpolation: `"bilinear"`, `"nearest"`, `"bicubic"`, `"lanczos3"` or `"lanczos5"`.
        crop_to_aspect_ratio: whether to cut to the new proportions first, instead of distorting.
        pad_to_aspect_ratio: whether to pad to them first.
        fill_mode: of the padding; only `"constant"`.
        fill_value: of the padding.
        antialias: whether to smooth first when the image shrinks.
        data_format: `"channels_last"` or `"channels_first"`; default the configured one.
        kwargs: as every layer.

    Call:
        data: as `ImageLayer`. Returns the new size in x's dtype; integers are rounded.

    Raises:
        ValueError: an unknown mode, or both ways to keep the proportions.

    Example:
        >>> import numpy as np
        >>> Resizing(1, 4)(np.array([0, 10], np.uint8).reshape(1, 1, 2, 1)).ravel().tolist()
        [0, 2, 8, 10]
    """

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: str | None = None,
        **kwargs: Unpack[BoxArguments],
    ):
        super().__init__(data_format=data_format, **kwargs)
        if interpolation not in image.METHODS:
            raise unknown_name("interpolation of Resizing", interpolation, image.METHODS)
        if fill_mode != "constant":
            raise unknown_name("fill_mode of Resizing", fill_mode, ("constant",))
        if crop_to_aspect_ratio and pad_to_aspect_ratio:
            raise ValueError("Resizing takes crop_to_aspect_ratio=True or pad_to_aspect_ratio=True, not both.")
        self.height, self.width, self.interpolation, self.antialias = height, width, interpolation, bool(antialias)
        self.crop_to_aspect_ratio, self.pad_to_aspect_ratio = crop_to_aspect_ratio, pad_to_aspect_ratio
        self.fill_mode, self.fill_value = fill_mode, fill_value

    def transform_images(self, images: Tree, transformation: Transformation = None, training: bool = True) -> Array:
        """The resized images in their own dtype, floats in the compute dtype."""
        images = jnp.asarray(images)
        images = images.astype(self.compute_dtype) if is_float(images.dtype) else images
        return self._on_images(lambda x: self.augment(x, transformation), images)

    def move(self, images: Array, transformation: Transformation, interpolation: str) -> Array:
        """The resized images."""
        if self.crop_to_aspect_ratio:
            images = image.crop_to_aspect_ratio(images, self.height, self.width)
        elif self.pad_to_aspect_ratio:
            images = image.pad_to_aspect_ratio(images, self.height, self.width, self.fill_value)
        return image.resize(images, self.height, self.width, interpolation, self.antialias)

    def window(self, transformation: Transformation, height: int, width: int) -> Window:
        """What is shown: the whole image, a part of it, or more."""
        if self.crop_to_aspect_ratio:
            return image.window_of_proportions(height, width, self.height, self.width)
        if self.pad_to_aspect_ratio:
            return image.frame_of_proportions(height, width, self.height, self.width)
        return 0, 0, height, width

    def move_boxes(self, boxes: Array, transformation: Transformation, height: int, width: int) -> Array:
        """The boxes in the window. Boxes of zeros or of -1, which fill up a batch, become zeros."""
        padding = jnp.all(boxes == 0, -1) | jnp.all(boxes == -1, -1)
        return jnp.where(padding[..., None], 0, super().move_boxes(boxes, transformation, height, width))
