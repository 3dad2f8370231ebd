"""What draws on images themselves: bytes, frames, texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from jkeras._base.config import standardize_data_format
from jkeras._base.errors import describe
from jkeras._base.figures import new_figure, pixels
from jkeras._base.types import Tree
from jkeras.nn.color import rgb_to_gray

Colour = Sequence[int]
_LETTER = 22  # height of a line of text in pixels at font_scale 1


class Label(NamedTuple):
    """A text on an image.

    Attributes:
        text: what to write.
        x, y: the left end and the lower edge, in pixels.
    """

    text: str
    x: float
    y: float


def as_bytes(images: Tree, data_format: str | None, where: str, value_range: Sequence[float] | None = None) -> np.ndarray:
    """A copy of a batch of images as bytes `(batch, height, width, channels)`.

    Args:
        images: a batch of any dtype.
        data_format: their layout, None for the configured one.
        where: who takes them, for the error.
        value_range: of their values; by default 0 to 1 for floats up to 1, else 0 to 255.

    Raises:
        ValueError: they do not have four axes.
    """
    array = np.asarray(images)
    if array.ndim != 4:
        raise ValueError(f"{where} takes images (batch, height, width, channels). Received: {describe(array)}.")
    if standardize_data_format(data_format) == "channels_first":
        array = np.moveaxis(array, 1, -1)
    if value_range is None:
        shares = np.issubdtype(array.dtype, np.floating) and array.size and array.max() <= 1
        value_range = (0, 1) if shares else (0, 255)
    if tuple(value_range) != (0, 255):
        low, high = value_range
        array = (array.astype(np.float32) - low) * (255 / (high - low))
    return np.clip(array, 0, 255).astype(np.uint8)


def in_layout(images: np.ndarray, data_format: str | None) -> np.ndarray:
    """Images with their channels where the layout has them."""
    return images if standardize_data_format(data_format) == "channels_last" else np.moveaxis(images, -1, 1)


def ink(colour: Colour, channels: int) -> np.ndarray:
    """A colour `(red, green, blue)` as the channels of images: grey, or with full opacity."""
    rgb: Any = np.asarray(colour, np.float32)
    if channels == 1:
        return np.round(rgb_to_gray(rgb))
    return np.concatenate([rgb, np.full(channels - 3, 255, np.float32)])


def draw_frame(image: np.ndarray, box: Sequence[int], colour: Colour, thickness: int) -> None:
    """Draw the edges of a box `(left, top, right, bottom)` on an image of bytes, in its place; the lines lie around the edges."""
    left, top, right, bottom = box
    before, after = thickness // 2, thickness - thickness // 2

    def fill(y0: int, y1: int, x0: int, x1: int) -> None:
        image[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)] = ink(colour, image.shape[-1])

    for y in (top, bottom):
        fill(y - before, y + after, left - before, right + after)
    for x in (left, right):
        fill(top - before, bottom + after, x - before, x + after)


def label_of(text: str, box: Sequence[int], font_scale: float) -> Label:
    """A text at the upper left corner of a box: above it if there is room, else below its upper edge."""
    left, top = box[:2]
    above = top - 4
    return Label(text, left, above) if above >= font_scale * _LETTER else Label(text, left + 4, top + 4 + font_scale * _LETTER)


def write_labels(image: np.ndarray, labels: Sequence[Label], colour: Colour, font_scale: float, thickness: int) -> None:
    """Write texts on an image of bytes, in its place.

    Args:
        image: `(height, width, channels)`.
        labels: the texts.
        colour: of the letters.
        font_scale: 1 for lines of 22 pixels.
        thickness: 1 for regular letters, more for bold ones.

    Raises:
        ImportError: matplotlib, which has the letters, is not installed.
    """
    if not labels:
        return
    height, width, channels = image.shape
    figure = new_figure("A label", width / 72, height / 72, layout=None)
    figure.dpi = 72
    figure.patch.set_alpha(0)
    size, weight = 0.8 * _LETTER * font_scale, "bold" if thickness > 1 else "normal"
    for label in labels:
        place = label.x / width, 1 - label.y / height
        figure.text(*place, label.text, size=size, weight=weight, va="bottom", parse_math=False, color="black")
    opacity = pixels(figure)[:height, :width, 3:] / np.float32(255)
    image[:] = np.round(image * (1 - opacity) + ink(colour, channels) * opacity)
