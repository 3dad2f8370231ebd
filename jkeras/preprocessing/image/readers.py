"""`ImageReader`: batches of image files, each file read by one of several threads, straight into its place in the batch.

Pillow and NumPy release the interpreter lock while they decode and resize, so threads suffice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from jkeras._base.aligned import aligned_empty
from jkeras.data.source import naming
from jkeras.data.workers import in_threads
from jkeras.preprocessing.image.files import MODES, load_img, middle, resize_array


@dataclass(frozen=True)
class ImageReader:
    """Reads image files as float32 of one size.

    Attributes:
        size: `(height, width)`.
        color_mode: `"rgb"`, `"rgba"` or `"grayscale"`.
        interpolation: as of `smart_resize`.
        crop, pad: whether to cut images, or to put zeros around them, rather than to distort them.
        channels_first: whether the channels go before the height.
    """

    size: tuple[int, int]
    color_mode: str = "rgb"
    interpolation: str = "bilinear"
    crop: bool = False
    pad: bool = False
    channels_first: bool = False

    def begin(self, paths: Sequence[str]) -> Callable[[], np.ndarray]:
        """Begin to read a batch.

        Returns:
            A function that waits for the images, `(batch, height, width, channels)` or `(batch, channels, height, width)`.
        """
        channels = len(MODES[self.color_mode])
        shape = (channels, *self.size) if self.channels_first else (*self.size, channels)
        images = aligned_empty((len(paths), *shape), "float32")
        wait = in_threads(self._read, zip(paths, images))

        def finish() -> np.ndarray:
            wait()
            return images

        return finish

    def _read(self, path: str, out: np.ndarray) -> None:
        with naming(repr(path)):
            pixels = np.asarray(load_img(path, color_mode=self.color_mode))
            pixels = pixels if pixels.ndim == 3 else pixels[..., None]
            if self.crop:
                pixels = middle(pixels, self.size)
            elif self.pad:
                pixels = _framed(pixels, self.size)
            if self.channels_first:
                out[...] = resize_array(pixels, self.size, self.interpolation).transpose(2, 0, 1)
            else:
                resize_array(pixels, self.size, self.interpolation, out)


def _framed(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The image centred in the smallest frame of zeros that has the proportions of `size`."""
    height, width = image.shape[:2]
    tall, wide = max(height, int(width * size[0] / size[1])), max(width, int(height * size[1] / size[0]))
    top, left = (tall - height) // 2, (wide - width) // 2
    return np.pad(image, ((top, tall - height - top), (left, wide - width - left), (0, 0)))
