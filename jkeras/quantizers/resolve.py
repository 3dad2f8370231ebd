"""What `quantize(mode, config)` means: one object that says all."""

from __future__ import annotations

from jkeras._base.errors import describe, unknown_name
from jkeras._base.quantized_policies import MODES
from jkeras.quantizers.calibrated_config import AWQConfig, GPTQConfig
from jkeras.quantizers.config import (
    Float8QuantizationConfig,
    Int4QuantizationConfig,
    Int8QuantizationConfig,
    QuantizationConfig,
)

_DEFAULTS = {"int8": Int8QuantizationConfig, "int4": Int4QuantizationConfig, "float8": Float8QuantizationConfig}
_CALIBRATED = {"gptq": GPTQConfig, "awq": AWQConfig}


def resolve_config(mode: str | None, config: QuantizationConfig | str | None = None) -> QuantizationConfig:
    """The config of a call.

    Args:
        mode: its name, such as `"int8"`; None: the config has it.
        config: an object, or a mode; None: the mode's default.

    Raises:
        ValueError: neither is given, they disagree, the mode is unknown, or needs a config because it needs data.

    Example:
        >>> resolve_config("int4").block_size
        128
    """
    if isinstance(config, str):
        mode, config = config, None
    if config is None:
        return _default(mode)
    if not isinstance(config, QuantizationConfig):
        raise ValueError(
            f"`config` is a config of keras.quantizers, such as Int8QuantizationConfig(). Received: {describe(config)}."
        )
    if mode not in (None, config.mode):
        _check(mode)
        raise ValueError(f"The mode is {mode!r}, the config is for {config.mode!r}. Leave out one of them.")
    _check(config.mode)
    wanted = _CALIBRATED.get(config.mode, QuantizationConfig)
    if not isinstance(config, wanted):
        raise ValueError(f"The mode {config.mode!r} takes a {wanted.__name__} as config. Received: {describe(config)}.")
    return config


def _default(mode: str | None) -> QuantizationConfig:
    if mode is None:
        raise ValueError("Nothing says how to quantize. Write quantize('int8'), or pass a config.")
    _check(mode)
    if mode in _CALIBRATED:
        name = _CALIBRATED[mode].__name__
        raise ValueError(f"The mode {mode!r} needs data. Write quantize(config={name}(dataset, tokenizer)).")
    return _DEFAULTS[mode]()


def _check(mode: object) -> None:
    if mode not in MODES:
        raise unknown_name("quantization mode", mode, MODES)
