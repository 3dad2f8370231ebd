"""Pooling layers: maxima and means over windows, or over all positions, for one, two and three spatial axes."""

from __future__ import annotations

from typing import Any, Unpack

import jax.numpy as jnp

from jkeras._base.errors import unknown_name
from jkeras._base.registry import export
from jkeras._base.types import Array, Ints, Tree, Weights
from jkeras.layer.base import BaseArguments
from jkeras.layers.spatial import SpatialLayer
from jkeras.nn.conv import spatial
from jkeras.nn.pool import avg_pool, global_avg_pool, global_max_pool, max_pool, spatial_axes


class _Pooling(SpatialLayer):
    """What both kinds of windows share."""

    def __init__(
        self,
        pool_size: Ints = 2,
        strides: Ints | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format, name=name, **kwargs)
        self.pool_size = spatial(pool_size, self.rank, "pool_size")
        self.strides = self.pool_size if strides is None else spatial(strides, self.rank, "strides")
        self.padding = str(padding).lower()
        if self.padding not in ("valid", "same"):
            raise unknown_name(f"padding of {type(self).__name__}", padding, ("valid", "same"))


class MaxPooling(_Pooling):
    """The maximum of every window.

    Args:
        pool_size: window size, an int or one per spatial axis.
        strides: steps between windows; None means `pool_size`.
        padding: `"valid"` drops windows that stick out, `"same"` keeps them.
        data_format: `"channels_last"` or `"channels_first"`; default the configured one.
        name: of the layer.
        kwargs: as every layer.

    Call:
        x: `(batch, *space, channels)`, or `(batch, channels, *space)`. Returns smaller images of the same layout.
    """

    def forward(self, w: Weights, x: Array) -> Array:
        """The maxima."""
        return max_pool(x, self.pool_size, self.strides, self.padding, self.data_format)


class AveragePooling(_Pooling):
    """The mean of every window, without what lies beyond the edge; arguments as `MaxPooling`.

    The default of `pool_size` is Keras 2's; Keras 3 has none.
    """

    def forward(self, w: Weights, x: Array) -> Array:
        """The means."""
        return avg_pool(x, self.pool_size, self.strides, self.padding, self.data_format)


class _GlobalPooling(SpatialLayer):
    """One number per channel.

    Args:
        data_format: `"channels_last"` or `"channels_first"`; default the configured one.
        keepdims: whether the spatial axes stay, with size 1.
        kwargs: as every layer.
    """

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Unpack[BaseArguments]):
        super().__init__(data_format, **kwargs)
        self.keepdims = keepdims


class GlobalMaxPooling(_GlobalPooling):
    """The maximum over all positions."""

    def forward(self, w: Weights, x: Array) -> Array:
        """The maxima."""
        return global_max_pool(x, self.data_format, self.keepdims)


class GlobalAveragePooling(_GlobalPooling):
    """The mean over all positions."""

    def forward(self, w: Weights, x: Array) -> Array:
        """The means."""
        return global_avg_pool(x, self.data_format, self.keepdims)


@export("keras.layers.MaxPooling1D", "keras.layers.MaxPool1D")
class MaxPooling1D(MaxPooling):
    """Max-pooling of sequences `(batch, steps, channels)`; arguments as `MaxPooling`."""

    rank = 1


@export("keras.layers.MaxPooling2D", "keras.layers.MaxPool2D")
class MaxPooling2D(MaxPooling):
    """Max-pooling of images `(batch, height, width, channels)`; arguments as `MaxPooling`.

    Example:
        >>> import numpy as np
        >>> MaxPooling2D()(np.arange(4, dtype=np.float32).reshape(1, 2, 2, 1)).ravel().tolist()
        [3.0]
    """

    rank = 2


@export("keras.layers.MaxPooling3D", "keras.layers.MaxPool3D")
class MaxPooling3D(MaxPooling):
    """Max-pooling of volumes `(batch, depth, height, width, channels)`; arguments as `MaxPooling`."""

    rank = 3


@export("keras.layers.AveragePooling1D", "keras.layers.AvgPool1D")
class AveragePooling1D(AveragePooling):
    """Means of windows of sequences `(batch, steps, channels)`; arguments as `AveragePooling`."""

    rank = 1


@export("keras.layers.AveragePooling2D", "keras.layers.AvgPool2D")
class AveragePooling2D(AveragePooling):
    """Means of windows of images `(batch, height, width, channels)`; arguments as `AveragePooling`.

    Example:
        >>> import numpy as np
        >>> AveragePooling2D(2)(np.arange(4, dtype=np.float32).reshape(1, 2, 2, 1)).ravel().tolist()
        [1.5]
    """

    rank = 2


@export("keras.layers.AveragePooling3D", "keras.layers.AvgPool3D")
class AveragePooling3D(AveragePooling):
    """Means of windows of volumes `(batch, depth, height, width, channels)`; arguments as `AveragePooling`."""

    rank = 3


@export("keras.layers.GlobalMaxPooling1D", "keras.layers.GlobalMaxPool1D")
class GlobalMaxPooling1D(GlobalMaxPooling):
    """The maximum over all steps of sequences `(batch, steps, channels)`."""

    rank = 1


@export("keras.layers.GlobalMaxPooling2D", "keras.layers.GlobalMaxPool2D")
class GlobalMaxPooling2D(GlobalMaxPooling):
    """The maximum over all positions of images `(batch, height, width, channels)`.

    Example:
        >>> import numpy as np
        >>> GlobalMaxPooling2D()(np.arange(8, dtype=np.float32).reshape(1, 2, 2, 2)).tolist()
        [[6.0, 7.0]]
    """

    rank = 2


@export("keras.layers.GlobalMaxPooling3D", "keras.layers.GlobalMaxPool3D")
class GlobalMaxPooling3D(GlobalMaxPooling):
    """The maximum over all positions of volumes `(batch, depth, height, width, channels)`."""

    rank = 3


@export("keras.layers.GlobalAveragePooling1D", "keras.layers.GlobalAvgPool1D")
class GlobalAveragePooling1D(GlobalAveragePooling):
    """The mean over all steps of sequences `(batch, steps, channels)`, or over those that a mask keeps.

    Call:
        x: `(batch, steps, channels)`, or `(batch, channels, steps)` for `channels_first`.
        mask: `(batch, steps)`, True where a step counts.

    Example:
        >>> import numpy as np
        >>> x = np.array([[[1.0], [3.0], [8.0]]], np.float32)
        >>> GlobalAveragePooling1D()(x, mask=np.array([[True, True, False]])).tolist()
        [[2.0]]
    """

    rank = 1
    supports_masking = True

    def forward(self, w: Weights, x: Tree, *, mask: Tree = None) -> Tree:
        """The means."""
        if mask is None:
            return super().forward(w, x)
        (axis,) = spatial_axes(x.ndim, self.data_format)
        keep = jnp.expand_dims(mask.astype(bool), -1 if axis == 1 else 1)
        total = jnp.sum(jnp.where(keep, x, 0), axis, keepdims=self.keepdims)
        return total / jnp.sum(keep, axis, keepdims=self.keepdims, dtype=x.dtype)

    def compute_mask(self, inputs: Tree, mask: Tree = None) -> Tree:
        """None: there are no steps left to mask."""
        return None


@export("keras.layers.GlobalAveragePooling2D", "keras.layers.GlobalAvgPool2D")
class GlobalAveragePooling2D(GlobalAveragePooling):
    """The mean over all positions of images `(batch, height, width, channels)`.

    Example:
        >>> import numpy as np
        >>> GlobalAveragePooling2D()(np.arange(8, dtype=np.float32).reshape(1, 2, 2, 2)).tolist()
        [[3.0, 4.0]]
    """

    rank = 2


@export("keras.layers.GlobalAveragePooling3D", "keras.layers.GlobalAvgPool3D")
class GlobalAveragePooling3D(GlobalAveragePooling):
    """The mean over all positions of volumes `(batch, depth, height, width, channels)`."""

    rank = 3


MaxPool1D, MaxPool2D, MaxPool3D = MaxPooling1D, MaxPooling2D, MaxPooling3D
AvgPool1D, AvgPool2D, AvgPool3D = AveragePooling1D, AveragePooling2D, AveragePooling3D
GlobalMaxPool1D, GlobalMaxPool2D, GlobalMaxPool3D = GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D
GlobalAvgPool1D, GlobalAvgPool2D, GlobalAvgPool3D = GlobalAveragePooling1D, GlobalAveragePooling2D, GlobalAveragePooling3D
