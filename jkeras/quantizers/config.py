"""How a layer or a model is quantized: the argument `config` of `quantize`, and of layers `quantization_config`.

| class                    | kernels                                    | what the layer multiplies                |
|--------------------------|--------------------------------------------|------------------------------------------|
| Int8QuantizationConfig   | int8, a scale for each channel             | int8, a scale for each row               |
| Int4QuantizationConfig   | int4, a scale and zero point for each block| floats                                   |
| Float8QuantizationConfig | floats, rounded to 8 bits in each step     | the same                                 |

Those that need data are in `calibrated_config.py`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Self

from jkeras._base.configurable import Configurable
from jkeras._base.errors import describe
from jkeras._base.registry import export
from jkeras._base.types import Config, CustomObjects
from jkeras.quantizers.base import AbsMaxQuantizer, Quantizer

# A quantizer, or a function of an array that gives integers and a scale.
QuantizerLike = Quantizer | Callable[..., Any] | None

_NO_QUANTIZER = """{name} of {owner} is a quantizer of keras.quantizers, or a function (x, axis) that returns integers and their
scale. Received: {given}."""
_NO_AXIS = """{name} of {owner} is called as quantizer(x, axis=axes), with the axes that share a scale, which depend on the layer.
Received {given}, which has no argument `axis`."""


def takes_axis(quantizer: Callable[..., Any]) -> bool:
    """Whether a quantizer can be told the axes that share a scale.

    Example:
        >>> takes_axis(AbsMaxQuantizer()), takes_axis(lambda x: (x, 1.0))
        (True, False)
    """
    try:
        arguments = inspect.signature(quantizer).parameters.values()
    except (TypeError, ValueError):  # it does not say what it takes
        return True
    return any(argument.name == "axis" or argument.kind is argument.VAR_KEYWORD for argument in arguments)


@export("keras.quantizers.QuantizationConfig")
class QuantizationConfig(Configurable):
    """The base of all: a mode and two quantizers.

    Args:
        weight_quantizer: makes the integers of a kernel; None: the mode's own. One without an argument `axis` knows the axes by
            itself.
        activation_quantizer: makes those of what it is multiplied with; None: that stays as it is.

    Raises:
        TypeError: one of them cannot be called, or the second takes no `axis`.

    Attributes:
        mode: the name of the form, such as `"int8"`. A subclass defines it.
    """

    def __init__(self, weight_quantizer: QuantizerLike = None, activation_quantizer: QuantizerLike = None):
        for name, given in (("weight_quantizer", weight_quantizer), ("activation_quantizer", activation_quantizer)):
            if given is not None and not callable(given):
                raise TypeError(_NO_QUANTIZER.format(name=name, owner=type(self).__name__, given=describe(given)))
        if activation_quantizer is not None and not takes_axis(activation_quantizer):
            shown = describe(activation_quantizer)
            raise TypeError(_NO_AXIS.format(name="activation_quantizer", owner=type(self).__name__, given=shown))
        self.weight_quantizer = weight_quantizer
        self.activation_quantizer = activation_quantizer

    @property
    def mode(self) -> str:
        """The name of the form."""
        raise NotImplementedError(f"{type(self).__name__} has no `mode`. Write Int8QuantizationConfig(), or another subclass.")

    @staticmethod
    def weight_quantizer_or_default(config: QuantizationConfig | None, default: QuantizerLike) -> QuantizerLike:
        """The config's quantizer of weights; `default`, where there is no config or it has none."""
        return default if config is None or config.weight_quantizer is None else config.weight_quantizer

    @staticmethod
    def activation_quantizer_or_default(config: QuantizationConfig | None, default: QuantizerLike) -> QuantizerLike:
        """The config's quantizer of activations, which may be None; `default`, where there is no config."""
        return default if config is None else config.activation_quantizer

    def _check_weights(self, **wanted: object) -> None:
        for name, value in wanted.items():
            if self.weight_quantizer is not None and getattr(self.weight_quantizer, name, None) != value:
                raise ValueError(
                    f"The weight_quantizer of {type(self).__name__} has {name}={value!r}. "
                    f"Received one with {describe(getattr(self.weight_quantizer, name, None))}."
                )


@export("keras.quantizers.Int8QuantizationConfig")
class Int8QuantizationConfig(QuantizationConfig):
    """Kernels and what they are multiplied with as 8-bit integers.

    Args:
        weight_quantizer: of `output_dtype="int8"`; None: a scale for each channel.
        activation_quantizer: default `AbsMaxQuantizer()`; None: activations stay floats.

    Raises:
        ValueError: the quantizer of weights makes another dtype.

    Example:
        >>> config = Int8QuantizationConfig(activation_quantizer=None)
        >>> config.mode, config.activation_quantizer
        ('int8', None)
    """

    mode = "int8"

    def __init__(self, weight_quantizer: QuantizerLike = None, activation_quantizer: Any = "default"):
        super().__init__(weight_quantizer, AbsMaxQuantizer() if activation_quantizer == "default" else activation_quantizer)
        self._check_weights(output_dtype="int8")


@export("keras.quantizers.Int4QuantizationConfig")
class Int4QuantizationConfig(QuantizationConfig):
    """Kernels as 4-bit integers.

    Args:
        weight_quantizer: of `value_range=(-8, 7)` and `output_dtype="int8"`; needs whole channels.
        activation_quantizer: default None: activations stay floats. Another needs whole channels.
        block_size: how many entries share a scale, 128 by default; None or -1: all of a channel.

    Raises:
        ValueError: a block size below 1; a quantizer together with blocks, or of weights in another form.

    Example:
        >>> Int4QuantizationConfig(block_size=64).block_size
        64
        >>> Int4QuantizationConfig(activation_quantizer=AbsMaxQuantizer(), block_size=None).mode
        'int4'
    """

    mode = "int4"

    def __init__(
        self,
        weight_quantizer: QuantizerLike = None,
        activation_quantizer: Any = "default",
        block_size: int | None = 128,
    ):
        super().__init__(weight_quantizer, None if activation_quantizer == "default" else activation_quantizer)
        self.block_size = block_size
        if block_size not in (None, -1):
            if block_size < 1:
                raise ValueError(f"block_size is 1 or more, or None for whole channels. Received: {describe(block_size)}.")
            if self.weight_quantizer is not None or self.activation_quantizer is not None:
                raise ValueError(f"Blocks take no quantizers. Write block_size=None instead. Received: {describe(block_size)}.")
        self._check_weights(value_range=(-8, 7), output_dtype="int8")

    @classmethod
    def from_config(cls, config: Config, custom_objects: CustomObjects = None) -> Self:
        """Make an object from what `get_config` gave. Configs written before blocks existed mean whole channels."""
        return super().from_config({"block_size": None, **config}, custom_objects)


@export("keras.quantizers.Float8QuantizationConfig")
class Float8QuantizationConfig(QuantizationConfig):
    """Training with kernels, activations and gradients rounded to 8-bit floats. It takes no quantizers.

    Example:
        >>> Float8QuantizationConfig().mode
        'float8'
    """

    mode = "float8"

    def __init__(self) -> None:
        super().__init__()
