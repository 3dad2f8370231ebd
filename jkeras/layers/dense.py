"""Dense: a matrix product, a bias, an activation."""

from __future__ import annotations

from typing import Unpack

from jkeras import activations
from jkeras._base.registry import export
from jkeras._base.shared_arguments import expand_kwargs
from jkeras._base.types import Array, FunctionLike, Weights
from jkeras.graph import Spec
from jkeras.layer.declaration import Declaration
from jkeras.layer.input_spec import InputSpec
from jkeras.layers.quantization.layer import QuantizableLayer
from jkeras.layers.weight_arguments import KernelAndBias, weight_for
from jkeras.nn.product import dense
from jkeras.quantizers import QuantizationConfig


@export("keras.layers.Dense")
class Dense(QuantizableLayer):
    """`activation(x @ kernel + bias)` over the last axis.

    Args:
        units: size of the output's last axis, a positive integer.
        activation: name or function, default linear.
        use_bias: whether to add a bias.
        kernel_initializer, bias_initializer: names or objects.
        kernel_regularizer, bias_regularizer, activity_regularizer: names or objects.
        kernel_constraint, bias_constraint: names or objects.
        lora_rank, lora_alpha: rank and scale of a low-rank update to train in place of the kernel; see `enable_lora`.
        quantization_config: how a layer with a quantized `dtype` quantizes; see `quantize`.
        kwargs: `name`, `dtype`, `trainable`, `input_shape`, ... as every layer.

    Call:
        x: float `(..., in)`. Returns float `(..., units)`.

    Example:
        >>> import numpy as np
        >>> Dense(2, kernel_initializer="ones")(np.ones((1, 3), np.float32)).tolist()
        [[3.0, 3.0]]
    """

    supports_masking = True
    _unwritten = ("activity_regularizer", "lora_rank", "lora_alpha")

    @expand_kwargs()
    def __init__(
        self,
        units: int,
        activation: FunctionLike = None,
        use_bias: bool = True,
        *,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: QuantizationConfig | None = None,
        **kwargs: Unpack[KernelAndBias],
    ):
        super().__init__(lora_rank=lora_rank, lora_alpha=lora_alpha, quantization_config=quantization_config, **kwargs)
        if not isinstance(units, int) or units <= 0:
            raise ValueError(f"Dense takes a positive integer as units. Received: units={units!r}. Write for example Dense(64).")
        self.units = units
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.input_spec = InputSpec(min_ndim=2)

    def declare(self, x: Spec) -> Declaration:
        """A kernel `(in, units)` and a bias `(units,)`."""
        size = x.shape[-1]
        self.input_spec = InputSpec(min_ndim=2, axes={-1: size})
        yield weight_for(self, "kernel", (size, self.units))
        yield weight_for(self, "bias", (self.units,), present=self.use_bias)

    def forward(self, w: Weights, x: Array) -> Array:
        """`activation(x @ kernel + bias)`."""
        return self._activated(dense(x, w.kernel, w.bias if self.use_bias else None))
