"""Layers that make the spatial axes longer: entries repeated, or resampled."""

from __future__ import annotations

from typing import Unpack

import jax.numpy as jnp

from jkeras._base.errors import unknown_name
from jkeras._base.registry import export
from jkeras._base.types import Array, Ints, Weights
from jkeras.layer.base import BaseArguments
from jkeras.layers.spatial import SpatialLayer
from jkeras.nn import image
from jkeras.nn.conv import spatial
from jkeras.nn.pool import spatial_axes


class _UpSampling(SpatialLayer):
    """Repeats every entry along the spatial axes."""

    size: int | tuple[int, ...]

    def forward(self, w: Weights, x: Array) -> Array:
        """The larger input."""
        for axis, times in zip(spatial_axes(x.ndim, self.data_format), spatial(self.size, self.rank, "size")):
            x = jnp.repeat(x, times, axis)
        return x


@export("keras.layers.UpSampling1D")
class UpSampling1D(_UpSampling):
    """Repeat every step of sequences `(batch, steps, channels)`.

    Args:
        size: how many times, an int.
        kwargs: as every layer.

    Example:
        >>> import numpy as np
        >>> UpSampling1D(2)(np.arange(2, dtype=np.float32).reshape(1, 2, 1)).ravel().tolist()
        [0.0, 0.0, 1.0, 1.0]
    """

    rank = 1

    def __init__(self, size: int = 2, **kwargs: Unpack[BaseArguments]):
        super().__init__("channels_last", **kwargs)
        if isinstance(size, bool) or not isinstance(size, int):
            raise TypeError(f"UpSampling1D takes a positive int as size. Received: size={size!r}.")
        if size < 1:
            raise ValueError(f"UpSampling1D takes a positive int as size. Received: size={size!r}.")
        self.size = size


@export("keras.layers.UpSampling2D")
class UpSampling2D(_UpSampling):
    """Images `(batch, height, width, channels)` at a multiple of their size.

    Args:
        size: an int, or `(rows, columns)`.
        data_format: `"channels_last"` or `"channels_first"`; default the configured one.
        interpolation: `"nearest"` repeats pixels; `"bilinear"`, `"bicubic"`, `"lanczos3"` and `"lanczos5"` resample.
        kwargs: as every layer.

    Example:
        >>> import numpy as np
        >>> UpSampling2D((1, 2))(np.arange(2, dtype=np.float32).reshape(1, 1, 2, 1)).ravel().tolist()
        [0.0, 0.0, 1.0, 1.0]
    """

    rank = 2
    size: tuple[int, ...]

    def __init__(
        self,
        size: Ints = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        **kwargs: Unpack[BaseArguments],
    ):
        super().__init__(data_format, **kwargs)
        self.size = spatial(size, self.rank, "size")
        self.interpolation = interpolation.lower()
        if self.interpolation not in image.METHODS:
            raise unknown_name("interpolation of UpSampling2D", interpolation, image.METHODS)

    def forward(self, w: Weights, x: Array) -> Array:
        """The larger images."""
        if self.interpolation == "nearest":
            return super().forward(w, x)
        first = self.data_format == "channels_first"
        x = jnp.moveaxis(x, 1, -1) if first else x
        y = image.resize(x, x.shape[1] * self.size[0], x.shape[2] * self.size[1], self.interpolation)
        return jnp.moveaxis(y, -1, 1) if first else y


@export("keras.layers.UpSampling3D")
class UpSampling3D(_UpSampling):
    """Repeat every entry of volumes `(batch, depth, height, width, channels)`.

    Args:
        size: an int, or one per spatial axis.
        data_format: `"channels_last"` or `"channels_first"`; default the configured one.
        kwargs: as every layer.
    """

    rank = 3

    def __init__(self, size: Ints = (2, 2, 2), data_format: str | None = None, **kwargs: Unpack[BaseArguments]):
        super().__init__(data_format, **kwargs)
        self.size = spatial(size, self.rank, "size")
