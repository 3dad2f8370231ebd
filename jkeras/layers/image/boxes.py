"""A fixed number of bounding boxes per image, so that images with few and with many boxes fit into one batch."""

from __future__ import annotations

from typing import Unpack

import jax.numpy as jnp

from jkeras._base.registry import export
from jkeras._base.types import Array, Tree
from jkeras.layers.image.base import ImageArguments, ImageLayer, Transformation


@export("keras.layers.MaxNumBoundingBoxes")
class MaxNumBoundingBoxes(ImageLayer):
    """Keep the first boxes of each image, and fill up with boxes that stand for none.

    Args:
        max_number: of boxes per image.
        fill_value: the numbers and the label of boxes that fill up.
        kwargs: as every layer, `data_format` and `bounding_box_format`.

    Call:
        data: as `ImageLayer`. Boxes come back as `(batch, max_number, 4)`, their labels as `(batch, max_number)`.

    Example:
        >>> import numpy as np
        >>> boxes = {"boxes": np.ones((1, 1, 4), np.float32), "labels": np.array([[5]])}
        >>> layer = MaxNumBoundingBoxes(3, bounding_box_format="xyxy")
        >>> layer({"images": np.zeros((1, 8, 8, 3)), "bounding_boxes": boxes})["bounding_boxes"]["labels"].tolist()
        [[5, -1, -1]]
    """

    def __init__(self, max_number: int, fill_value: int = -1, **kwargs: Unpack[ImageArguments]):
        super().__init__(**kwargs)
        self.max_number, self.fill_value = int(max_number), int(fill_value)

    def augment(self, images: Array, transformation: Transformation) -> Array:
        """The images, unchanged."""
        return images

    def transform_bounding_boxes(
        self, bounding_boxes: Tree, transformation: Transformation = None, training: bool = True
    ) -> Tree:
        """The first boxes of each image, filled up."""
        return {**bounding_boxes, **{name: self._filled(bounding_boxes[name]) for name in ("boxes", "labels")}}

    def _filled(self, values: Tree) -> Array:
        values = jnp.asarray(values)[:, : self.max_number]
        margins = [(0, 0)] * values.ndim
        margins[1] = (0, self.max_number - values.shape[1])
        return jnp.pad(values, margins, constant_values=self.fill_value)
