"""Layers that put zeros around the spatial axes, and layers that cut their ends off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import jax.numpy as jnp
import numpy as np

from jkeras._base.errors import describe
from jkeras._base.registry import export
from jkeras._base.types import Array, Ints, Weights
from jkeras.layer.base import BaseArguments, Layer
from jkeras.layers.spatial import SpatialLayer
from jkeras.nn.pool import spatial_axes

_Margins = Ints | Sequence[Sequence[int]]
_Pairs = tuple[tuple[int, int], ...]


def _listed(value: object) -> object:
    return value.tolist() if isinstance(value, np.ndarray) else value


def _pair(value: object) -> tuple[int, int] | None:
    value = _listed(value)
    values = (value, value) if isinstance(value, int) else tuple(value) if isinstance(value, (tuple, list)) else ()
    return values if len(values) == 2 and all(isinstance(v, int) and v >= 0 for v in values) else None


def _pairs(layer: Layer, name: str, value: object, rank: int) -> _Pairs:
    """`((before, after), ...)` per spatial axis, from an int, one entry per axis, or the pairs themselves."""
    value = _listed(value)
    entries = (value,) * rank if isinstance(value, int) else tuple(value) if isinstance(value, (tuple, list)) else ()
    pairs = tuple(pair for pair in map(_pair, entries) if pair is not None)
    if len(pairs) != len(entries) or len(pairs) != rank:
        raise ValueError(
            f"{type(layer).__name__} takes as {name} an int of 0 or more, one per spatial axis, or {rank} pairs "
            f"(before, after). Received: {name}={value!r}."
        )
    return pairs


def _one_pair(layer: Layer, name: str, value: object) -> tuple[int, int]:
    pair = _pair(value)
    if pair is None:
        raise ValueError(f"{type(layer).__name__} takes an int of 0 or more, or a pair of them, as {name}. Received: {value!r}.")
    return pair


class _MarginLayer(SpatialLayer):
    """Adds or removes entries at both ends of spatial axes."""

    def _pad(self, x: Array, pairs: _Pairs) -> Array:
        margins = [(0, 0)] * x.ndim
        for axis, pair in zip(spatial_axes(x.ndim, self.data_format), pairs):
            margins[axis] = pair
        return jnp.pad(x, margins)

    def _crop(self, x: Array, pairs: _Pairs) -> Array:
        slices = [slice(None)] * x.ndim
        for axis, (before, after) in zip(spatial_axes(x.ndim, self.data_format), pairs):
            slices[axis] = slice(before, -after or None)
        cropped = x[tuple(slices)]
        if 0 in cropped.shape and 0 not in x.shape:
            raise ValueError(f"{self.name}: cropping {pairs} leaves nothing of {describe(x)}.")
        return cropped


@export("keras.layers.ZeroPadding1D")
class ZeroPadding1D(_MarginLayer):
    """Zeros before and after sequences `(batch, steps, channels)`.

    Args:
        padding: an int for both ends, or a pair.
        data_format: `"channels_last"` or `"channels_first"`; default the configured one.
        kwargs: as every layer.

    Example:
        >>> import numpy as np
        >>> ZeroPadding1D((1, 2))(np.ones((1, 1, 1), np.float32)).ravel().tolist()
        [0.0, 1.0, 0.0, 0.0]
    """

    rank = 1

    def __init__(self, padding: _Margins = 1, data_format: str | None = None, **kwargs: Unpack[BaseArguments]):
        super().__init__(data_format, **kwargs)
        self.padding = _one_pair(self, "padding", padding)

    def forward(self, w: Weights, x: Array) -> Array:
        """The padded input."""
        return self._pad(x, (self.padding,))


@export("keras.layers.ZeroPadding2D")
class ZeroPadding2D(_MarginLayer):
    """Zeros around images `(batch, height, width, channels)`.

    Args:
        padding: an int, `(rows, columns)`, or `((top, bottom), (left, right))`.
        data_format: `"channels_last"` or `"channels_first"`; default the configured one.
        kwargs: as every layer.

    Example:
        >>> import numpy as np
        >>> ZeroPadding2D(((0, 0), (1, 2)))(np.ones((1, 1, 1, 1), np.float32)).ravel().tolist()
        [0.0, 1.0, 0.0, 0.0]
    """

    rank = 2

    def __init__(self, padding: _Margins = (1, 1), data_format: str | None = None, **kwargs: Unpack[BaseArguments]):
        super().__init__(data_format, **kwargs)
        self.padding = _pairs(self, "padding", padding, self.rank)

    def forward(self, w: Weights, x: Array) -> Array:
        """The padded input."""
        return self._pad(x, self.padding)


@export("keras.layers.ZeroPadding3D")
class ZeroPadding3D(ZeroPadding2D):
    """Zeros around volumes `(batch, depth, height, width, channels)`; arguments as `ZeroPadding2D`, with three axes."""

    rank = 3

    def __init__(
        self, padding: _Margins = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None, **kwargs: Unpack[BaseArguments]
    ):
        super().__init__(padding, data_format, **kwargs)


@export("keras.layers.Cropping1D")
class Cropping1D(_MarginLayer):
    """Sequences `(batch, steps, channels)` without their first and last steps.

    Args:
        cropping: an int for both ends, or a pair.
        kwargs: as every layer.

    Raises:
        ValueError: when called, if nothing is left.

    Example:
        >>> import numpy as np
        >>> Cropping1D((1, 0))(np.arange(3, dtype=np.float32).reshape(1, 3, 1)).ravel().tolist()
        [1.0, 2.0]
    """

    rank = 1

    def __init__(self, cropping: _Margins = (1, 1), **kwargs: Unpack[BaseArguments]):
        super().__init__("channels_last", **kwargs)
        self.cropping = _one_pair(self, "cropping", cropping)

    def forward(self, w: Weights, x: Array) -> Array:
        """What is left."""
        return self._crop(x, (self.cropping,))


@export("keras.layers.Cropping2D")
class Cropping2D(_MarginLayer):
    """Images `(batch, height, width, channels)` without their margins.

    Args:
        cropping: an int, `(rows, columns)`, or `((top, bottom), (left, right))`.
        data_format: `"channels_last"` or `"channels_first"`; default the configured one.
        kwargs: as every layer.

    Raises:
        ValueError: when called, if nothing is left.

    Example:
        >>> import numpy as np
        >>> Cropping2D(((0, 0), (1, 0)))(np.arange(3, dtype=np.float32).reshape(1, 1, 3, 1)).ravel().tolist()
        [1.0, 2.0]
    """

    rank = 2

    def __init__(self, cropping: _Margins = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Unpack[BaseArguments]):
        super().__init__(data_format, **kwargs)
        self.cropping = _pairs(self, "cropping", cropping, self.rank)

    def forward(self, w: Weights, x: Array) -> Array:
        """What is left."""
        return self._crop(x, self.cropping)


@export("keras.layers.Cropping3D")
class Cropping3D(Cropping2D):
    """Volumes `(batch, depth, height, width, channels)` without their margins; arguments as `Cropping2D`, with three axes."""

    rank = 3

    def __init__(
        self, cropping: _Margins = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None, **kwargs: Unpack[BaseArguments]
    ):
        super().__init__(cropping, data_format, **kwargs)
