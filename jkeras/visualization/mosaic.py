"""Many small images side by side in one image, with lines between them."""

from __future__ import annotations

import math

import numpy as np


def mosaic(tiles: np.ndarray, columns: int | None = None, line: int = 1) -> np.ndarray:
    """One image of many.

    Args:
        tiles: `(n, height, width)`, or `(n, height, width, channels)`.
        columns: tiles in a row; by default the mosaic is about square.
        line: width of the lines between tiles in pixels; they are NaN, which is drawn white.

    Returns:
        `(rows * height + lines, columns * width + lines)`, with the channels last if there are any.

    Example:
        >>> mosaic(np.zeros((4, 3, 3))).shape
        (7, 7)
    """
    n, height, width = tiles.shape[:3]
    across = min(n, columns or math.ceil(math.sqrt(n * height / width)))
    down = -(-n // across)
    whole = np.full((down * (height + line) - line, across * (width + line) - line, *tiles.shape[3:]), np.nan, np.float32)
    for i, tile in enumerate(tiles):
        y, x = i // across * (height + line), i % across * (width + line)
        whole[y : y + height, x : x + width] = tile
    return whole


def unit_range(tiles: np.ndarray) -> np.ndarray:
    """Each tile stretched to the range 0 to 1 on its own; a constant one becomes 0."""
    axes = tuple(range(1, tiles.ndim))
    low, high = tiles.min(axis=axes, keepdims=True), tiles.max(axis=axes, keepdims=True)
    return (tiles - low) / np.where(high > low, high - low, 1)
