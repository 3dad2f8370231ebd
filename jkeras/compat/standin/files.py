"""`tf.io`: files of this machine as bytes, and images in them as arrays.

Images need Pillow (`pip install "jkeras[images]"`). Its pixels of a JPEG may differ from TensorFlow's by a few units.
"""

from __future__ import annotations

import glob
import io
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from jax.typing import DTypeLike

from jkeras._base.atomic import atomic_file
from jkeras._base.errors import describe, unknown_name
from jkeras._base.types import Tree
from jkeras.compat.standin.dtypes import numpy_dtype
from jkeras.compat.standin.host_tensor import STRING, encoded, host_tensor, text_of
from jkeras.compat.standin.image.arrays import converted
from jkeras.preprocessing.image.files import pillow

__all__ = [
    "decode_and_crop_jpeg",
    "decode_bmp",
    "decode_gif",
    "decode_image",
    "decode_jpeg",
    "decode_png",
    "decode_raw",
    "encode_jpeg",
    "encode_png",
    "matching_files",
    "read_file",
    "write_file",
]

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_TWO_BYTES = ("I;16", "I;16B", "I;16L", "I")


def path_of(name: Any) -> str:
    """A path as text, from text, bytes, a path object or a string tensor."""
    return os.fsdecode(name) if isinstance(name, (str, bytes, os.PathLike)) else os.fsdecode(text_of(name))


def matching_files(pattern: Any, name: object = None) -> Any:
    """The files that match one or several patterns, sorted; `name`, here and below, is for graphs."""
    several = isinstance(pattern, Sequence) and not isinstance(pattern, (str, bytes))
    several = several or (isinstance(pattern, np.ndarray) and pattern.ndim > 0)
    found = [path for one in (pattern if several else [pattern]) for path in glob.glob(path_of(one))]
    return host_tensor(np.array(sorted(dict.fromkeys(found)), object))


def read_file(filename: Any, name: object = None) -> Any:
    """The bytes of a file, as a string tensor."""
    with open(path_of(filename), "rb") as file:
        return host_tensor(file.read())


def write_file(filename: Any, contents: Any, name: object = None) -> None:
    """Write bytes to a file; folders on the way are made."""
    path = path_of(filename)
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with atomic_file(path) as temporary:
        temporary.write_bytes(text_of(contents))


def decode_raw(input_bytes: Any, out_type: DTypeLike, little_endian: bool = True, name: object = None) -> Any:
    """The numbers whose bytes a text holds.

    Example:
        >>> decode_raw(b"\\x01\\x00\\x02\\x00", "int16").numpy().tolist()
        [1, 2]
    """
    dtype = numpy_dtype(out_type).newbyteorder("<" if little_endian else ">")
    texts = encoded(input_bytes)
    rows = [np.frombuffer(text, dtype) for text in texts.ravel()]
    return host_tensor(np.stack(rows).reshape(*texts.shape, -1).astype(dtype.newbyteorder("=")))


def decode_image(
    contents: Any, channels: int | None = None, dtype: DTypeLike = "uint8", name: object = None, expand_animations: bool = True
) -> Any:
    """The image in the bytes of a file: PNG, JPEG, GIF or BMP.

    Args:
        contents: the bytes.
        channels: 1 for grey, 3 for RGB, 4 with transparency; None and 0 for those of the file.
        dtype: floats are from 0 to 1.
        expand_animations: whether a GIF gives all its images, with a further first axis.

    Returns:
        `(height, width, channels)`.

    Raises:
        ImportError: Pillow is not installed.
        ValueError: it is no image.
    """
    image = _opened(contents)
    if expand_animations and image.format == "GIF":
        frames = []
        for number in range(image.n_frames):
            image.seek(number)
            frames.append(_pixels(image, channels or 3))
        return host_tensor(converted(np.stack(frames), numpy_dtype(dtype)))
    return host_tensor(converted(_pixels(image, channels), numpy_dtype(dtype)))


def decode_jpeg(
    contents: Any,
    channels: int = 0,
    ratio: int = 1,
    fancy_upscaling: bool = True,
    try_recover_truncated: bool = False,
    acceptable_fraction: float = 1,
    dct_method: str = "",
    name: object = None,
) -> Any:
    """The image in the bytes of a JPEG, or of another file, as uint8.

    Args:
        contents: the bytes.
        channels: 1 for grey, 3 for RGB; 0 for those of the file.
        ratio: by what to divide the size: 1, 2, 4 or 8.
        fancy_upscaling, try_recover_truncated, acceptable_fraction, dct_method: have no effect.
    """
    if ratio not in (1, 2, 4, 8):
        raise unknown_name("ratio", str(ratio), ("1", "2", "4", "8"))
    image = _opened(contents)
    if ratio > 1:
        image.draft(image.mode, (image.width // ratio, image.height // ratio))
    return host_tensor(_pixels(image, channels))


def decode_and_crop_jpeg(contents: Any, crop_window: Sequence[int], channels: int = 0, **options: object) -> Any:
    """The window `(top, left, height, width)` of a JPEG; `options` as for `decode_jpeg`."""
    top, left, height, width = (int(n) for n in np.asarray(crop_window))
    return decode_jpeg(contents, channels)[top : top + height, left : left + width]


def decode_png(contents: Any, channels: int = 0, dtype: DTypeLike = "uint8", name: object = None) -> Any:
    """The image in the bytes of a PNG, or of another file, as uint8 or uint16; arguments as for `decode_image`."""
    image, wanted = _opened(contents), numpy_dtype(dtype)
    pixels = _pixels(image, channels, whole=wanted == np.uint16)
    return host_tensor(pixels.astype(wanted))


def decode_bmp(contents: Any, channels: int = 0, name: object = None) -> Any:
    """The image in the bytes of a BMP file."""
    return decode_jpeg(contents, channels)


def decode_gif(contents: Any, name: object = None) -> Any:
    """All images of a GIF, `(images, height, width, 3)`."""
    return decode_image(contents, 3)


def encode_png(image: Tree, compression: int = -1, name: object = None) -> Any:
    """An image `(height, width, channels)` of uint8 as the bytes of a PNG."""
    return _encoded(image, "PNG")


def encode_jpeg(image: Tree, format: str = "", quality: int = 95, name: object = None, **options: object) -> Any:
    """An image of uint8 with one or three channels as the bytes of a JPEG; `options` have no effect."""
    return _encoded(image, "JPEG", quality=quality)


def _encoded(image: Tree, kind: str, **options: Any) -> Any:
    array = np.asarray(image)
    if array.ndim != 3 or array.dtype != np.uint8:
        raise ValueError(
            f"An image to encode has the axes (height, width, channels) and dtype uint8. Received: {describe(array)}."
        )
    file = io.BytesIO()
    pillow().fromarray(array[..., 0] if array.shape[-1] == 1 else array).save(file, kind, **options)
    return host_tensor(file.getvalue())


def _opened(contents: Any) -> Any:
    text = encoded(contents)
    if text.dtype != STRING or text.ndim:
        raise ValueError(f"The content of one file is needed, as bytes: tf.io.read_file(path). Received: {describe(contents)}.")
    module = pillow()
    try:
        return module.open(io.BytesIO(text_of(text)))
    except module.UnidentifiedImageError:
        found = text_of(text)
        raise ValueError(f"These {len(found)} bytes are no image that Pillow knows; they begin with {found[:8]!r}.") from None


def _pixels(image: Any, channels: int | None, whole: bool = False) -> np.ndarray:
    """The pixels with a number of channels; values of 16 bits keep their upper 8, unless they are wanted whole."""
    if channels not in (None, 0, *_MODES):
        raise unknown_name("channels", str(channels), ("0", "1", "3", "4"))
    if channels == 1 and image.format == "JPEG":
        image.draft("L", image.size)
    if image.mode in _TWO_BYTES:
        wide: np.ndarray = np.asarray(image).astype(np.uint16)
        pixels = (wide if whole else (wide >> 8).astype(np.uint8))[..., None]
        return (
            pixels if channels in (None, 0, 1) else np.concatenate([pixels] * 3 + [np.full_like(pixels, -1)] * (channels - 3), -1)
        )
    mode = _MODES[channels] if channels else _mode_of(image)
    pixels = np.asarray(image if image.mode == mode else image.convert(mode))
    pixels = pixels if pixels.ndim == 3 else pixels[..., None]
    return pixels.astype(np.uint16) * 257 if whole else pixels


def _mode_of(image: Any) -> str:
    if image.mode == "P":
        return "RGBA" if "transparency" in image.info else "RGB"
    return {"1": "L", "CMYK": "RGB", "YCbCr": "RGB"}.get(image.mode, image.mode)
