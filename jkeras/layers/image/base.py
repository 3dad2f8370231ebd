"""What image layers share: a draw, what it does to each part of the data, layouts, and single images.

An image layer is two small pure steps. `get_random_transformation` says what happens to each image of a batch: a dict of arrays,
under Keras' names, the angles of a rotation for example. `transform_images`, `transform_labels`, `transform_bounding_boxes` and
`transform_segmentation_masks` do that to the parts of the data, so an image and the boxes in it move together. A call is one draw
and a transformation of every part.

    get_random_transformation  ->  draw(rng, shape)                 what a random layer defines
    transform_images           ->  augment(images, transformation)  what every layer defines

`augment` sees images `(batch, height, width, channels)` in the compute dtype, whatever the layout of the layer. A layer that only
changes colours is done with that. One that moves pixels extends `MovesPixels` (`image_moving.py`).

Augmentation runs inside the compiled training step, on the device. `fit` trains and so augments, `evaluate` and `predict` do not;
a bare call `layer(images)` does, because in Keras the default of these layers is `training=True`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, Unpack

import jax
import jax.numpy as jnp

from jkeras._base.config import standardize_data_format
from jkeras._base.errors import describe
from jkeras._base.types import Array, Tree, Weights
from jkeras.layer.base import BaseArguments, Layer
from jkeras.nn import image
from jkeras.state import random
from jkeras.state.seed_generator import key_of

Transformation: TypeAlias = Any  # a dict of arrays under Keras' names, None where nothing happens

# The parts of data in a dict, and what the methods for one example call them.
_PARTS = {"images": "image", "bounding_boxes": "bounding_box", "labels": "label", "segmentation_masks": "segmentation_mask"}


class ImageArguments(BaseArguments, total=False):
    """What image layers take whose signature does not show these; see `ImageLayer`."""

    data_format: str | None
    bounding_box_format: str | None


class BoxArguments(BaseArguments, total=False):
    """The same for signatures that show `data_format`."""

    bounding_box_format: str | None


class ImageLayer(Layer):
    """A layer over images, or over a dict of images and what belongs to them.

    Args:
        data_format: `"channels_last"` or `"channels_first"`; default the configured one.
        bounding_box_format: of the boxes in dicts, such as `"xyxy"` or `"rel_xywh"`; `convert_format` lists them.
        kwargs: as every layer.

    Call:
        data: images `(batch, height, width, channels)`, or one image; or a dict with `"images"` and any of

            labels: one per image, first axis `batch`.
            bounding_boxes: a dict of `"boxes"`, `(batch, boxes, 4)`, which become float32, and `"labels"`, `(batch, boxes)`. A
                box that ends up without area gets the label -1.
            segmentation_masks: `(batch, height, width, classes)`.

        For one image the parts have no batch axis either. Returns the same structure; further entries stay as they are.
    """

    only_in_training = False

    def __init__(self, data_format: str | None = None, bounding_box_format: str | None = None, **kwargs: Unpack[BaseArguments]):
        super().__init__(**kwargs)
        self.data_format, self.bounding_box_format = standardize_data_format(data_format), bounding_box_format

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments in Keras' JSON shape, the layout among them."""
        return {**super().get_config(), "data_format": self.data_format}

    def _casts_inputs(self) -> bool:
        return False  # boxes and labels keep their dtype; `transform_images` casts the images

    # one call -------------------------------------------------------------------------------------------------------

    def forward(self, w: Weights, data: Tree, *, training: bool = True) -> Tree:
        """The data, transformed."""
        return self._transformed(data, training, None)

    def _transformed(self, data: Tree, training: bool, rng: Array | None) -> Tree:
        images = _images_of(self, data)
        done = {
            "transformation": self.get_random_transformation(data, training=training, seed=rng),
            "training": training,
        }
        transform = self._methods(single=images.ndim == 3)
        if not isinstance(data, Mapping):
            return transform["images"](data, **done)
        if "bounding_boxes" in data:
            self._check_boxes(data["bounding_boxes"])
            boxes = jnp.asarray(data["bounding_boxes"]["boxes"], "float32")  # in training and elsewhere, as in Keras
            data = {**data, "bounding_boxes": {**data["bounding_boxes"], "boxes": boxes}}
        return {part: transform[part](value, **done) if part in transform else value for part, value in data.items()}

    def _methods(self, single: bool) -> dict[str, Callable[..., Tree]]:
        names = {part: f"single_{one}" if single else part for part, one in _PARTS.items()}
        return {part: getattr(self, f"transform_{name}") for part, name in names.items()}

    def _format(self) -> str:
        """The format of bounding boxes.

        Raises:
            ValueError: none was given.
        """
        if not self.bounding_box_format:
            raise ValueError(
                f"{self.name}: the data have bounding boxes. Say what their numbers are: "
                f'{type(self).__name__}(..., bounding_box_format="xyxy").'
            )
        return self.bounding_box_format

    def _check_boxes(self, boxes: Tree) -> None:
        self._format()
        if not isinstance(boxes, Mapping) or not {"boxes", "labels"} <= boxes.keys():
            raise ValueError(
                f'{self.name}: bounding_boxes is a dict {{"boxes": (batch, boxes, 4), "labels": (batch, boxes)}}. '
                f"Received: {describe(boxes)}."
            )

    # what happens to the parts of the data; override what you like --------------------------------------------------

    def get_random_transformation(self, data: Tree, training: bool = True, seed: Any = None) -> Transformation:
        """What will happen to each image: a dict of arrays for the methods below; None where nothing will.

        Args:
            data: images or a dict, as for the call.
            training: whether to transform at all, in layers that do so in training alone.
            seed: an integer, a key or a `SeedGenerator`; None for the next draw of the layer.
        """
        if self.only_in_training and not training:
            return None
        return {"input_shape": tuple(_images_of(self, data).shape)}

    def transform_images(self, images: Tree, transformation: Transformation = None, training: bool = True) -> Array:
        """Images in the compute dtype, transformed."""
        images = jnp.asarray(images, self.compute_dtype)
        if self._leaves_alone(transformation, training):
            return images
        return self._on_images(lambda x: self.augment(x, transformation), images)

    def transform_labels(self, labels: Tree, transformation: Transformation = None, training: bool = True) -> Tree:
        """The labels of the images; most layers do not change them."""
        return labels

    def transform_bounding_boxes(
        self, bounding_boxes: Tree, transformation: Transformation = None, training: bool = True
    ) -> Tree:
        """The boxes in the transformed images; layers that only change colours leave them where they are."""
        return bounding_boxes

    def transform_segmentation_masks(
        self, segmentation_masks: Tree, transformation: Transformation = None, training: bool = True
    ) -> Tree:
        """The masks of the transformed images; layers that only change colours leave them as they are."""
        return segmentation_masks

    def transform_single_image(self, image: Tree, transformation: Transformation = None, training: bool = True) -> Tree:
        """One image, by `transform_images`."""
        return _single(self.transform_images, image, transformation, training)

    def transform_single_label(self, label: Tree, transformation: Transformation = None, training: bool = True) -> Tree:
        """The label of one image, by `transform_labels`."""
        return _single(self.transform_labels, label, transformation, training)

    def transform_single_bounding_box(
        self, bounding_box: Tree, transformation: Transformation = None, training: bool = True
    ) -> Tree:
        """The boxes of one image, by `transform_bounding_boxes`."""
        return _single(self.transform_bounding_boxes, bounding_box, transformation, training)

    def transform_single_segmentation_mask(
        self, segmentation_mask: Tree, transformation: Transformation = None, training: bool = True
    ) -> Tree:
        """The mask of one image, by `transform_segmentation_masks`."""
        return _single(self.transform_segmentation_masks, segmentation_mask, transformation, training)

    def augment(self, images: Array, transformation: Transformation) -> Array:
        """Changed images for images `(batch, height, width, channels)` in the compute dtype."""
        raise NotImplementedError(
            f"{type(self).__name__} must define `augment(self, images, transformation)` and return the changed images."
        )

    # layouts --------------------------------------------------------------------------------------------------------

    def _leaves_alone(self, transformation: Transformation, training: bool) -> bool:
        return self.only_in_training and not training

    def _on_images(self, function: Callable[[Array], Array], x: Array) -> Array:
        """Run a function of `(..., height, width, channels)` on images in the layer's own layout."""
        return image.in_layout(function, x, self.data_format, f"{self.name}: {type(self).__name__}")

    def _to_last(self, x: Tree) -> Array:
        """An array from a transformation, in the layer's layout, with the channels last."""
        x = jnp.asarray(x)
        return x if self.data_format == "channels_last" or x.ndim < 4 else jnp.moveaxis(x, 1, -1)

    def _from_last(self, x: Array) -> Array:
        return x if self.data_format == "channels_last" else jnp.moveaxis(x, -1, 1)

    def _shape_last(self, shape: Sequence[int]) -> tuple[int, ...]:
        """`(batch, height, width, channels)` for a shape of images, or of one, in the layer's layout."""
        batch, (a, b, c) = (1 if len(shape) == 3 else shape[0]), shape[-3:]
        return (batch, a, b, c) if self.data_format == "channels_last" else (batch, b, c, a)


class RandomImageLayer(ImageLayer):
    """A random change of each image in training; subclasses define `draw` and `augment`.

    Args:
        seed: an integer that is mixed into the key of every draw.
        data_format: as `ImageLayer`.
        kwargs: as every layer, and `bounding_box_format`.
    """

    only_in_training = True

    def __init__(self, seed: int | None = None, data_format: str | None = None, **kwargs: Unpack[BoxArguments]):
        super().__init__(data_format=data_format, **kwargs)
        self.seed = seed

    def forward(self, w: Weights, data: Tree, *, training: bool = True, rng: Array | None = None) -> Tree:
        """The data, transformed if `training`."""
        return self._transformed(data, training, rng)

    def get_random_transformation(self, data: Tree, training: bool = True, seed: Any = None) -> Transformation:
        """A draw for each image, a dict of arrays; None outside training."""
        known = super().get_random_transformation(data, training, seed)
        if known is None:
            return None
        return {**self.draw(self._key(seed), self._shape_last(known["input_shape"])), **known}

    def draw(self, rng: Array, shape: tuple[int, ...]) -> Transformation:
        """What happens to each image of a batch of shape `(batch, height, width, channels)`, as a dict of arrays."""
        raise NotImplementedError(f"{type(self).__name__} must define `draw(self, rng, shape)` and return a dict of arrays.")

    def _leaves_alone(self, transformation: Transformation, training: bool) -> bool:
        return transformation is None or super()._leaves_alone(transformation, training)

    def _key(self, seed: Any) -> Array:
        return random.draw_key(self, self.seed) if seed is None else key_of(seed)


def _images_of(layer: Layer, data: Tree) -> Array:
    """The images in the data.

    Raises:
        ValueError: there are none, or they have neither three axes nor four.
    """
    if isinstance(data, Mapping) and "images" not in data:
        raise ValueError(f'{layer.name}: a dict of data has "images". Received: {", ".join(map(repr, data)) or "an empty dict"}.')
    images = data["images"] if isinstance(data, Mapping) else data
    if getattr(images, "ndim", None) not in (3, 4):
        raise ValueError(
            f"{layer.name}: {type(layer).__name__} takes images (batch, height, width, channels) or one image. "
            f"Received: {describe(images)}."
        )
    return images


def _single(transform: Callable[..., Tree], one: Tree, transformation: Transformation, training: bool) -> Tree:
    """A method for batches on one example."""
    batch = jax.tree.map(lambda a: jnp.asarray(a)[None], one)
    return jax.tree.map(lambda a: a[0], transform(batch, transformation=transformation, training=training))
