"""Colours of images: brightness, contrast, saturation, hue, and other spaces than RGB."""

from __future__ import annotations

from typing import Any

import numpy as np

from jkeras._base.types import Tree
from jkeras.compat.standin.image.arrays import as_floats, as_images, back, finished, library
from jkeras.nn import color

__all__ = [
    "adjust_brightness",
    "adjust_contrast",
    "adjust_gamma",
    "adjust_hue",
    "adjust_saturation",
    "grayscale_to_rgb",
    "hsv_to_rgb",
    "per_image_standardization",
    "psnr",
    "rgb_to_grayscale",
    "rgb_to_hsv",
    "rgb_to_yuv",
    "total_variation",
    "yuv_to_rgb",
]

# Columns: red, green, blue. Rows: brightness, then two differences of colours.
_YUV = ((0.299, 0.587, 0.114), (-0.14714119, -0.28886916, 0.43601035), (0.61497538, -0.51496512, -0.10001026))


def adjust_brightness(image: Tree, delta: Any) -> Any:
    """`x + delta` for floats from 0 to 1; integers are taken as such, and clipped to their range.

    Example:
        >>> adjust_brightness(np.array([100, 250], "uint8").reshape(1, 2, 1), 0.1).ravel().tolist()
        [125, 255]
    """
    array = as_images(image)
    floats = as_floats(array)
    return back(floats + _number(delta, floats), array)


def adjust_contrast(images: Tree, contrast_factor: Any) -> Any:
    """`(x - mean) * factor + mean`, with the mean of each image and channel."""
    array = as_images(images)
    floats = as_floats(array)
    mean = floats.mean((-3, -2), keepdims=True)
    return back((floats - mean) * _number(contrast_factor, floats) + mean, array)


def adjust_gamma(image: Tree, gamma: float = 1, gain: float = 1) -> Any:
    """`gain * x ** gamma` for values from 0 to 1."""
    array = as_images(image)
    floats = as_floats(array)
    return back(gain * floats ** _number(gamma, floats), array)


def adjust_saturation(image: Tree, saturation_factor: Any, name: object = None) -> Any:
    """RGB images whose saturation is multiplied by a factor."""
    array = as_images(image)
    hue, saturation, value = color.rgb_to_hsv(as_floats(array))
    saturation = library(array).clip(saturation * _number(saturation_factor, saturation), 0, 1)
    return back(color.hsv_to_rgb(hue, saturation, value), array)


def adjust_hue(image: Tree, delta: Any, name: object = None) -> Any:
    """RGB images whose hue is turned by a part of the circle, from -1 to 1."""
    array = as_images(image)
    hue, saturation, value = color.rgb_to_hsv(as_floats(array))
    return back(color.hsv_to_rgb((hue + _number(delta, hue)) % 1, saturation, value), array)


def rgb_to_hsv(images: Tree, name: object = None) -> Any:
    """Hue, saturation and value of float images from 0 to 1.

    Example:
        >>> rgb_to_hsv(np.array([0.0, 1.0, 0.5], "float32").reshape(1, 1, 3)).ravel().tolist()
        [0.4166666567325592, 1.0, 1.0]
    """
    array = as_images(images)
    return finished(library(array).stack(color.rgb_to_hsv(array), -1))


def hsv_to_rgb(images: Tree, name: object = None) -> Any:
    """The inverse of `rgb_to_hsv`."""
    array = as_images(images)
    return finished(color.hsv_to_rgb(array[..., 0], array[..., 1], array[..., 2]))


def rgb_to_yuv(images: Tree) -> Any:
    """Brightness and two differences of colours, as in PAL television, of float images from 0 to 1.

    Example:
        >>> rgb_to_yuv(np.ones((1, 1, 3), "float32")).round(4).ravel().tolist()[0]
        1.0
    """
    return _mixed(images, np.array(_YUV))


def yuv_to_rgb(images: Tree) -> Any:
    """The inverse of `rgb_to_yuv`."""
    return _mixed(images, np.linalg.inv(_YUV))


def _mixed(images: Tree, matrix: np.ndarray) -> Any:
    """Three channels as sums of three channels."""
    array = as_images(images)
    return finished(library(array).stack([(array * row).sum(-1) for row in matrix.astype(array.dtype)], -1))


def rgb_to_grayscale(images: Tree, name: object = None) -> Any:
    """One channel, `0.2989 R + 0.587 G + 0.114 B`."""
    array = as_images(images)
    floats = as_floats(array)
    return back(color.rgb_to_gray(floats), array)


def grayscale_to_rgb(images: Tree, name: object = None) -> Any:
    """The channel three times."""
    array = as_images(images)
    return finished(library(array).repeat(array, 3, -1))


def per_image_standardization(image: Tree) -> Any:
    """Each image with mean 0 and deviation 1; the deviation counts as at least `1 / sqrt(number of values)`."""
    array = as_images(image)
    floats = array.astype("float32") if not np.issubdtype(np.dtype(array.dtype), np.floating) else array
    axes, count = (-3, -2, -1), int(np.prod(array.shape[-3:]))
    mean, deviation = floats.mean(axes, keepdims=True), floats.std(axes, keepdims=True)
    return finished((floats - mean) / library(array).maximum(deviation, np.asarray(1 / np.sqrt(count), floats.dtype)))


def psnr(a: Tree, b: Tree, max_val: float, name: object = None) -> Any:
    """The ratio of signal to noise between images in decibels: `20 log10(max) - 10 log10(mean squared difference)`."""
    one, other = as_floats(as_images(a)), as_floats(as_images(b))
    limit = max_val / np.iinfo(a.dtype).max if np.issubdtype(np.dtype(a.dtype), np.integer) else max_val
    xp = library(one, other)
    error = ((one - other) ** 2).mean((-3, -2, -1))
    return finished(xp.asarray(20 * np.log10(limit) - 10 * xp.log10(error), "float32"))


def total_variation(images: Tree, name: object = None) -> Any:
    """The sum of the absolute differences of neighbouring pixels, for each image."""
    array = as_images(images)
    rows = abs(array[..., 1:, :, :] - array[..., :-1, :, :]).sum((-3, -2, -1))
    return finished(rows + abs(array[..., 1:, :] - array[..., :-1, :]).sum((-3, -2, -1)))


def _number(value: Any, like: Any) -> Any:
    """A factor in the dtype of the images."""
    return np.asarray(value, like.dtype) if isinstance(value, (int, float, np.generic)) else value.astype(like.dtype)
