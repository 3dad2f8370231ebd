"""Dense: a matrix product, a bias, an activation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jkeras import activations, constraints, initializers, regularizers
from jkeras._base.registry import export
from jkeras.layers.base import Layer
from jkeras.layers.declaration import Weight
from jkeras.layers.input_spec import InputSpec
from jkeras.nn.dense import dense


@export("keras.layers.Dense")
class Dense(Layer):
    """`activation(x @ kernel + bias)` over the last axis.

    Args:
        units: size of the output's last axis, a positive integer.
        activation: name or function, default linear.
        use_bias: whether to add a bias.
        kernel_initializer, bias_initializer: names or objects.
        kernel_regularizer, bias_regularizer, activity_regularizer: names or objects.
        kernel_constraint, bias_constraint: names or objects.
        lora_rank, lora_alpha, quantization_config: not supported; leave them None.
        kwargs: `name`, `dtype`, `trainable`, `input_shape`, ... as every layer.

    Call:
        x: float `(..., in)`. Returns float `(..., units)`.

    Example:
        >>> import numpy as np
        >>> Dense(2, kernel_initializer="ones")(np.ones((1, 3), np.float32)).tolist()
        [[3.0, 3.0]]
    """

    supports_masking = True

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: int | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ):
        if lora_rank is not None or lora_alpha is not None or quantization_config is not None:
            raise ValueError("Dense does not support lora_rank, lora_alpha and quantization_config. Leave them out.")
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        if not isinstance(units, int) or units <= 0:
            raise ValueError(f"Dense takes a positive integer as units. Received: units={units!r}. Write for example Dense(64).")
        self.units = units
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.input_spec = InputSpec(min_ndim=2)

    def declare(self, x: Any) -> Iterator[Weight]:
        """A kernel `(in, units)` and a bias `(units,)`."""
        size = x.shape[-1]
        self.input_spec = InputSpec(min_ndim=2, axes={-1: size})
        yield Weight(
            "kernel",
            (size, self.units),
            self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        if self.use_bias:
            yield Weight(
                "bias",
                (self.units,),
                self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )

    def forward(self, w: Any, x: Any) -> Any:
        """`activation(x @ kernel + bias)`."""
        return self.activation(dense(x, w.kernel, w.bias if self.use_bias else None))
