"""Image layers made of others: all of them in turn, a few at random, or several random chains mixed into one image.

The layers inside work with the channels last, whatever the layout of the layer around them. Which of them runs is a number that
is drawn, so a compiled step contains them all, once, and runs one (`lax.switch`). Each run has a key, from which the layer draws
for the images, and again the same for the masks and boxes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Unpack

import jax
import jax.numpy as jnp
from jax import lax

from jkeras._base.registry import export
from jkeras._base.types import Array, Tree
from jkeras.layers.image.affine import RandomRotation, RandomShear, RandomTranslation
from jkeras.layers.image.base import BoxArguments, ImageLayer, RandomImageLayer, Transformation
from jkeras.layers.image.color import RandomBrightness, RandomContrast, RandomPosterization, Solarization
from jkeras.layers.image.factors import Factor, Range, checked_pair, upwards
from jkeras.layers.image.filters import RandomSharpness
from jkeras.layers.image.histogram import AutoContrast, Equalization
from jkeras.layers.image.hue import RandomColorDegeneration, RandomHue, RandomSaturation
from jkeras.state.scope import is_traced


class _Composed(RandomImageLayer):
    """A layer of image layers, which are attributes under Keras' names."""

    def _shared(self) -> dict[str, Any]:
        """The arguments of every layer inside."""
        return {"data_format": "channels_last", "bounding_box_format": self.bounding_box_format, "dtype": self.dtype_policy}

    def _run(self, layer: ImageLayer, part: str, value: Tree, key: Array, transformation: Transformation) -> Tree:
        """What a layer inside makes of a part of the data, with the channels last, for a key."""
        images = jax.ShapeDtypeStruct(self._shape_last(transformation["input_shape"]), self.compute_dtype)
        drawn = layer.get_random_transformation(images, training=True, seed=key)
        return getattr(layer, f"transform_{part}")(value, drawn, training=True)

    def _run_one(self, part: str, value: Tree, index: Array, key: Array, transformation: Transformation) -> Tree:
        """What the layer of a number makes of it; one number more than there are layers stands for nothing."""

        def branch(layer: ImageLayer) -> Callable[[Tree, Array], Tree]:
            return lambda value, key: self._run(layer, part, value, key, transformation)

        branches = [*map(branch, self._choice()), lambda value, key: value]
        return lax.switch(index, branches, value, key) if is_traced(index) else branches[int(index)](value, key)

    def _choice(self) -> list[ImageLayer]:
        """The layers that may run."""
        raise NotImplementedError(f"{type(self).__name__} must define `_choice` and return a list of layers.")


def _repeated(step: Callable[..., Tree], value: Tree, *each: Array) -> Tree:
    """`step` over the first axis of arrays, from a first value; in a program a loop, so that it holds the step once."""
    if is_traced(each[0]):
        return lax.scan(lambda carried, now: (step(carried, *now), None), value, each)[0]
    for now in zip(*each):
        value = step(value, *now)
    return value


@export("keras.layers.RandomColorJitter")
class RandomColorJitter(_Composed):
    """Change brightness, contrast, saturation and hue of each image at random in training, in this order.

    Args:
        value_range: `(low, high)`, the range of pixel values.
        brightness_factor: as `RandomBrightness`; None for no change, and so for the others.
        contrast_factor: as `RandomContrast`.
        saturation_factor: as `RandomSaturation`.
        hue_factor: as `RandomHue`.
        seed: an integer that is mixed into the key of every draw.
        data_format: `"channels_last"` or `"channels_first"`; default the configured one.
        kwargs: as every layer, and `bounding_box_format`.

    Call:
        data: as `ImageLayer`, with three channels.

    Example:
        >>> import numpy as np
        >>> RandomColorJitter(brightness_factor=(1, 1))(np.zeros((1, 1, 1, 3), np.uint8), training=True).ravel().tolist()
        [255.0, 255.0, 255.0]
    """

    def __init__(
        self,
        value_range: Sequence[float] = (0, 255),
        brightness_factor: Factor | None = None,
        contrast_factor: Factor | None = None,
        saturation_factor: Factor | None = None,
        hue_factor: Factor | None = None,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[BoxArguments],
    ):
        super().__init__(seed, data_format, **kwargs)
        self.value_range = checked_pair(self, "value_range", value_range)
        self.brightness_factor, self.contrast_factor = brightness_factor, contrast_factor
        self.saturation_factor, self.hue_factor = saturation_factor, hue_factor
        here = {**self._shared(), "value_range": self.value_range}
        self.random_brightness = None if brightness_factor is None else RandomBrightness(brightness_factor, **here)
        self.random_contrast = None if contrast_factor is None else RandomContrast(contrast_factor, **here)
        self.random_saturation = None if saturation_factor is None else RandomSaturation(saturation_factor, **here)
        self.random_hue = None if hue_factor is None else RandomHue(hue_factor, **here)

    def _choice(self) -> list[ImageLayer]:
        layers = self.random_brightness, self.random_contrast, self.random_saturation, self.random_hue
        return [layer for layer in layers if layer is not None]

    def draw(self, rng: Array, shape: tuple[int, ...]) -> Transformation:
        """The keys of the changes. A single change takes the key of the layer, and so draws what its own layer would."""
        return {"keys": [jax.random.fold_in(rng, i) if i else rng for i in range(len(self._choice()))]}

    def augment(self, images: Array, transformation: Transformation) -> Array:
        """The images with other colours."""
        for layer, key in zip(self._choice(), transformation["keys"]):
            images = self._run(layer, "images", images, key, transformation)
        return images


class _Policy(_Composed):
    """A layer that chooses among the eleven changes of AutoAugment and its successors."""

    def _make_choice(self, factor: Range, value_range: Range, interpolation: str) -> None:
        """The eleven layers, all with one strength."""
        here, place = {**self._shared(), "value_range": value_range}, {**self._shared(), "interpolation": interpolation}
        self.random_shear = RandomShear(factor, factor, **place)
        self.random_translation = RandomTranslation(factor, factor, **place)
        self.random_rotation = RandomRotation(factor, **place)
        self.random_posterization = RandomPosterization(max(1, int(8 * factor[1])), **here)
        self.solarization = Solarization(factor, factor, **here)
        self.auto_contrast = AutoContrast(**here)
        self.equalization = Equalization(**here)
        self.random_brightness = RandomBrightness(factor, **here)
        self.random_color_degeneration = RandomColorDegeneration(factor, **here)
        self.random_contrast = RandomContrast(factor, **here)
        self.random_sharpness = RandomSharpness(factor, **here)


@export("keras.layers.RandAugment")
class RandAugment(_Policy):
    """Some of eleven changes in training, chosen at random for the batch, each with a strength of its own for every image.

    Shear, translation, rotation, brightness, contrast, sharpness, less colour, fewer tones, solarization, auto-contrast and
    equalization.

    Args:
        value_range: `(low, high)`, the range of pixel values.
        num_ops: how many of them happen, one after the other.
        factor: how strong they are: a number f for [0, f], or a pair, all in [0, 1].
        interpolation: `"bilinear"` or `"nearest"`.
        seed: an integer that is mixed into the key of every draw.
        data_format: `"channels_last"` or `"channels_first"`; default the configured one.
        kwargs: as every layer, and `bounding_box_format`.

    Call:
        data: as `ImageLayer`, with three channels.

    Example:
        >>> import numpy as np
        >>> RandAugment()(np.zeros((2, 8, 8, 3), np.uint8), training=True).shape
        (2, 8, 8, 3)

    Source: Ekin Cubuk et al., "RandAugment: Practical automated data augmentation with a reduced search space", 2019.
    """

    def __init__(
        self,
        value_range: Sequence[float] = (0, 255),
        num_ops: int = 2,
        factor: Factor = 0.5,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[BoxArguments],
    ):
        super().__init__(seed, data_format, **kwargs)
        self.value_range, self.num_ops = checked_pair(self, "value_range", value_range), num_ops
        self.factor, self.interpolation = upwards(self, "factor", factor), interpolation
        self._make_choice(self.factor, self.value_range, interpolation)

    def _choice(self) -> list[ImageLayer]:
        return [
            self.random_shear,
            self.random_translation,
            self.random_rotation,
            self.random_brightness,
            self.random_color_degeneration,
            self.random_contrast,
            self.random_sharpness,
            self.random_posterization,
            self.solarization,
            self.auto_contrast,
            self.equalization,
        ]

    def draw(self, rng: Array, shape: tuple[int, ...]) -> Transformation:
        """Which changes happen, `(num_ops,)`, and their keys."""
        choice, keys = jax.random.split(rng)
        indices = jax.random.randint(choice, (self.num_ops,), 0, len(self._choice()))
        return {"layer_idxes": indices, "keys": jax.random.split(keys, self.num_ops)}

    def augment(self, images: Array, transformation: Transformation) -> Array:
        """The images after the changes."""
        return self._after_all("images", images, transformation)

    def transform_bounding_boxes(
        self, bounding_boxes: Tree, transformation: Transformation = None, training: bool = True
    ) -> Tree:
        """The boxes after the changes."""
        if self._leaves_alone(transformation, training):
            return bounding_boxes
        boxes = {"boxes": jnp.asarray(bounding_boxes["boxes"], "float32"), "labels": jnp.asarray(bounding_boxes["labels"])}
        return {**bounding_boxes, **self._after_all("bounding_boxes", boxes, transformation)}

    def transform_segmentation_masks(
        self, segmentation_masks: Tree, transformation: Transformation = None, training: bool = True
    ) -> Tree:
        """The masks after the changes."""
        if self._leaves_alone(transformation, training):
            return segmentation_masks
        masks = jnp.asarray(segmentation_masks)
        return self._on_images(lambda x: self._after_all("segmentation_masks", x, transformation), masks)

    def _after_all(self, part: str, value: Tree, transformation: Transformation) -> Tree:
        def change(value: Tree, index: Array, key: Array) -> Tree:
            return self._run_one(part, value, index, key, transformation)

        return _repeated(change, value, transformation["layer_idxes"], transformation["keys"])


@export("keras.layers.AugMix")
class AugMix(_Policy):
    """Several chains of random changes in training, mixed with each other and with the image.

        y = clip(w * x + (1 - w) * sum_i m_i * chain_i(x), *value_range)

    with w drawn from Beta(alpha, alpha) and the m_i from Dirichlet(alpha). The chains are chosen for the batch; each change has a
    strength of its own for every image.

    Args:
        value_range: `(low, high)`, the range of pixel values.
        num_chains: number of chains.
        chain_depth: how many changes a chain has at most; each is one of those of `RandAugment`, or none.
        factor: how strong they are: a number f for [0, f], or a pair, all in [0, 1].
        alpha: of both distributions.
        all_ops: whether brightness, contrast, sharpness and less colour are among the changes.
        interpolation: `"bilinear"` or `"nearest"`.
        seed: an integer that is mixed into the key of every draw.
        data_format: `"channels_last"` or `"channels_first"`; default the configured one.
        kwargs: as every layer, and `bounding_box_format`.

    Call:
        data: as `ImageLayer`, with three channels. Labels and boxes stay as they are; masks are mixed like images, so they are
            numbers per class.

    Example:
        >>> import numpy as np
        >>> AugMix()(np.zeros((2, 8, 8, 3), np.uint8), training=True).shape
        (2, 8, 8, 3)

    Source: Dan Hendrycks et al., "AugMix: A Simple Data Processing Method to Improve Robustness and Uncertainty", 2019.
    """

    def __init__(
        self,
        value_range: Sequence[float] = (0, 255),
        num_chains: int = 3,
        chain_depth: int = 3,
        factor: Factor = 0.3,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[BoxArguments],
    ):
        super().__init__(seed, data_format, **kwargs)
        self.value_range, self.factor = checked_pair(self, "value_range", value_range), upwards(self, "factor", factor)
        self.num_chains, self.chain_depth, self.alpha = num_chains, chain_depth, alpha
        self.all_ops, self.interpolation = all_ops, interpolation
        self._make_choice(self.factor, self.value_range, interpolation)

    def _choice(self) -> list[ImageLayer]:
        kinds = [
            self.random_shear,
            self.random_translation,
            self.random_rotation,
            self.random_posterization,
            self.solarization,
            self.auto_contrast,
            self.equalization,
        ]
        more = [self.random_brightness, self.random_color_degeneration, self.random_contrast, self.random_sharpness]
        return kinds + (more if self.all_ops else [])

    def draw(self, rng: Array, shape: tuple[int, ...]) -> Transformation:
        """The shares of the chains and of the image, and the changes of each chain, `(chains, depth)`, with their keys."""
        shares, share, choice, keys = jax.random.split(rng, 4)
        size = (self.num_chains, self.chain_depth)
        return {
            "chain_mixing_weights": jax.random.dirichlet(shares, jnp.full(self.num_chains, float(self.alpha))),
            "weight_sample": jax.random.beta(share, self.alpha, self.alpha),
            "layer_idxes": jax.random.randint(choice, size, 0, len(self._choice()) + 1),
            "keys": jax.random.split(keys, size),
        }

    def augment(self, images: Array, transformation: Transformation) -> Array:
        """The mixed images."""
        return jnp.clip(self._mixed("images", images, transformation), *self.value_range)

    def transform_segmentation_masks(
        self, segmentation_masks: Tree, transformation: Transformation = None, training: bool = True
    ) -> Tree:
        """The masks, mixed like the images."""
        masks = jnp.asarray(segmentation_masks, self.compute_dtype)
        if self._leaves_alone(transformation, training):
            return masks
        return self._on_images(lambda x: self._mixed("segmentation_masks", x, transformation), masks)

    def _mixed(self, part: str, value: Array, transformation: Transformation) -> Array:
        def change(changed: Array, index: Array, key: Array) -> Array:
            return self._run_one(part, changed, index, key, transformation)

        def add_chain(total: Array, weight: Array, indices: Array, keys: Array) -> Array:
            return total + weight * _repeated(change, value, indices, keys)

        weights = jnp.asarray(transformation["chain_mixing_weights"], value.dtype)
        chains = _repeated(add_chain, jnp.zeros_like(value), weights, transformation["layer_idxes"], transformation["keys"])
        kept = jnp.asarray(transformation["weight_sample"], value.dtype)
        return kept * value + (1 - kept) * chains
