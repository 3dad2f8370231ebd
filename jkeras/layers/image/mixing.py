"""Images mixed with other images of their batch, and their labels in the same shares.

A network that is asked for "0.7 cat, 0.3 dog" learns to be less certain between the classes. The partner of each image is another
one of the batch, by a permutation; a single image has none and stays as it is.
"""

from __future__ import annotations

from typing import Unpack

import jax
import jax.numpy as jnp

from jkeras._base.dtypes import is_float
from jkeras._base.errors import describe
from jkeras._base.registry import export
from jkeras._base.types import Array, Tree
from jkeras.layers.image.base import BoxArguments, RandomImageLayer, Transformation
from jkeras.layers.image.factors import Factor, uniform, upwards
from jkeras.nn import image

_LABELS = """{layer}: {cls} mixes labels as it mixes images, so they are numbers per class: keras.utils.to_categorical(labels).
Received: {labels}."""


class _Mixing(RandomImageLayer):
    """What both layers share: labels follow `mix_weight`, the share that an image keeps of itself."""

    def transform_labels(self, labels: Tree, transformation: Transformation = None, training: bool = True) -> Tree:
        """The labels in the shares of the images.

        Raises:
            ValueError: the labels are one integer per image.
        """
        labels, alone = jnp.asarray(labels), self._leaves_alone(transformation, training)
        one_number = labels.ndim < 2 and not is_float(labels.dtype)
        if one_number and not alone:
            raise ValueError(_LABELS.format(layer=self.name, cls=type(self).__name__, labels=describe(labels)))
        labels = labels if one_number or is_float(labels.dtype) else labels.astype("float32")  # in training and elsewhere
        return labels if alone else _mixed(labels, transformation, labels.ndim)


def _mixed(values: Array, transformation: Transformation, rank: int) -> Array:
    """`w * values + (1 - w) * values of the partners`, for values of a rank."""
    weight = jnp.asarray(transformation["mix_weight"], values.dtype).reshape(-1, *(1,) * (rank - 1))
    return weight * values + (1 - weight) * _partners(values, transformation)


def _partners(values: Array, transformation: Transformation) -> Array:
    return jnp.take(values, jnp.asarray(transformation["permutation_order"]), axis=0)


@export("keras.layers.MixUp")
class MixUp(_Mixing):
    """Mix each image with another one of the batch in training: `w * x + (1 - w) * x'`, and labels and masks likewise.

    Args:
        alpha: the weights are drawn from Beta(alpha, alpha): near 0 or 1 for small numbers, equally likely everywhere for 1.
        data_format: `"channels_last"` or `"channels_first"`; default the configured one.
        seed: an integer that is mixed into the key of every draw.
        kwargs: as every layer, and `bounding_box_format`.

    Call:
        data: as `ImageLayer`, with labels `(batch, classes)`. An image gets the boxes of both images, `(batch, 2 * boxes, 4)`.

    Example:
        >>> import numpy as np
        >>> data = {"images": np.ones((4, 2, 2, 1), np.float32), "labels": np.eye(4, dtype=np.float32)}
        >>> MixUp()(data, training=True)["labels"].sum(1).round(3).tolist()
        [1.0, 1.0, 1.0, 1.0]

    Source: Hongyi Zhang et al., "mixup: Beyond Empirical Risk Minimization", 2017.
    """

    def __init__(
        self, alpha: float = 0.2, data_format: str | None = None, seed: int | None = None, **kwargs: Unpack[BoxArguments]
    ):
        super().__init__(seed, data_format, **kwargs)
        if not alpha > 0:
            raise ValueError(f"MixUp takes a number above 0 as alpha. Received: alpha={alpha!r}.")
        self.alpha = alpha

    def draw(self, rng: Array, shape: tuple[int, ...]) -> Transformation:
        """The share and the partner of each image, `(batch,)`."""
        share, order = jax.random.split(rng)
        return {
            "mix_weight": jax.random.beta(share, self.alpha, self.alpha, shape[:1]),
            "permutation_order": jax.random.permutation(order, jnp.arange(shape[0])),
        }

    def augment(self, images: Array, transformation: Transformation) -> Array:
        """The mixed images."""
        return _mixed(images, transformation, 4)

    def transform_segmentation_masks(
        self, segmentation_masks: Tree, transformation: Transformation = None, training: bool = True
    ) -> Tree:
        """The masks in the shares of the images; they are numbers per class."""
        masks = jnp.asarray(segmentation_masks, self.compute_dtype)
        return masks if self._leaves_alone(transformation, training) else _mixed(masks, transformation, 4)

    def transform_bounding_boxes(
        self, bounding_boxes: Tree, transformation: Transformation = None, training: bool = True
    ) -> Tree:
        """The boxes of both images, one after the other."""
        if self._leaves_alone(transformation, training):
            return bounding_boxes
        parts = {name: jnp.asarray(bounding_boxes[name]) for name in ("boxes", "labels")}
        both = {name: jnp.concatenate([part, _partners(part, transformation)], 1) for name, part in parts.items()}
        return {**bounding_boxes, **both}


@export("keras.layers.CutMix")
class CutMix(_Mixing):
    """Put a rectangle of another image of the batch into each image in training, and mix the labels by the areas.

    Args:
        factor: the share that remains of an image is drawn from Beta(a, a), with a drawn from this range: a number f for [0, f],
            or a pair, all in [0, 1].
        seed: an integer that is mixed into the key of every draw.
        data_format: `"channels_last"` or `"channels_first"`; default the configured one.
        kwargs: as every layer, and `bounding_box_format`.

    Call:
        data: as `ImageLayer`, with labels `(batch, classes)`. Bounding boxes are an error: they would be cut in pieces.

    Example:
        >>> import numpy as np
        >>> data = {"images": np.ones((4, 2, 2, 1), np.float32), "labels": np.eye(4, dtype=np.float32)}
        >>> CutMix()(data, training=True)["labels"].sum(1).round(3).tolist()
        [1.0, 1.0, 1.0, 1.0]

    Source: Sangdoo Yun et al., "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features", 2019.
    """

    def __init__(
        self, factor: Factor = 1.0, seed: int | None = None, data_format: str | None = None, **kwargs: Unpack[BoxArguments]
    ):
        super().__init__(seed, data_format, **kwargs)
        self.factor = upwards(self, "factor", factor)

    def draw(self, rng: Array, shape: tuple[int, ...]) -> Transformation:
        """The rectangle of each image as a mask, the share outside of it `(batch, 1, 1, 1)`, and the partners."""
        concentration, share, place, order = jax.random.split(rng, 4)
        batch, height, width, _ = shape
        alpha = uniform(concentration, (), self.factor) + 1e-6
        side = jnp.sqrt(1 - jax.random.beta(share, alpha, alpha, (batch,)))
        tall, wide = side * height, side * width
        top, left = uniform(place, (2, batch), (0, 1)) * jnp.stack([height - tall, width - wide])
        masks = image.boxes(top, left, tall, wide, height, width)
        return {
            "permutation_order": jax.random.permutation(order, jnp.arange(batch)),
            "batch_masks": self._from_last(masks),
            "mix_weight": 1 - jnp.mean(masks, (1, 2, 3), keepdims=True, dtype="float32"),
        }

    def augment(self, images: Array, transformation: Transformation) -> Array:
        """Each image with a rectangle of its partner."""
        return jnp.where(self._to_last(transformation["batch_masks"]), _partners(images, transformation), images)

    def transform_segmentation_masks(
        self, segmentation_masks: Tree, transformation: Transformation = None, training: bool = True
    ) -> Tree:
        """The masks with the rectangles of their partners' masks."""
        if self._leaves_alone(transformation, training):
            return segmentation_masks
        return self._on_images(lambda x: self.augment(x, transformation), jnp.asarray(segmentation_masks))

    def transform_bounding_boxes(
        self, bounding_boxes: Tree, transformation: Transformation = None, training: bool = True
    ) -> Tree:
        """NotImplementedError."""
        raise NotImplementedError(f"{self.name}: CutMix has no rule for bounding boxes, which it would cut in pieces. See MixUp.")
