"""`QuantizableLayer`: a layer whose kernels may be kept in several forms.

| policy                   | form                                     | file            |
|--------------------------|------------------------------------------|-----------------|
| `int8_from_float32`      | `Int8`                                   | `integers.py`   |
| `int4/128_from_float32`  | `Int4`, here with a scale for 128 entries| `integers.py`   |
| `float8_from_float32`    | `Float8`                                 | `float8.py`     |
| `gptq/4/128_from_...`    | `Calibrated`                             | `calibrated.py` |

A layer says in `_layouts` which of its weights change, and how they lie. `forward` stays as it is: it gets arrays, or what
multiplies in their place (`nn/kernel.py`).
"""

from __future__ import annotations

from typing import Any

from jkeras._base.configurable import is_library, serialize
from jkeras._base.dtype_policy_map import DTypePolicyMap
from jkeras._base.dtypes import DTypePolicy, get_policy
from jkeras._base.quantized_policies import Int4DTypePolicy
from jkeras.layer.declaration import Declaration, Weight
from jkeras.layers.form import Form
from jkeras.layers.low_rank import LowRank, LowRankLayer
from jkeras.layers.quantization.calibrated import Calibrated
from jkeras.layers.quantization.float8 import Float8
from jkeras.layers.quantization.integers import AnyLayout, Int4, Int8
from jkeras.layers.quantization.layout import KernelLayout
from jkeras.layers.quantization.quantized import Quantized
from jkeras.quantizers import AbsMaxQuantizer, Int4QuantizationConfig
from jkeras.quantizers.calibrated_config import CalibratedConfig
from jkeras.quantizers.config import QuantizationConfig, QuantizerLike

_UPDATED = "{layer!r} has a low-rank update, which the form {mode!r} does not take, only int8 and int4."
_NEEDS_DATA = """Implicitly enabling {name} quantization by setting dtype_policy to {policy!r} is not supported: it needs data.
Write model.quantize({mode!r}, config) with a config of keras.quantizers."""


class QuantizableLayer(LowRankLayer):
    """A layer whose kernels may be kept in several forms.

    Args:
        quantization_config: how a layer with a quantized `dtype` quantizes, an object of `keras.quantizers`; default that of the
            mode.
        kwargs: as for `LowRankLayer`.
    """

    _modes: tuple[str, ...] = ("int8", "int4", "float8", "gptq", "awq")
    _modes_of_inputs: tuple[str, ...] = ("int8",)  # those that make integers of inputs by default
    _zero_name = "kernel_zero"
    _form: Form | None = None

    def __init__(self, *, quantization_config: QuantizationConfig | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.quantization_config = quantization_config

    def _layouts(self) -> tuple[AnyLayout, ...]:
        """How the weights lie that change."""
        return (KernelLayout("kernel"),)

    def _weights_to_keep(self, weights: Declaration) -> Declaration:
        if self.quantization_mode is None:
            return weights
        form = self._take_form(self.quantization_mode, self.quantization_config)
        if isinstance(form, Calibrated):
            setattr(self, form.flag, False)
        return form.declare(weights)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments in Keras' JSON shape, with the config that the layer was quantized by."""
        config = super().get_config()
        return (
            config if self.quantization_config is None else {**config, "quantization_config": serialize(self.quantization_config)}
        )

    def policy_says_all(self) -> bool:
        """Whether a layer of the same policy, made without a config, quantizes as this one does."""
        config = self.quantization_config
        if config is None:
            return True
        inputs = serialize(self._default_inputs(config.mode))
        return config.weight_quantizer is None and serialize(config.activation_quantizer) == inputs

    def quantized_build(self, input_shape: Any, mode: str, config: QuantizationConfig | None = None) -> None:
        """Make what a form keeps of a kernel; `build` does it for a layer with a quantized policy.

        Args:
            input_shape: the shape of the kernel.
            mode: of the form.
            config: as for `quantize`.
        """
        role = self._layouts()[0].role
        for weight in self._take_form(mode, config).declare(iter([Weight(role, tuple(input_shape), "zeros")])):
            self._make_weight(weight)

    def _quantize(self, config: QuantizationConfig, type_check: bool) -> None:
        if type_check and not is_library(type(self)):
            raise self._no_method("quantize")
        self._take_form(config.mode, config).convert(self)
        self.quantization_config = config
        if self.dtype_policy.quantization_mode is None:
            self._dtype_policy = get_policy(f"{_policy_mode(config)}_from_{self.dtype_policy.name}")

    def _accept_policy(self, policy: DTypePolicy) -> None:
        if isinstance(policy, DTypePolicyMap):
            super()._accept_policy(policy)
        mode = policy.quantization_mode
        if mode is not None and self.__dict__.get("built") and self._form is None:
            if mode in ("gptq", "awq"):
                raise ValueError(_NEEDS_DATA.format(name=mode.upper(), policy=policy.name, mode=mode))
            blocks = isinstance(policy, Int4DTypePolicy)
            self.quantize(mode, Int4QuantizationConfig(block_size=policy.block_size) if blocks else None)  # type: ignore[attr-defined]

    def _take_form(self, mode: str, config: QuantizationConfig | None) -> Any:
        self._check_mode(mode)
        form = self._form_of(mode, config)
        if self.lora_enabled and not form.takes_update:
            raise NotImplementedError(_UPDATED.format(layer=self.name, mode=mode))
        if isinstance(form, (Int8, Int4)):
            self.inputs_quantizer = form.inputs
        self._form = form
        self._rewrite = LowRank(self._low_rank_role, form) if self.lora_enabled else form
        return form

    def _form_of(self, mode: str, config: Any) -> Form:
        policy: Any = self.dtype_policy
        if mode == "float8":
            return Float8(getattr(policy, "amax_history_length", 1024))
        if mode in ("gptq", "awq"):
            numbers: Any = config if isinstance(config, CalibratedConfig) else policy
            return Calibrated(mode, numbers.weight_bits, numbers.group_size, self._zero_name)
        weights: QuantizerLike = None if config is None else config.weight_quantizer
        inputs = self._default_inputs(mode) if config is None else config.activation_quantizer
        if mode == "int8":
            return Int8(self._layouts(), weights, inputs)
        return Int4(self._layouts(), _block_size(config, policy), weights=weights, inputs=inputs)

    def _default_inputs(self, mode: str) -> QuantizerLike:
        return AbsMaxQuantizer() if mode in self._modes_of_inputs else None

    def _check_mode(self, mode: str) -> None:
        if mode not in self._modes:
            raise NotImplementedError(f"{type(self).__name__} {self.name!r} does not have the form {mode!r}, only {self._modes}.")

    def __getattr__(self, name: str) -> Any:
        form = self.__dict__.get("_form")
        if isinstance(form, Quantized) and form.hidden and name in form.roles:
            return form.shown(self, name)
        return super().__getattr__(name)


def _block_size(config: object, policy: object) -> int | None:
    """The block size of a config, else of a policy; None for one scale for all."""
    return next((one.block_size for one in (config, policy) if hasattr(one, "block_size")), None)


def _policy_mode(config: Any) -> str:
    """What the policy of a layer begins with that is quantized by a config."""
    if isinstance(config, CalibratedConfig):
        return config.dtype_policy_string()
    mode: str = config.mode
    return f"{mode}/{config.block_size or -1}" if isinstance(config, Int4QuantizationConfig) else mode
