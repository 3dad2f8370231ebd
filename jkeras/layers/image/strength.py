"""Image layers with one number for how strong a change is, drawn for each image from a range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, Unpack

from jkeras.layers.image.base import BoxArguments, RandomImageLayer
from jkeras.layers.image.factors import Factor, checked_pair, upwards


class StrengthLayer(RandomImageLayer):
    """A change of the values of each image, as strong as a factor says; subclasses define `draw` and `augment`.

    Args:
        factor: a number f for [0, f], or a pair.
        value_range: `(low, high)`, the range of pixel values.
        data_format: `"channels_last"` or `"channels_first"`; default the configured one.
        seed: an integer that is mixed into the key of every draw.
        kwargs: as every layer, and `bounding_box_format`.
    """

    _bounds: ClassVar[Mapping[str, float]] = MappingProxyType({})  # of the factor, as `upwards` takes them

    def __init__(
        self,
        factor: Factor,
        value_range: Sequence[float] = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Unpack[BoxArguments],
    ):
        super().__init__(seed, data_format, **kwargs)
        self.factor = upwards(self, "factor", factor, **self._bounds)
        self.value_range = checked_pair(self, "value_range", value_range)
