"""What a quantizer is: a function that makes small integers of an array, and the scale that leads back."""

from __future__ import annotations

from typing import Any

from jkeras._base.configurable import Configurable
from jkeras._base.errors import describe
from jkeras._base.plain_numbers import INTEGERS
from jkeras._base.registry import export
from jkeras._base.types import Tensor
from jkeras.quantizers.functions import Axes, Levels, abs_max_quantize


@export("keras.quantizers.Quantizer", "keras.Quantizer")
class Quantizer(Configurable):
    """The base of all quantizers, itself without effect; a subclass overrides `__call__`.

    Args:
        output_dtype: of the integers, int8 by default.

    Example:
        >>> Quantizer().output_dtype
        'int8'
    """

    def __init__(self, output_dtype: str = "int8"):
        self.output_dtype = output_dtype

    def __call__(self, x: Tensor) -> Any:
        """The quantized array; subclasses return its scale as well."""
        return x


@export("keras.quantizers.AbsMaxQuantizer")
class AbsMaxQuantizer(Quantizer):
    """`q = round(x scale)` with `scale = value_range[1] / (max |x| + epsilon)`.

    Args:
        axis: the axis or axes that share a scale, where a call does not name them; default the last.
        value_range: the least and the largest integer.
        epsilon: keeps the scale of zeros finite.
        output_dtype: of the integers.

    Raises:
        ValueError: the range is no pair of numbers, or does not fit in int8, where that is the dtype.

    Example:
        >>> q, scale = AbsMaxQuantizer()([[-1.0, 0.25], [4.0, 2.0]])
        >>> q.tolist(), scale.round(2).tolist()
        ([[-127, 32], [127, 64]], [[127.0], [31.75]])
    """

    def __init__(
        self,
        axis: int | tuple[int, ...] | None = None,
        value_range: Levels = (-127, 127),
        epsilon: float = 1e-7,
        output_dtype: str = "int8",
    ):
        super().__init__(output_dtype)
        self.value_range = tuple(value_range)
        if len(self.value_range) != 2 or not all(isinstance(end, (*INTEGERS, float)) for end in self.value_range):
            raise ValueError(f"The value_range is a pair of numbers, such as (-127, 127). Received: {describe(value_range)}.")
        low, high = self.value_range
        if output_dtype == "int8" and (low < -128 or high > 127):
            raise ValueError(f"The value_range of int8 lies within (-128, 127). Received: {describe(value_range)}.")
        self.axis = (axis,) if isinstance(axis, int) else axis if axis is None else tuple(axis)
        self.epsilon = epsilon

    def __call__(self, x: Tensor, axis: Axes = None, to_numpy: bool = False) -> tuple[Tensor, Tensor]:
        """The integers and their scale.

        Args:
            x: floats of any shape.
            axis: the axis or axes that share a scale; None: those of the constructor.
            to_numpy: compute on the host, to spare the memory of an accelerator.
        """
        axis = next(a for a in (axis, self.axis, -1) if a is not None)
        return abs_max_quantize(x, axis, self.value_range, self.output_dtype, self.epsilon, to_numpy)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments; without `axis` where there is none, as in Keras."""
        config = super().get_config()
        return {name: value for name, value in config.items() if name != "axis" or value is not None}
