"""The quantization face of layers: the form in which a layer's kernels are kept, and how to change it.

Most layers have one form only. Those that have others extend `layers/quantization/layer.py`.
"""

from __future__ import annotations

from typing import Any

from jkeras._base.dtype_policy_map import DTypePolicyMap
from jkeras._base.dtypes import DTypePolicy, get_policy
from jkeras._base.quantized_policies import QuantizedDTypePolicy
from jkeras.layer import messages
from jkeras.quantizers.config import QuantizationConfig
from jkeras.quantizers.resolve import resolve_config


class QuantizationFace:
    """`quantize`, and what a layer without quantized forms says to it."""

    name: str
    built: bool
    _dtype_policy: DTypePolicy

    @property
    def quantization_mode(self) -> str | None:
        """The form of the kernels, such as `"int8"`; None: they are kept as they are trained."""
        return self._dtype_policy.quantization_mode

    def quantize(self, mode: str | None = None, config: QuantizationConfig | str | None = None, type_check: bool = True) -> None:
        """Keep the kernels in another form from now on. Compile the model anew afterwards.

        Args:
            mode: `"int8"`, `"int4"`, `"float8"`, `"gptq"` or `"awq"`; not needed with a config.
            config: an object of `keras.quantizers`, such as `Int8QuantizationConfig()`; default that of the mode.
            type_check: False also quantizes a layer of a class of yours that extends one of Keras.

        Raises:
            ValueError: the layer is not built, or quantized already; mode and config do not fit.
            NotImplementedError: such layers do not have this form.

        Example:
            >>> import numpy as np
            >>> from jkeras.layers import Dense
            >>> layer = Dense(2, kernel_initializer="ones")
            >>> layer.build((None, 3))
            >>> layer.quantize("int8")
            >>> layer.kernel.dtype, layer.dtype_policy.name, round(float(layer(np.ones((1, 3)))[0, 0]), 3)
            ('int8', 'int8_from_float32', 3.0)
        """
        config = resolve_config(mode, config)
        self._check_quantizable(config.mode)
        self._change(config, type_check).carry_out()

    def quantized_build(self, input_shape: Any, mode: str, config: QuantizationConfig | None = None) -> None:
        """Make the weights of a quantized form; `build` does it for a layer with a quantized policy."""
        raise self._no_method("quantized_build")

    def _change(self, config: QuantizationConfig, type_check: bool) -> Any:
        """A change of form that `carry_out()` brings about."""
        raise self._no_method("quantize")

    def _check_quantizable(self, mode: str) -> None:
        if not self.built:
            raise ValueError(messages.QUANTIZED_UNBUILT.format(layer=self.name, cls=type(self).__name__, mode=mode))
        if self.quantization_mode is not None:
            raise ValueError(messages.QUANTIZED_TWICE.format(layer=self.name, policy=self._dtype_policy.name, mode=mode))
        if mode == "int8" and self._dtype_policy.compute_dtype == "float16":
            raise ValueError(messages.INT8_IN_FLOAT16.format(layer=self.name))

    def _default_policy(self, policy: DTypePolicy) -> DTypePolicy:
        """What a layer without a policy of its own makes of the global one: where it lacks that form, the policy before it."""
        return get_policy(policy.source_name) if isinstance(policy, QuantizedDTypePolicy) else policy

    def _accept_policy(self, policy: DTypePolicy) -> None:
        """Refuse a policy that the layer cannot follow, before it is set."""
        if isinstance(policy, DTypePolicyMap) and len(policy):
            raise ValueError(messages.POLICY_MAP.format(layer=self.name, paths=[*policy]))
        if policy.quantization_mode is not None:
            raise NotImplementedError(
                messages.NOT_QUANTIZABLE.format(cls=type(self).__name__, layer=self.name, policy=policy.name)
            )

    def _no_method(self, method: str) -> NotImplementedError:
        cls = type(self).__name__
        return NotImplementedError(f"{cls} {self.name!r} does not have a `{method}` method implemented: {messages.ONE_FORM}")
