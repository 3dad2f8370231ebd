"""Sizes of images as operations: resized, cropped, padded, and resampled at any scale and place."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jkeras._base.config import standardize_data_format
from jkeras._base.errors import describe, unknown_name
from jkeras.nn import image
from jkeras.nn.image import in_floats, in_layout
from jkeras.ops.wrapper import Tensor, as_array, operation

_METHODS = ("linear", "bilinear", "trilinear", "triangle", "cubic", "bicubic", "tricubic", "lanczos3", "lanczos5")


@operation("image")
def resize(
    images: Tensor,
    size: Sequence[int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Tensor:
    """Images at another size.

    Args:
        images: `(batch, height, width, channels)` or one image.
        size: `(height, width)`.
        interpolation: `"bilinear"`, `"nearest"`, `"bicubic"`, `"lanczos3"` or `"lanczos5"`.
        antialias: whether to smooth first where the size goes down.
        crop_to_aspect_ratio: whether to cut to the new proportions first, instead of distorting.
        pad_to_aspect_ratio: whether to pad to them first.
        fill_mode: of the padding; only `"constant"`.
        fill_value: of the padding.
        data_format: `"channels_last"`, `"channels_first"`, or None for `config.image_data_format()`.

    Returns:
        Images of that size in their dtype; integers are rounded.

    Raises:
        ValueError: an unknown mode, a size that is not two positive numbers, or both ways to keep the proportions.

    Example:
        >>> resize(jnp.array([0, 10], "uint8").reshape(1, 2, 1), (1, 4)).ravel().tolist()
        [0, 2, 8, 10]
    """
    if len(size) != 2 or min(size) <= 0:
        raise ValueError(f"resize takes size=(height, width), two positive numbers. Received: size={size!r}.")
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError("resize takes crop_to_aspect_ratio=True or pad_to_aspect_ratio=True, not both.")
    if fill_mode != "constant":
        raise unknown_name("fill_mode of resize", fill_mode, ("constant",))
    height, width = int(size[0]), int(size[1])

    def resized(images: jax.Array) -> jax.Array:
        if crop_to_aspect_ratio:
            images = image.crop_to_aspect_ratio(images, height, width)
        elif pad_to_aspect_ratio:
            images = image.pad_to_aspect_ratio(images, height, width, fill_value)
        return image.resize(images, height, width, interpolation, antialias)

    return in_layout(resized, as_array(images), standardize_data_format(data_format), "resize")


@operation("image")
def crop_images(
    images: Tensor,
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Tensor:
    """Images without a margin. Give two of the three numbers of each direction.

    Args:
        images: `(batch, height, width, channels)` or one image.
        top_cropping, left_cropping, bottom_cropping, right_cropping: pixels to cut off at a side.
        target_height, target_width: pixels to keep.
        data_format: `"channels_last"`, `"channels_first"`, or None for `config.image_data_format()`.

    Raises:
        ValueError: one or three numbers of a direction, a negative one, or more than the image has.

    Example:
        >>> x = jnp.arange(20).reshape(4, 5, 1)
        >>> crop_images(x, top_cropping=1, target_height=2, left_cropping=0, right_cropping=3)[..., 0].tolist()
        [[5, 6], [10, 11]]
    """
    rows = _two_of_three("crop_images", top_cropping=top_cropping, bottom_cropping=bottom_cropping, target_height=target_height)
    columns = _two_of_three("crop_images", left_cropping=left_cropping, right_cropping=right_cropping, target_width=target_width)

    def cropped(images: jax.Array) -> jax.Array:
        height, width = images.shape[-3:-1]
        top, below, tall = _solved(height, rows, -1)
        left, beside, wide = _solved(width, columns, -1)
        _check_frame("crop_images", "crop", images, (top, left, below, beside, tall, wide))
        return image.window(images, top, left, tall, wide)

    return in_layout(cropped, as_array(images), standardize_data_format(data_format), "crop_images")


@operation("image")
def pad_images(
    images: Tensor,
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Tensor:
    """Images with a margin of zeros. Give two of the three numbers of each direction.

    Args:
        images: `(batch, height, width, channels)` or one image.
        top_padding, left_padding, bottom_padding, right_padding: pixels to add at a side.
        target_height, target_width: pixels of the result.
        data_format: `"channels_last"`, `"channels_first"`, or None for `config.image_data_format()`.

    Raises:
        ValueError: one or three numbers of a direction, a negative one, or a target that is less than the image has.

    Example:
        >>> pad_images(jnp.ones((1, 2, 1)), 0, 1, 1, target_width=4)[..., 0].tolist()
        [[0.0, 1.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0]]
    """
    rows = _two_of_three("pad_images", top_padding=top_padding, bottom_padding=bottom_padding, target_height=target_height)
    columns = _two_of_three("pad_images", left_padding=left_padding, right_padding=right_padding, target_width=target_width)

    def padded(images: jax.Array) -> jax.Array:
        height, width = images.shape[-3:-1]
        top, below, tall = _solved(height, rows, 1)
        left, beside, wide = _solved(width, columns, 1)
        _check_frame("pad_images", "pad", images, (top, left, below, beside, tall, wide))
        return jnp.pad(images, [(0, 0)] * (images.ndim - 3) + [(top, below), (left, beside), (0, 0)])

    return in_layout(padded, as_array(images), standardize_data_format(data_format), "pad_images")


_Direction = tuple[int | None, int | None, int | None]


def _two_of_three(where: str, **given: int | None) -> _Direction:
    """The margins and the target of a direction, of which exactly one is None."""
    if list(given.values()).count(None) != 1:
        received = ", ".join(f"{name}={value}" for name, value in given.items())
        raise ValueError(f"{where} takes exactly two of {', '.join(given)}. Received: {received}.")
    for name, value in given.items():
        if value is not None and value < 0:
            raise ValueError(f"{where} takes {name} of 0 or more. Received: {name}={value}.")
    first, last, target = (None if value is None else int(value) for value in given.values())
    return first, last, target


def _solved(have: int, given: _Direction, sign: int) -> tuple[int, int, int]:
    """The margins and the target of a direction, from `target = have + sign * (first + last)`."""
    match given:
        case int(first), int(last), None:
            return first, last, have + sign * (first + last)
        case int(first), None, int(target):
            return first, sign * (target - have) - first, target
        case None, int(last), int(target):
            return sign * (target - have) - last, last, target
    raise AssertionError(given)


def _check_frame(where: str, what: str, images: jax.Array, numbers: tuple[int, int, int, int, int, int]) -> None:
    if min(numbers) < 0:
        top, left, below, beside, tall, wide = numbers
        raise ValueError(
            f"{where} cannot {what} images {describe(images)} to {tall} x {wide} pixels: it would have to {what} {top} pixels at "
            f"the top, {below} at the bottom, {left} on the left, {beside} on the right."
        )


@operation("image")
def scale_and_translate(
    images: Tensor,
    output_shape: Sequence[int | None],
    scale: Tensor,
    translation: Tensor,
    spatial_dims: Sequence[int],
    method: str,
    antialias: bool = True,
) -> Tensor:
    """Images resampled at any scale and place: what was at x along an axis is at `x * scale + translation`.

    Places are measured from the edge, so that the middle of the first pixel is at 0.5. What lies outside is 0.

    Args:
        images: an array with any axes.
        output_shape: of the result; None is the size that the images have along an axis.
        scale, translation: one number for each of the axes in `spatial_dims`.
        spatial_dims: the axes.
        method: `"linear"`, `"cubic"`, `"lanczos3"` or `"lanczos5"`; `"bilinear"`, `"trilinear"` and `"triangle"` are the first
            one, `"bicubic"` and `"tricubic"` the second.
        antialias: whether to smooth first where the scale is less than 1.

    Returns:
        `output_shape`, in the dtype of the images; integers are rounded.

    Raises:
        ValueError: an unknown method, or a shape with other axes than the images'.

    Example:
        >>> scale_and_translate(jnp.array([1.0, 2.0, 3.0]), (4,), [1.0], [1.0], (0,), "linear").tolist()
        [0.0, 1.0, 2.0, 3.0]
    """
    if method not in _METHODS:
        raise unknown_name("method of scale_and_translate", method, _METHODS)
    images, scale, translation = as_array(images), as_array(scale, "float32"), as_array(translation, "float32")
    if len(output_shape) != images.ndim:
        raise ValueError(f"scale_and_translate keeps the number of axes. Received: {describe(images)}, {output_shape=}.")
    shape = tuple(have if size is None else size for have, size in zip(images.shape, output_shape))
    axes = tuple(spatial_dims)

    def resampled(floats: jax.Array) -> jax.Array:
        return jax.image.scale_and_translate(floats, shape, axes, scale, translation, method, antialias)

    return in_floats(resampled, images)
