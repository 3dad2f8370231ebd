"""Images as files and as arrays, through Pillow: `load_img`, `img_to_array`, `array_to_img`, `save_img`, `smart_resize`."""

from __future__ import annotations

import io
import os
import warnings
from types import ModuleType
from typing import TYPE_CHECKING, BinaryIO

import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from jkeras._base import config
from jkeras._base.atomic import FilePath
from jkeras._base.config import standardize_data_format
from jkeras._base.errors import describe, unknown_name
from jkeras._base.registry import export
from jkeras._base.types import Tree
from jkeras.nn.image import resize as resize_with_jax

if TYPE_CHECKING:
    from PIL.Image import Image

MODES = {"rgb": "RGB", "rgba": "RGBA", "grayscale": "L"}
_FILTERS = ("nearest", "bilinear", "bicubic", "lanczos", "box", "hamming")


def pillow() -> ModuleType:
    """The module `PIL.Image`.

    Raises:
        ImportError: Pillow is not installed.
    """
    try:
        from PIL import Image
    except ImportError:
        raise ImportError('Images as files need Pillow. Install it: pip install "jkeras[images]"') from None
    return Image


@export("keras.utils.load_img", "keras.preprocessing.image.load_img")
def load_img(
    path: FilePath | io.BytesIO,
    color_mode: str | bool = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
    grayscale: bool = False,
) -> Image:
    """Read an image file.

    Args:
        path: of the file, or an `io.BytesIO`.
        color_mode: `"rgb"`, `"rgba"` or `"grayscale"`. A boolean is Keras 2's second argument, `grayscale`.
        target_size: `(height, width)` to resize to.
        interpolation: `"nearest"`, `"bilinear"`, `"bicubic"`, `"lanczos"`, `"box"` or `"hamming"`.
        keep_aspect_ratio: whether to crop to the largest central window of the target's proportions first.
        grayscale: the same as `color_mode="grayscale"`.

    Returns:
        A Pillow image.

    Raises:
        ImportError: Pillow is not installed.
        ValueError: an unknown option.
        TypeError: `path` is neither a path nor a file object.
    """
    if color_mode is True or grayscale:
        color_mode = "grayscale"
    color_mode = "rgb" if color_mode is False else color_mode
    if color_mode not in MODES:
        raise unknown_name("color_mode", color_mode, MODES)
    if interpolation not in _FILTERS:
        raise unknown_name("interpolation", interpolation, _FILTERS)
    module = pillow()
    if isinstance(path, io.BytesIO):
        image = module.open(path)
    elif isinstance(path, (str, os.PathLike)):
        with open(path, "rb") as file:
            image = module.open(io.BytesIO(file.read()))
    else:
        raise TypeError(f"load_img takes a path or an io.BytesIO. Received: {describe(path)}.")
    # Images of 16 or 32 bits keep their values.
    if not (color_mode == "grayscale" and image.mode in ("L", "I;16", "I")) and image.mode != MODES[color_mode]:
        image = image.convert(MODES[color_mode])
    if target_size is not None and image.size != (target_size[1], target_size[0]):
        height, width = target_size
        box = None
        if keep_aspect_ratio:
            top, left, tall, wide = _middle(image.size[1], image.size[0], height, width)
            box = left, top, left + wide, top + tall
        image = image.resize((width, height), module.Resampling[interpolation.upper()], box)
    return image


def _middle(height: int, width: int, new_height: int, new_width: int) -> tuple[int, int, int, int]:
    """Top, left, height and width of the largest central window of the new proportions."""
    tall = min(int(width * new_height / new_width), height) or height
    wide = min(int(height * new_width / new_height), width) or width
    return (height - tall) // 2, (width - wide) // 2, tall, wide


@export("keras.utils.img_to_array", "keras.preprocessing.image.img_to_array")
def img_to_array(img: Image | np.ndarray, data_format: str | None = None, dtype: DTypeLike | None = None) -> np.ndarray:
    """An image as an array.

    Args:
        img: a Pillow image, or an array with two or three axes.
        data_format: where the channels go; by default the global setting.
        dtype: by default `floatx()`; values are as in the file, 0 to 255.

    Returns:
        `(height, width, channels)` or `(channels, height, width)`.

    Example:
        >>> img_to_array(np.zeros((4, 5), "uint8")).shape
        (4, 5, 1)
    """
    first = standardize_data_format(data_format) == "channels_first"
    array = np.asarray(img, dtype=dtype or config.floatx())
    if array.ndim == 2:
        return array[None] if first else array[..., None]
    if array.ndim != 3:
        raise ValueError(f"An image has two or three axes. Received: {describe(array)}.")
    return array.transpose(2, 0, 1) if first and not isinstance(img, np.ndarray) else array


@export("keras.utils.array_to_img", "keras.preprocessing.image.array_to_img")
def array_to_img(x: Tree, data_format: str | None = None, scale: bool = True, dtype: DTypeLike | None = None) -> Image:
    """An array as a Pillow image.

    Args:
        x: `(height, width, channels)`, or with the channels first; 1, 3 or 4 channels.
        data_format: where the channels are; by default the global setting.
        scale: whether to stretch the values to 0 to 255.
        dtype: to compute in, by default `floatx()`.

    Raises:
        ImportError: Pillow is not installed.
        ValueError: x is not an image.
    """
    array = np.asarray(x, dtype=dtype or config.floatx())
    if array.ndim != 3:
        raise ValueError(f"An image has the axes (height, width, channels). Received: {describe(array)}.")
    if standardize_data_format(data_format) == "channels_first":
        array = array.transpose(1, 2, 0)
    if scale:
        array = array - array.min()
        top = array.max()
        array = array / top * 255.0 if top else array  # in this order the largest is 255 and no more
    module, channels = pillow(), array.shape[-1]
    if channels == 1:
        flat = array[..., 0]
        return module.fromarray(flat.astype("int32" if flat.max(initial=0) > 255 else "uint8"))
    if channels not in (3, 4):
        raise ValueError(f"An image has 1, 3 or 4 channels. Received: {channels}, in an array of shape {np.shape(x)}.")
    return module.fromarray(array.astype("uint8"))


@export("keras.utils.save_img", "keras.preprocessing.image.save_img")
def save_img(
    path: FilePath | BinaryIO,
    x: Tree,
    data_format: str | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **kwargs: object,
) -> None:
    """Write an array as an image file.

    Args:
        path: of the file, or a file object.
        x, data_format, scale: as for `array_to_img`.
        file_format: such as `"png"`; by default from the path's suffix.
        kwargs: for Pillow's `save`.
    """
    image = array_to_img(x, data_format=data_format, scale=scale)
    kind = file_format or os.path.splitext(str(path))[1][1:]
    if image.mode == "RGBA" and kind.lower() in ("jpg", "jpeg"):
        warnings.warn("JPEG has no transparency; the image is written as RGB.", stacklevel=2)
        image = image.convert("RGB")
    image.save(path, format={"jpg": "jpeg"}.get(file_format.lower(), file_format) if file_format else None, **kwargs)


def resize_array(
    images: np.ndarray, size: tuple[int, int], interpolation: str = "bilinear", out: np.ndarray | None = None
) -> np.ndarray:
    """`(..., height, width, channels)` in another size, as float32.

    Bilinear and nearest use NumPy, since compiling a program for each size of image would take longer than the images.

    Args:
        images: of any numbers.
        size: `(height, width)`.
        interpolation: as of `smart_resize`.
        out: where the result goes, in one piece of memory; None for a new array.
    """
    if out is None:
        out = np.empty((*images.shape[:-3], *size, images.shape[-1]), "float32")
    if images.shape[-3:-1] == tuple(size):
        out[...] = images
    elif interpolation == "nearest":
        rows, columns = (_nearest(n, m) for n, m in zip(images.shape[-3:-1], size))
        out[...] = images[..., rows, :, :][..., columns, :]
    elif interpolation == "bilinear":
        for place in np.ndindex(images.shape[:-3]):
            _blend(images[place], out[place])
    else:
        out[...] = resize_with_jax(jnp.asarray(images, "float32"), *size, interpolation)
    return out


def _nearest(before: int, after: int) -> np.ndarray:
    return np.minimum(((np.arange(after) + 0.5) * before / after).astype(int), before - 1)


_PART = 1 << 15  # numbers of an image that are blended at a time: few enough for the cache, and for memory that is there already


def _blend(image: np.ndarray, out: np.ndarray) -> None:
    """Write an image in the size of `out`, whose pixels lie between its own, some lines at a time.

    Lines of pixels, rather than pixels of three numbers, are what NumPy is fast with.
    """
    (height, width, channels), (tall, wide, _) = image.shape, out.shape
    upper, lower, down = _neighbours(height, tall)
    left, right, along = (np.repeat(numbers, channels) for numbers in _neighbours(width, wide))
    channel = np.tile(np.arange(channels), wide)
    left, right = left * channels + channel, right * channels + channel
    lines, found = image.reshape(height, -1), out.reshape(tall, -1)  # type: ignore[call-overload]
    step = max(1, _PART // max(lines.shape[1], found.shape[1]))
    for part in (slice(at, at + step) for at in range(0, tall, step)):
        first, mixed = (lines[rows[part]].astype("float32") for rows in (upper, lower))
        mixed -= first
        mixed *= down[part, None]
        mixed += first
        first, mixed = np.take(mixed, left, 1), np.take(mixed, right, 1)
        mixed -= first
        mixed *= along
        np.add(mixed, first, out=found[part])


def _neighbours(before: int, after: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each of `after` pixels, the two of `before` that it lies between, and how far it is from the first."""
    place = np.clip((np.arange(after) + 0.5) * before / after - 0.5, 0, before - 1)
    low = np.floor(place).astype(int)
    return low, np.minimum(low + 1, before - 1), (place - low).astype("float32")


@export("keras.preprocessing.image.smart_resize")
def smart_resize(
    x: Tree, size: tuple[int, int], interpolation: str = "bilinear", data_format: str | None = "channels_last"
) -> np.ndarray:
    """Resize images without distortion: they are first cropped to the largest central window of the new proportions.

    Args:
        x: `(height, width, channels)` or `(batch, height, width, channels)`.
        size: `(height, width)`.
        interpolation: `"bilinear"`, `"nearest"`, `"bicubic"`, `"lanczos3"` or `"lanczos5"`.
        data_format: where the channels are; `"channels_first"`: `(channels, height, width)`. None for the global setting.

    Example:
        >>> smart_resize(np.ones((4, 8, 3)), (2, 2)).shape
        (2, 2, 3)
    """
    images = np.asarray(x)
    if images.ndim not in (3, 4) or len(size) != 2:
        raise ValueError(
            f"smart_resize takes (height, width, channels) and a size (height, width). Received: {describe((images, size))}."
        )
    if standardize_data_format(data_format) == "channels_first":
        resized = smart_resize(np.moveaxis(images, -3, -1), size, interpolation)
        return np.moveaxis(resized, -1, -3)
    return resize_array(middle(images, (size[0], size[1])), (size[0], size[1]), interpolation)


def middle(images: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The largest central window of images `(..., height, width, channels)` with the proportions of a size."""
    top, left, height, width = _middle(images.shape[-3], images.shape[-2], *size)
    return images[..., top : top + height, left : left + width, :]
