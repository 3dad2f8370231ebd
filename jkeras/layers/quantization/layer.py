"""`QuantizableLayer`: a layer whose kernels may be kept in several forms.

| policy                   | form                                     | file            |
|--------------------------|------------------------------------------|-----------------|
| `int8_from_float32`      | `Int8`                                   | `integers.py`   |
| `int4_from_float32`      | `Int4`                                   | `integers.py`   |
| `int4/128_from_float32`  | `Int4Blocks`, of 128 entries             | `integers.py`   |
| `float8_from_float32`    | `Float8`                                 | `float8.py`     |
| `gptq/4/128_from_...`    | `Calibrated`                             | `calibrated.py` |

A layer says in `_layouts` which of its weights change, and how they lie. `forward` stays as it is: it gets arrays, or what
multiplies in their place (`nn/kernel.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from jkeras._base.configurable import is_library, serialize
from jkeras._base.dtype_policy_map import DTypePolicyMap
from jkeras._base.dtypes import DTypePolicy, get_policy
from jkeras._base.errors import describe
from jkeras._base.quantized_policies import Int4DTypePolicy, QuantizedFloat8DTypePolicy
from jkeras._base.types import Array
from jkeras.layer.declaration import Declaration, Weight
from jkeras.layers.form import Form
from jkeras.layers.low_rank import LowRank, LowRankLayer
from jkeras.layers.quantization.calibrated import Calibrated
from jkeras.layers.quantization.float8 import Float8
from jkeras.layers.quantization.integers import AnyLayout, Int4, Int4Blocks, Int8
from jkeras.layers.quantization.layout import KernelLayout
from jkeras.layers.quantization.quantized import Quantized
from jkeras.quantizers import AbsMaxQuantizer, Int4QuantizationConfig
from jkeras.quantizers.calibrated_config import CalibratedConfig
from jkeras.quantizers.config import QuantizationConfig, QuantizerLike
from jkeras.quantizers.resolve import resolve_config

_UPDATED = "{layer!r} has a low-rank update, which the form {mode!r} does not take, only int8 and int4."
_KEPT = """{layer!r} is quantized, with dtype_policy={policy!r}, and its kernels stay as they are kept. Received: dtype_policy=
{received!r}. Make a new layer with that policy."""
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
        if not isinstance(quantization_config, QuantizationConfig | None):
            raise TypeError(
                f"quantization_config of {self.name!r} is a config of keras.quantizers, such as Int8QuantizationConfig(). "
                f"Received: {describe(quantization_config)}."
            )
        self.quantization_config = quantization_config

    def _layouts(self) -> tuple[AnyLayout, ...]:
        """How the weights lie that change."""
        return (KernelLayout("kernel"),)

    def _weights_to_keep(self, weights: Declaration) -> Declaration:
        mode = self.quantization_mode
        if mode is None:
            return weights
        form = self._new_form(mode, self.quantization_config, self.dtype_policy)
        self._take_form(form)
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
        form = self._new_form(mode, config, self.dtype_policy)
        self._take_form(form)
        for weight in form.declare(iter([Weight(self._layouts()[0].role, tuple(input_shape), "zeros")])):
            self._make_weight(weight)

    @property
    def inputs_quantizer(self) -> QuantizerLike:
        """Makes integers of what the kernel is multiplied by; None: that stays as it is."""
        quantizer: QuantizerLike = None if self._form is None else self._form.inputs
        return quantizer

    def _change(self, config: QuantizationConfig, type_check: bool) -> Change:
        return self._change_to(config, get_policy(f"{_policy_mode(config)}_from_{self.dtype_policy.name}"), type_check)

    def _change_to(self, config: QuantizationConfig, policy: DTypePolicy, type_check: bool = True) -> Change:
        if type_check and not is_library(type(self)):
            raise self._no_method("quantize")
        form = self._new_form(config.mode, config, policy)
        form.begin(self)
        return Change(self, form, policy, config)

    def _default_policy(self, policy: DTypePolicy) -> DTypePolicy:
        return policy if policy.quantization_mode in self._modes else super()._default_policy(policy)

    def _accept_policy(self, policy: DTypePolicy) -> None:
        if isinstance(policy, DTypePolicyMap):
            super()._accept_policy(policy)
        mode = policy.quantization_mode
        if self._form is not None:
            if _form_in(policy) != _form_in(self.dtype_policy):
                raise ValueError(_KEPT.format(layer=self.name, policy=self.dtype_policy.name, received=policy.name))
        elif mode is not None and self.__dict__.get("built"):
            if mode in ("gptq", "awq"):
                raise ValueError(_NEEDS_DATA.format(name=mode.upper(), policy=policy.name, mode=mode))
            self._check_quantizable(mode)
            # A policy that names no size gets the default blocks, as in Keras.
            sizes: dict[str, Any] = {"block_size": policy.block_size} if isinstance(policy, Int4DTypePolicy) else {}
            self._change_to(type(resolve_config(mode))(**sizes), policy).carry_out()

    def _take_form(self, form: Form) -> None:
        self._form = form
        self._rewrite = LowRank(self._low_rank_role, form) if self.lora_enabled else form

    def _new_form(self, mode: str, config: QuantizationConfig | None, policy: DTypePolicy) -> Form:
        if mode not in self._modes:
            raise NotImplementedError(f"{type(self).__name__} {self.name!r} does not have the form {mode!r}, only {self._modes}.")
        form = _FORMS[mode](self, config, policy)
        if self.lora_enabled and not form.takes_update:
            raise NotImplementedError(_UPDATED.format(layer=self.name, mode=mode))
        return form

    def _quantizers(self, mode: str, config: QuantizationConfig | None) -> dict[str, QuantizerLike]:
        if config is None:
            return {"weights": None, "inputs": self._default_inputs(mode)}
        return {"weights": config.weight_quantizer, "inputs": config.activation_quantizer}

    def _default_inputs(self, mode: str) -> QuantizerLike:
        return AbsMaxQuantizer() if mode in self._modes_of_inputs else None

    def __getattr__(self, name: str) -> Any:
        form = self.__dict__.get("_form")
        if isinstance(form, Quantized) and form.hidden and name in form.roles:
            return form.shown(self, name)
        return super().__getattr__(name)


@dataclass(frozen=True)
class Change:
    """A change of form. Making it checks what can be checked, and changes nothing.

    Args:
        layer: to change.
        form: which it gets.
        policy: which it has then.
        config: what it is quantized by.
    """

    layer: QuantizableLayer
    form: Any
    policy: DTypePolicy
    config: QuantizationConfig

    def carry_out(self, kept: Mapping[str, Array] | None = None) -> None:
        """Change the layer, once it is known what is kept.

        Args:
            kept: by attribute; None: the form knows by itself.
        """
        layer = self.layer
        self.form.convert(layer, self.form.all_kept(layer) if kept is None else kept)
        layer._take_form(self.form)
        layer.quantization_config, layer._dtype_policy = self.config, self.policy


def _int8(layer: QuantizableLayer, config: QuantizationConfig | None, policy: DTypePolicy) -> Form:
    return Int8(layer._layouts(), **layer._quantizers("int8", config))


def _int4(layer: QuantizableLayer, config: QuantizationConfig | None, policy: DTypePolicy) -> Form:
    says = config if isinstance(config, Int4QuantizationConfig) else policy
    size = says.block_size if isinstance(says, Int4QuantizationConfig | Int4DTypePolicy) else None
    layouts, quantizers = layer._layouts(), layer._quantizers("int4", config)
    return Int4(layouts, **quantizers) if size in (None, -1) else Int4Blocks(layouts, size, **quantizers)


def _float8(layer: QuantizableLayer, config: QuantizationConfig | None, policy: DTypePolicy) -> Form:
    own = isinstance(policy, QuantizedFloat8DTypePolicy)
    return Float8(policy.amax_history_length if own else QuantizedFloat8DTypePolicy.default_amax_history_length)  # type: ignore[attr-defined]


def _calibrated(layer: QuantizableLayer, config: QuantizationConfig | None, policy: Any) -> Form:
    numbers = config if isinstance(config, CalibratedConfig) else policy
    return Calibrated(numbers.mode, numbers.weight_bits, numbers.group_size, layer._zero_name)


_FORMS: dict[str, Callable[[QuantizableLayer, QuantizationConfig | None, DTypePolicy], Form]] = {
    "int8": _int8,
    "int4": _int4,
    "float8": _float8,
    "gptq": _calibrated,
    "awq": _calibrated,
}


def _form_in(policy: DTypePolicy) -> str | None:
    """What the name of a policy says of the form."""
    return None if policy.quantization_mode is None else policy.name.partition("_from_")[0]


def _policy_mode(config: Any) -> str:
    """What the policy of a layer begins with that is quantized by a config."""
    if isinstance(config, CalibratedConfig):
        return config.dtype_policy_string()
    mode: str = config.mode
    return f"{mode}/{config.block_size or -1}" if isinstance(config, Int4QuantizationConfig) else mode
