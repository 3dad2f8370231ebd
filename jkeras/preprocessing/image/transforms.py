"""Changes of single images with NumPy and SciPy: rotation, shift, shear, zoom, brightness, channel shift."""

from __future__ import annotations

from typing import Any

import numpy as np

from jkeras._base.errors import describe
from jkeras._base.registry import export


def _ndimage() -> Any:
    from scipy import ndimage

    return ndimage


@export("keras.preprocessing.image.apply_affine_transform")
def apply_affine_transform(
    x: np.ndarray,
    theta: float = 0,
    tx: float = 0,
    ty: float = 0,
    shear: float = 0,
    zx: float = 1,
    zy: float = 1,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    order: int = 1,
) -> np.ndarray:
    """Rotate, shift, shear and zoom an image about its centre, in this order of factors.

    x runs along a row and y along a column. Square images come out as in Keras, which does not turn others about
    their centre.

    Args:
        x: three axes, the channels first by default.
        theta, shear: angles in degrees.
        tx, ty: shifts of the columns (x) and of the rows (y), in pixels.
        zx, zy: zooms along x and y; below 1 enlarges the image.
        row_axis, col_axis, channel_axis: the positions of the axes.
        fill_mode: what lies outside: `"constant"`, `"nearest"`, `"reflect"` or `"wrap"`.
        cval: the constant.
        order: of the interpolating spline, 0 to 5.

    Returns:
        An array of the same shape.

    Raises:
        ValueError: the image does not have these three different axes.
    """
    if x.ndim != 3 or {row_axis % 3, col_axis % 3, channel_axis % 3} != {0, 1, 2}:
        raise ValueError(
            f"An image has three axes, for rows, columns and channels. Received: {describe(x)} with the axes "
            f"{row_axis}, {col_axis}, {channel_axis}."
        )
    if (theta, tx, ty, shear, zx, zy) == (0, 0, 0, 0, 1, 1):
        return x
    matrix = _matrix(theta, tx, ty, shear, zx, zy)[[1, 0, 2]][:, [1, 0, 2]]
    channels = np.moveaxis(x, (channel_axis, row_axis, col_axis), (0, 1, 2))
    centre = np.array(channels.shape[1:]) / 2 - 0.5
    offset = matrix[:2, 2] + centre - matrix[:2, :2] @ centre
    move = _ndimage().affine_transform
    moved = [move(c, matrix[:2, :2], offset, order=order, mode=fill_mode, cval=cval) for c in channels]
    return np.moveaxis(np.stack(moved), (0, 1, 2), (channel_axis, row_axis, col_axis))


def _matrix(theta: float, tx: float, ty: float, shear: float, zx: float, zy: float) -> np.ndarray:
    c, s, angle = np.cos(np.deg2rad(theta)), np.sin(np.deg2rad(theta)), np.deg2rad(shear)
    rotation = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    shift = np.array([[1, 0, tx], [0, 1, ty], [0, 0, 1]])
    slant = np.array([[1, -np.sin(angle), 0], [0, np.cos(angle), 0], [0, 0, 1]])
    product: np.ndarray = rotation @ shift @ slant @ np.diag([zx, zy, 1.0])
    return product


@export("keras.preprocessing.image.apply_channel_shift")
def apply_channel_shift(x: np.ndarray, intensity: float, channel_axis: int = 0) -> np.ndarray:
    """Add a number to all channels, within the range of the image's own values."""
    return np.clip(x + intensity, x.min(), x.max())


@export("keras.preprocessing.image.apply_brightness_shift")
def apply_brightness_shift(x: np.ndarray, brightness: float, scale: bool = True) -> np.ndarray:
    """Multiply an image of integers from 0 to 255.

    Args:
        x: three axes; stretched to 0 to 255 first if it has values outside.
        brightness: the factor; 1 changes nothing.
        scale: whether to stretch the values to 0 to 255 in any case, and leave them so.
    """
    low, high = x.min(), x.max()
    outside = bool(low < 0 or high > 255)
    values = x.astype("float32")
    if scale or outside:
        values = values - low
        values = values * (255.0 / values.max()) if values.max() else values
    bright = np.clip(values.astype("uint8") * np.float32(brightness), 0, 255).astype("uint8").astype("float32")
    return bright if scale or not outside else bright / 255 * (high - low) + low


def flip_axis(x: np.ndarray, axis: int) -> np.ndarray:
    """The entries along an axis in reverse order."""
    return np.flip(x, axis)


def _about(limit: float) -> float:
    return float(np.random.uniform(-limit, limit))


@export("keras.preprocessing.image.random_rotation")
def random_rotation(x: np.ndarray, rg: float, row_axis: int = 1, col_axis: int = 2, channel_axis: int = 0,
                    fill_mode: str = "nearest", cval: float = 0.0, interpolation_order: int = 1) -> np.ndarray:  # fmt: skip
    """Rotate by up to `rg` degrees; like all random functions here, it draws from NumPy's global generator."""
    return apply_affine_transform(
        x, _about(rg), 0, 0, 0, 1, 1, row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order
    )


@export("keras.preprocessing.image.random_shift")
def random_shift(x: np.ndarray, wrg: float, hrg: float, row_axis: int = 1, col_axis: int = 2, channel_axis: int = 0,
                 fill_mode: str = "nearest", cval: float = 0.0, interpolation_order: int = 1) -> np.ndarray:  # fmt: skip
    """Shift by up to the fractions `wrg` of the width and `hrg` of the height."""
    tx, ty = _about(wrg) * x.shape[col_axis], _about(hrg) * x.shape[row_axis]
    return apply_affine_transform(x, 0, tx, ty, 0, 1, 1, row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)


@export("keras.preprocessing.image.random_shear")
def random_shear(x: np.ndarray, intensity: float, row_axis: int = 1, col_axis: int = 2, channel_axis: int = 0,
                 fill_mode: str = "nearest", cval: float = 0.0, interpolation_order: int = 1) -> np.ndarray:  # fmt: skip
    """Shear by up to `intensity` degrees."""
    shear = _about(intensity)
    return apply_affine_transform(x, 0, 0, 0, shear, 1, 1, row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)


@export("keras.preprocessing.image.random_zoom")
def random_zoom(x: np.ndarray, zoom_range: tuple[float, float], row_axis: int = 1, col_axis: int = 2, channel_axis: int = 0,
                fill_mode: str = "nearest", cval: float = 0.0, interpolation_order: int = 1) -> np.ndarray:  # fmt: skip
    """Zoom rows and columns, each by its own factor between the two numbers."""
    zx, zy = (1.0, 1.0) if tuple(zoom_range) == (1, 1) else np.random.uniform(*zoom_range, 2)
    return apply_affine_transform(x, 0, 0, 0, 0, zx, zy, row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)


@export("keras.preprocessing.image.random_channel_shift")
def random_channel_shift(x: np.ndarray, intensity_range: float, channel_axis: int = 0) -> np.ndarray:
    """Add up to `intensity_range` to all channels."""
    return apply_channel_shift(x, _about(intensity_range), channel_axis)


@export("keras.preprocessing.image.random_brightness")
def random_brightness(x: np.ndarray, brightness_range: tuple[float, float], scale: bool = True) -> np.ndarray:
    """Multiply by a number between the two."""
    return apply_brightness_shift(x, float(np.random.uniform(*brightness_range)), scale)
