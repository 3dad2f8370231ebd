"""What layers over the spatial axes of images share: how many axes there are, and where they lie."""

from __future__ import annotations

from typing import Any

from jkeras._base.config import standardize_data_format
from jkeras.layer.base import Layer
from jkeras.layer.input_spec import InputSpec


class SpatialLayer(Layer):
    """A layer over sequences, images or volumes of one layout; subclasses say how many spatial axes there are.

    Args:
        data_format: `"channels_last"` or `"channels_first"`; default the configured one.
        kwargs: as every layer.
    """

    rank: int

    def __init__(self, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)
