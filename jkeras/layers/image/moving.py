"""What layers share that move pixels: boxes and masks move with them.

move(images, transformation, interpolation)     the images; masks move by "nearest", which keeps their values
move_boxes(boxes, transformation, height, width)     boxes (left, top, right, bottom) in pixels
"""

from __future__ import annotations

import jax.numpy as jnp

from jkeras._base.types import Array, Tree
from jkeras.layers.image.base import ImageLayer, Transformation
from jkeras.nn import bounding_boxes as maths
from jkeras.nn import moved_boxes

Window = tuple[Array | int, Array | int, Array | int, Array | int]


class MovesPixels(ImageLayer):
    """A layer that moves pixels; subclasses define `move` and `move_boxes`."""

    interpolation = "bilinear"

    def augment(self, images: Array, transformation: Transformation) -> Array:
        """The images, moved."""
        if images.ndim == 3:
            return self.move(images[None], transformation, self.interpolation)[0]
        return self.move(images, transformation, self.interpolation)

    def move(self, images: Array, transformation: Transformation, interpolation: str) -> Array:
        """Moved images for images `(batch, height, width, channels)`."""
        raise NotImplementedError(
            f"{type(self).__name__} must define `move(self, images, transformation, interpolation)` and return the moved images."
        )

    def move_boxes(self, boxes: Array, transformation: Transformation, height: int, width: int) -> Array:
        """Moved boxes for boxes `(batch, boxes, 4)`, as left, top, right and bottom in pixels, in images of this size."""
        raise NotImplementedError(
            f"{type(self).__name__} must define `move_boxes(self, boxes, transformation, height, width)` and return boxes."
        )

    def size_after(self, height: int, width: int) -> tuple[int, int]:
        """The size of the moved images."""
        return height, width

    def transform_segmentation_masks(
        self, segmentation_masks: Tree, transformation: Transformation = None, training: bool = True
    ) -> Tree:
        """The masks, moved like the images; each pixel keeps one of the values there are."""
        if self._leaves_alone(transformation, training):
            return segmentation_masks
        return self._on_images(lambda x: self.move(x, transformation, "nearest"), jnp.asarray(segmentation_masks))

    def transform_bounding_boxes(
        self, bounding_boxes: Tree, transformation: Transformation = None, training: bool = True
    ) -> Tree:
        """The boxes, moved like the images and cut at their edges; the label of a box without area becomes -1."""
        if self._leaves_alone(transformation, training):
            return bounding_boxes
        boxes, labels = jnp.asarray(bounding_boxes["boxes"], "float32"), jnp.asarray(bounding_boxes["labels"])
        _, height, width, _ = self._shape_last(transformation["input_shape"])
        boxes = maths.convert_format(boxes, self._format(), "xyxy", height, width)
        single = boxes.ndim == 2
        moved = self.move_boxes(boxes[None] if single else boxes, transformation, height, width)
        moved = maths.clip(moved[0] if single else moved, *self.size_after(height, width))
        labels = jnp.where(_beside(maths.areas(moved) > 0, labels), labels, -1)
        boxes = maths.convert_format(moved, "xyxy", self._format(), *self.size_after(height, width))
        return {**bounding_boxes, "boxes": boxes, "labels": labels}


def _beside(visible: Array, labels: Array) -> Array:
    """A flag per box in a shape that broadcasts against labels, which may be vectors."""
    if labels.shape[: visible.ndim] != visible.shape:
        return visible
    return visible.reshape(*visible.shape, *(1,) * (labels.ndim - visible.ndim))


class FixesSize(MovesPixels):
    """A layer that shows a window of each image, which may be the whole one, at a fixed size."""

    height: int
    width: int

    def size_after(self, height: int, width: int) -> tuple[int, int]:
        """The size of the layer's output."""
        return self.height, self.width

    def window(self, transformation: Transformation, height: int, width: int) -> Window:
        """`(top, left, tall, wide)` of what is shown of images of this size."""
        raise NotImplementedError(f"{type(self).__name__} must define `window(self, transformation, height, width)`.")

    def move_boxes(self, boxes: Array, transformation: Transformation, height: int, width: int) -> Array:
        """The boxes in the window."""
        return moved_boxes.show_window(boxes, *self.window(transformation, height, width), self.height, self.width)
