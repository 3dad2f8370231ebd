"""EinsumDense: a product over any axes, written as an equation, a bias, an activation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from jkeras import activations
from jkeras._base.plain_numbers import INTEGERS
from jkeras._base.registry import export
from jkeras._base.types import Array, FunctionLike, Weights
from jkeras.graph import Spec
from jkeras.initializers.scaling import with_axes
from jkeras.layer.base import BaseArguments
from jkeras.layer.declaration import Declaration
from jkeras.layer.input_spec import InputSpec
from jkeras.layers.quantization.layer import QuantizableLayer
from jkeras.layers.quantization.layout import KernelLayout
from jkeras.layers.weight_arguments import weight_for
from jkeras.nn.einsum import einsum_dense, einsum_shapes
from jkeras.quantizers import QuantizationConfig


@export("keras.layers.EinsumDense")
class EinsumDense(QuantizableLayer):
    """`activation(einsum(equation, x, kernel) + bias)`.

    Args:
        equation: the axes of input, kernel and output: `"ab,bc->ac"`, `"...ab,bc->...ac"` or `"ab...,bc->ac..."`.
        output_shape: sizes of the output's axes after the batch axis, without those of an ellipsis; None for sizes that the
            input gives. A number for a single axis.
        activation: name or function, default linear.
        bias_axes: letters of the output's axes that the bias has; None for no bias.
        kernel_initializer, bias_initializer: names or objects. An initializer that scales with the kernel's fans takes the
            axes that the equation sums over as its inputs.
        kernel_regularizer, bias_regularizer, kernel_constraint, bias_constraint: names or objects.
        lora_rank, lora_alpha: rank and scale of a low-rank update to train in place of the kernel; see `enable_lora`.
        gptq_unpacked_column_size: changes nothing; Keras' files have it.
        quantization_config: how a layer with a quantized `dtype` quantizes; see `quantize`.
        kwargs: `name`, `dtype`, `trainable`, `activity_regularizer`, ... as every layer.

    Call:
        x: float, the axes of the equation's first term. Returns float, the axes of its last term.

    Raises:
        ValueError: the equation is malformed; when the layer is built, sizes or letters do not fit.

    Example:
        >>> import numpy as np
        >>> heads = EinsumDense("abc,cde->abde", output_shape=(None, 2, 4), bias_axes="de")
        >>> heads(np.ones((1, 5, 8), np.float32)).shape, heads.kernel.shape, heads.bias.shape
        ((1, 5, 2, 4), (8, 2, 4), (2, 4))
    """

    _zero_name = "zero_point"
    _unwritten = ("gptq_unpacked_column_size",)

    def __init__(
        self,
        equation: str,
        output_shape: int | Sequence[int | None],
        activation: FunctionLike = None,
        bias_axes: str | None = None,
        kernel_initializer: FunctionLike = "glorot_uniform",
        bias_initializer: FunctionLike = "zeros",
        kernel_regularizer: FunctionLike = None,
        bias_regularizer: FunctionLike = None,
        kernel_constraint: FunctionLike = None,
        bias_constraint: FunctionLike = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        gptq_unpacked_column_size: int | None = None,
        quantization_config: QuantizationConfig | None = None,
        **kwargs: Unpack[BaseArguments],
    ):
        super().__init__(
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            lora_rank=lora_rank,
            lora_alpha=lora_alpha,
            quantization_config=quantization_config,
            **kwargs,
        )
        self.equation, self.bias_axes = equation, bias_axes
        self.partial_output_shape = (output_shape,) if isinstance(output_shape, INTEGERS) else tuple(output_shape)
        self.activation = activations.get(activation)

    def _layouts(self) -> tuple[KernelLayout, ...]:
        return (KernelLayout("kernel", self.equation),)

    def declare(self, x: Spec) -> Declaration:
        """A kernel of the sizes of the equation's second term, and a bias of those of `bias_axes`."""
        shapes = einsum_shapes(self.equation, x.shape, self.partial_output_shape, self.bias_axes)
        self.input_spec = InputSpec(ndim=len(x.shape))
        initializer = with_axes(self.kernel_initializer, shapes.input_axes, shapes.output_axes)
        yield weight_for(self, "kernel", shapes.kernel, initializer=initializer)
        yield weight_for(self, "bias", shapes.bias or (), present=shapes.bias is not None)

    def forward(self, w: Weights, x: Array) -> Array:
        """`activation(einsum(equation, x, kernel) + bias)`."""
        bias = None if self.bias_axes is None else w.bias
        return self.activation(einsum_dense(x, w.kernel, bias, equation=self.equation))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments in Keras' JSON shape, the output's sizes as a list."""
        return {**super().get_config(), "output_shape": list(self.partial_output_shape)}
