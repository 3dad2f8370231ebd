"""`ImageDataGenerator`: random changes and scaling of images, as in Keras 2."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np
from jax.typing import DTypeLike

from jkeras._base import config
from jkeras._base.atomic import FilePath
from jkeras._base.config import standardize_data_format
from jkeras._base.errors import describe, unknown_name
from jkeras._base.registry import export
from jkeras._base.types import Tree
from jkeras.preprocessing.image.file_iterators import DataFrameIterator, DirectoryIterator
from jkeras.preprocessing.image.iterators import NumpyArrayIterator
from jkeras.preprocessing.image.transforms import (
    apply_affine_transform,
    apply_brightness_shift,
    apply_channel_shift,
    flip_axis,
)
from jkeras.state.random import next_seed

if TYPE_CHECKING:
    from pandas import DataFrame

_NOT_FITTED = """ImageDataGenerator({argument}=True) needs the statistics of the data, but has none yet: call
generator.fit(images) first. The images stay unchanged."""


@export("keras.preprocessing.image.ImageDataGenerator")
class ImageDataGenerator:
    """Batches of images with random changes.

    Args:
        featurewise_center, featurewise_std_normalization: subtract the data's mean of each channel, divide by its deviation.
        samplewise_center, samplewise_std_normalization: the same with each image's own mean and deviation.
        zca_whitening, zca_epsilon: remove correlations between pixels.
        rotation_range: degrees.
        width_shift_range, height_shift_range: below 1, fractions of the size; else pixels, or a list of pixels to choose from.
        brightness_range: two factors.
        shear_range: degrees.
        zoom_range: a fraction z, for factors from 1 - z to 1 + z, or two factors.
        channel_shift_range: the most to add to all channels.
        fill_mode, cval: what lies outside a moved image.
        horizontal_flip, vertical_flip: whether to flip images half of the time.
        rescale: a factor, applied after the changes.
        preprocessing_function: a function of an image, applied after the changes.
        data_format: where the channels are; by default the global setting.
        validation_split: the fraction for `subset="validation"`.
        interpolation_order: of moved images, 0 to 5.
        dtype: of the batches, by default `floatx()`.

    Raises:
        ValueError: a range has another form.

    Example:
        >>> images = np.arange(2 * 3 * 3).reshape(2, 3, 3, 1)
        >>> flow = ImageDataGenerator(horizontal_flip=True, rescale=1 / 10).flow(images, [0, 1], batch_size=2, seed=1)
        >>> x, y = next(flow)
        >>> x.shape, round(float(x.max()), 2)
        ((2, 3, 3, 1), 1.7)
    """

    def __init__(
        self,
        featurewise_center: bool = False,
        samplewise_center: bool = False,
        featurewise_std_normalization: bool = False,
        samplewise_std_normalization: bool = False,
        zca_whitening: bool = False,
        zca_epsilon: float = 1e-6,
        rotation_range: float = 0,
        width_shift_range: float | Sequence[float] = 0.0,
        height_shift_range: float | Sequence[float] = 0.0,
        brightness_range: Sequence[float] | None = None,
        shear_range: float = 0.0,
        zoom_range: float | Sequence[float] = 0.0,
        channel_shift_range: float = 0.0,
        fill_mode: str = "nearest",
        cval: float = 0.0,
        horizontal_flip: bool = False,
        vertical_flip: bool = False,
        rescale: float | None = None,
        preprocessing_function: Callable[[np.ndarray], np.ndarray] | None = None,
        data_format: str | None = None,
        validation_split: float = 0.0,
        interpolation_order: int = 1,
        dtype: DTypeLike | None = None,
    ):
        if fill_mode not in ("constant", "nearest", "reflect", "wrap"):
            raise unknown_name("fill_mode", fill_mode, ("constant", "nearest", "reflect", "wrap"))
        if validation_split and not 0 < validation_split < 1:
            raise ValueError(f"validation_split must be a fraction between 0 and 1. Received: {validation_split!r}.")
        # Whitening needs centred data, and a standard deviation is measured from the mean.
        self.featurewise_center = featurewise_center or zca_whitening or featurewise_std_normalization
        self.featurewise_std_normalization = featurewise_std_normalization and not zca_whitening
        self.samplewise_center = samplewise_center or samplewise_std_normalization
        self.samplewise_std_normalization = samplewise_std_normalization
        self.zca_whitening, self.zca_epsilon = zca_whitening, zca_epsilon
        self.rotation_range, self.shear_range, self.channel_shift_range = rotation_range, shear_range, channel_shift_range
        self.width_shift_range, self.height_shift_range = width_shift_range, height_shift_range
        self.brightness_range = None if brightness_range is None else _pair("brightness_range", brightness_range)
        if isinstance(zoom_range, (int, float)):
            self.zoom_range = (1 - zoom_range, 1 + zoom_range)
        else:
            self.zoom_range = _pair("zoom_range", zoom_range)
        self.fill_mode, self.cval, self.interpolation_order = fill_mode, cval, interpolation_order
        self.horizontal_flip, self.vertical_flip = horizontal_flip, vertical_flip
        self.rescale, self.preprocessing_function = rescale, preprocessing_function
        self.data_format, self.dtype = standardize_data_format(data_format), dtype or config.floatx()
        self.channel_axis, self.row_axis, self.col_axis = (3, 1, 2) if self.data_format == "channels_last" else (1, 2, 3)
        self.validation_split = validation_split
        self.mean: np.ndarray | None = None
        self.std: np.ndarray | None = None
        self.zca_whitening_matrix: np.ndarray | None = None

    # batches --------------------------------------------------------------------------------------------------------

    def flow(self, x: Tree, y: Tree = None, batch_size: int = 32, shuffle: bool = True, sample_weight: Tree = None,
             seed: int | None = None, save_to_dir: FilePath | None = None, save_prefix: str = "", save_format: str = "png",
             ignore_class_split: bool = False, subset: str | None = None) -> NumpyArrayIterator:  # fmt: skip
        """Batches of arrays; arguments as for `NumpyArrayIterator`."""
        return NumpyArrayIterator(
            x, y, self, batch_size=batch_size, shuffle=shuffle, sample_weight=sample_weight, seed=seed,
            data_format=self.data_format, save_to_dir=save_to_dir, save_prefix=save_prefix, save_format=save_format,
            ignore_class_split=ignore_class_split, subset=subset, dtype=self.dtype,
        )  # fmt: skip

    def flow_from_directory(self, directory: FilePath, target_size: tuple[int, int] = (256, 256), color_mode: str = "rgb",
                            classes: Iterable[str] | None = None, class_mode: str | None = "categorical", batch_size: int = 32,
                            shuffle: bool = True, seed: int | None = None, save_to_dir: FilePath | None = None,
                            save_prefix: str = "", save_format: str = "png", follow_links: bool = False,
                            subset: str | None = None, interpolation: str = "nearest",
                            keep_aspect_ratio: bool = False) -> DirectoryIterator:  # fmt: skip
        """Batches of the images in a folder with a subfolder for each class; arguments as for `DirectoryIterator`."""
        return DirectoryIterator(
            directory, self, target_size=target_size, color_mode=color_mode, classes=classes, class_mode=class_mode,
            data_format=self.data_format, batch_size=batch_size, shuffle=shuffle, seed=seed, save_to_dir=save_to_dir,
            save_prefix=save_prefix, save_format=save_format, follow_links=follow_links, subset=subset,
            interpolation=interpolation, keep_aspect_ratio=keep_aspect_ratio, dtype=self.dtype,
        )  # fmt: skip

    def flow_from_dataframe(self, dataframe: DataFrame, directory: FilePath | None = None, x_col: str = "filename",
                            y_col: str | Sequence[str] = "class", weight_col: str | None = None,
                            target_size: tuple[int, int] = (256, 256), color_mode: str = "rgb",
                            classes: Iterable[str] | None = None, class_mode: str | None = "categorical", batch_size: int = 32,
                            shuffle: bool = True, seed: int | None = None, save_to_dir: FilePath | None = None,
                            save_prefix: str = "", save_format: str = "png", subset: str | None = None,
                            interpolation: str = "nearest", validate_filenames: bool = True) -> DataFrameIterator:  # fmt: skip
        """Batches of the images named in a pandas table; arguments as for `DataFrameIterator`."""
        return DataFrameIterator(
            dataframe, directory, self, x_col=x_col, y_col=y_col, weight_col=weight_col, target_size=target_size,
            color_mode=color_mode, classes=classes, class_mode=class_mode, data_format=self.data_format, batch_size=batch_size,
            shuffle=shuffle, seed=seed, save_to_dir=save_to_dir, save_prefix=save_prefix, save_format=save_format,
            subset=subset, interpolation=interpolation, validate_filenames=validate_filenames, dtype=self.dtype,
        )  # fmt: skip

    # one image ------------------------------------------------------------------------------------------------------

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> dict[str, Any]:
        """Random changes for an image of this shape, for `apply_transform`."""

        def about(limit: float) -> float:
            return float(rng.uniform(-limit, limit)) if limit else 0.0

        def shift(limit: float | Sequence[float], size: int) -> float:
            if isinstance(limit, float):
                pixels = about(limit)
            elif not np.size(limit) or not np.any(limit):
                return 0.0
            else:
                pixels = float(rng.choice(limit) * rng.choice([-1, 1]))
            return pixels * size if np.max(limit) < 1 else pixels

        zooms = (1.0, 1.0) if tuple(self.zoom_range) == (1, 1) else rng.uniform(self.zoom_range[0], self.zoom_range[1], 2)
        return {
            "theta": about(self.rotation_range),
            "tx": shift(self.width_shift_range, shape[self.col_axis - 1]),
            "ty": shift(self.height_shift_range, shape[self.row_axis - 1]),
            "shear": about(self.shear_range),
            "zx": float(zooms[0]),
            "zy": float(zooms[1]),
            "flip_horizontal": bool(rng.random() < 0.5) and self.horizontal_flip,
            "flip_vertical": bool(rng.random() < 0.5) and self.vertical_flip,
            "channel_shift_intensity": about(self.channel_shift_range) if self.channel_shift_range else None,
            "brightness": None if self.brightness_range is None else float(rng.uniform(*self.brightness_range)),
        }

    def get_random_transform(self, img_shape: tuple[int, ...], seed: int | None = None) -> dict[str, Any]:
        """Random changes for an image of this shape: angles in degrees, shifts in pixels, factors."""
        return self.draw(img_shape, np.random.default_rng(next_seed() if seed is None else seed))

    def apply_transform(self, x: np.ndarray, transform_parameters: dict[str, Any]) -> np.ndarray:
        """An image with given changes; what is missing in the dict does not change.

        Args:
            x: `(height, width, channels)`, or with the channels first.
            transform_parameters: as from `get_random_transform`.
        """
        rows, columns, channels = self.row_axis - 1, self.col_axis - 1, self.channel_axis - 1
        given = transform_parameters
        moves = {name: given[name] for name in ("theta", "tx", "ty", "shear", "zx", "zy") if name in given}
        x = apply_affine_transform(
            x, **moves, row_axis=rows, col_axis=columns, channel_axis=channels, fill_mode=self.fill_mode, cval=self.cval,
            order=self.interpolation_order,
        )  # fmt: skip
        if given.get("channel_shift_intensity") is not None:
            x = apply_channel_shift(x, given["channel_shift_intensity"], channels)
        if given.get("flip_horizontal"):
            x = flip_axis(x, columns)
        if given.get("flip_vertical"):
            x = flip_axis(x, rows)
        if given.get("brightness") is not None:
            x = apply_brightness_shift(x, given["brightness"], scale=False)
        return x

    def random_transform(self, x: np.ndarray, seed: int | None = None) -> np.ndarray:
        """An image with random changes."""
        return self.apply_transform(x, self.get_random_transform(x.shape, seed))

    def standardize(self, x: np.ndarray) -> np.ndarray:
        """An image, or a batch, scaled as the arguments say. (Keras changes its argument; jkeras does not.)"""
        if self.preprocessing_function:
            x = np.asarray(self.preprocessing_function(x))
        if self.rescale:
            x = x * self.rescale
        if self.samplewise_center:
            x = x - np.mean(x, keepdims=True)
        if self.samplewise_std_normalization:
            x = x / (np.std(x, keepdims=True) + 1e-6)
        if self.featurewise_center and self._has(self.mean, "featurewise_center"):
            x = x - self.mean
        if self.featurewise_std_normalization and self._has(self.std, "featurewise_std_normalization"):
            x = x / (self.std + 1e-6)
        if self.zca_whitening and self._has(self.zca_whitening_matrix, "zca_whitening"):
            flat = x.reshape(-1, self.zca_whitening_matrix.shape[0])
            x = (flat @ self.zca_whitening_matrix).reshape(x.shape)
        return x

    def _has(self, value: np.ndarray | None, argument: str) -> TypeGuard[np.ndarray]:
        if value is None:
            warnings.warn(_NOT_FITTED.format(argument=argument), stacklevel=4)
        return value is not None

    def fit(self, x: Tree, augment: bool = False, rounds: int = 1, seed: int | None = None) -> None:
        """Compute the statistics of the data for the featurewise arguments and whitening.

        Args:
            x: `(images, height, width, channels)`.
            augment: whether to measure randomly changed images, `rounds` times each.
            rounds: as above.
            seed: of the changes.

        Raises:
            ValueError: x does not have four axes.
        """
        images = np.array(x, dtype=self.dtype)
        if images.ndim != 4:
            raise ValueError(f"ImageDataGenerator.fit takes (images, height, width, channels). Received: {describe(images)}.")
        images = images * self.rescale if self.rescale else images
        if augment:
            rng = np.random.default_rng(next_seed() if seed is None else seed)
            changed = [self.apply_transform(one, self.draw(one.shape, rng)) for _ in range(rounds) for one in images]
            images = np.stack(changed)
        axes = (0, self.row_axis, self.col_axis)
        if self.featurewise_center:
            self.mean = images.mean(axes, keepdims=True)[0]
            images = images - self.mean
        if self.featurewise_std_normalization:
            self.std = images.std(axes, keepdims=True)[0]
        if self.zca_whitening:
            flat = images.reshape(len(images), -1)
            u, s, _ = np.linalg.svd(flat.T, full_matrices=False)
            self.zca_whitening_matrix = (u * (np.sqrt(len(flat)) / (s + self.zca_epsilon))) @ u.T


def _pair(name: str, value: object) -> tuple[float, float]:
    if not isinstance(value, (tuple, list)) or len(value) != 2 or not all(isinstance(v, (int, float)) for v in value):
        raise ValueError(f"{name} must be a pair of numbers, such as (0.8, 1.2). Received: {value!r}.")
    return (value[0], value[1])
