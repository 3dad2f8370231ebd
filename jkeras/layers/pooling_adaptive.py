"""Adaptive pooling layers: the output has the size that you ask for, whatever the size of the input."""

from __future__ import annotations

from typing import Unpack

from jkeras._base.registry import export
from jkeras._base.types import Array, Ints, Weights
from jkeras.layer.base import BaseArguments
from jkeras.layers.spatial import SpatialLayer
from jkeras.nn.conv import spatial
from jkeras.nn.pool_adaptive import adaptive_avg_pool, adaptive_max_pool


class AdaptivePooling(SpatialLayer):
    """Pooling over windows that cut each spatial axis into a given number of nearly equal parts.

    Of n positions and m windows, window i has those from `floor(i n / m)` up to, not including, `ceil((i + 1) n / m)`.

    Args:
        output_size: the spatial size of the output, an int or one per spatial axis.
        data_format: `"channels_last"` or `"channels_first"`; default the configured one.
        kwargs: as every layer.

    Call:
        x: `(batch, *space, channels)`, or `(batch, channels, *space)`. Returns `(batch, *output_size, channels)`, or
            `(batch, channels, *output_size)`.

    Raises:
        TypeError: `output_size` is neither an integer nor one for each spatial axis.
    """

    def __init__(self, output_size: Ints, data_format: str | None = None, **kwargs: Unpack[BaseArguments]):
        if not isinstance(output_size, (int, tuple, list)) or (
            not isinstance(output_size, int) and len(output_size) != self.rank
        ):
            raise TypeError(
                f"{type(self).__name__} takes as output_size an integer, or a tuple with {self.rank}: one for each spatial axis. "
                f"Received: output_size={output_size!r}."
            )
        super().__init__(data_format, **kwargs)
        self.output_size = spatial(output_size, self.rank, "output_size")


class _AdaptiveAveragePooling(AdaptivePooling):
    def forward(self, w: Weights, x: Array) -> Array:
        """The means."""
        return adaptive_avg_pool(x, self.output_size, self.data_format)


class _AdaptiveMaxPooling(AdaptivePooling):
    def forward(self, w: Weights, x: Array) -> Array:
        """The maxima."""
        return adaptive_max_pool(x, self.output_size, self.data_format)


@export("keras.layers.AdaptiveAveragePooling1D")
class AdaptiveAveragePooling1D(_AdaptiveAveragePooling):
    """Means of a given number of windows over sequences `(batch, steps, channels)`; arguments as `AdaptivePooling`.

    Example:
        >>> import numpy as np
        >>> AdaptiveAveragePooling1D(3)(np.zeros((2, 7, 3), np.float32)).shape
        (2, 3, 3)
    """

    rank = 1


@export("keras.layers.AdaptiveAveragePooling2D")
class AdaptiveAveragePooling2D(_AdaptiveAveragePooling):
    """Means of a given number of windows over images `(batch, height, width, channels)`; arguments as `AdaptivePooling`.

    Example:
        >>> import numpy as np
        >>> AdaptiveAveragePooling2D((3, 2))(np.zeros((2, 7, 9, 3), np.float32)).shape
        (2, 3, 2, 3)
    """

    rank = 2


@export("keras.layers.AdaptiveAveragePooling3D")
class AdaptiveAveragePooling3D(_AdaptiveAveragePooling):
    """Means of a given number of windows over volumes `(batch, depth, height, width, channels)`; arguments as `AdaptivePooling`.

    Example:
        >>> import numpy as np
        >>> AdaptiveAveragePooling3D(2)(np.zeros((1, 4, 5, 6, 2), np.float32)).shape
        (1, 2, 2, 2, 2)
    """

    rank = 3


@export("keras.layers.AdaptiveMaxPooling1D")
class AdaptiveMaxPooling1D(_AdaptiveMaxPooling):
    """Maxima of a given number of windows over sequences `(batch, steps, channels)`; arguments as `AdaptivePooling`.

    Example:
        >>> import numpy as np
        >>> AdaptiveMaxPooling1D(3)(np.zeros((2, 7, 3), np.float32)).shape
        (2, 3, 3)
    """

    rank = 1


@export("keras.layers.AdaptiveMaxPooling2D")
class AdaptiveMaxPooling2D(_AdaptiveMaxPooling):
    """Maxima of a given number of windows over images `(batch, height, width, channels)`; arguments as `AdaptivePooling`.

    Example:
        >>> import numpy as np
        >>> AdaptiveMaxPooling2D((3, 2))(np.zeros((2, 7, 9, 3), np.float32)).shape
        (2, 3, 2, 3)
    """

    rank = 2


@export("keras.layers.AdaptiveMaxPooling3D")
class AdaptiveMaxPooling3D(_AdaptiveMaxPooling):
    """Maxima of a given number of windows over volumes `(batch, depth, height, width, channels)`; arguments as `AdaptivePooling`.

    Example:
        >>> import numpy as np
        >>> AdaptiveMaxPooling3D(2)(np.zeros((1, 4, 5, 6, 2), np.float32)).shape
        (1, 2, 2, 2, 2)
    """

    rank = 3
