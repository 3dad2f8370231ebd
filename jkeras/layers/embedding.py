"""Embedding: a learned vector for each integer."""

from __future__ import annotations

from typing import Any

from jkeras._base.registry import export
from jkeras._base.types import Array, FunctionLike, Tree, Weights
from jkeras.graph import Spec
from jkeras.layer.declaration import Declaration
from jkeras.layers.quantization.layer import QuantizableLayer
from jkeras.layers.quantization.layout import KernelLayout, TableLayout
from jkeras.layers.weight_arguments import weight_for
from jkeras.nn.embedding import embedding
from jkeras.quantizers import QuantizationConfig


@export("keras.layers.Embedding")
class Embedding(QuantizableLayer):
    """Look up rows of a learned table.

    Args:
        input_dim: number of rows; inputs are integers in `[0, input_dim)`.
        output_dim: width of a row.
        embeddings_initializer, embeddings_regularizer, embeddings_constraint: names or objects.
        mask_zero: whether 0 means padding; later layers then skip those steps.
        weights: the table `(input_dim, output_dim)` to start from.
        lora_rank, lora_alpha: rank and scale of a low-rank update to train in place of the table; see `enable_lora`.
        quantization_config: how a layer with a quantized `dtype` quantizes; see `quantize`.
        kwargs: as every layer; `input_length`, Keras 2's length of the sequences.

    Call:
        x: integers `(batch, ...)`. Returns `(batch, ..., output_dim)`.

    Example:
        >>> import numpy as np
        >>> Embedding(10, 4)(np.array([[1, 2, 0]])).shape
        (1, 3, 4)
    """

    _weight_roles = ("embeddings",)
    _low_rank_role = "embeddings"
    _modes = ("int8", "int4")
    _modes_of_inputs: tuple[str, ...] = ()

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: FunctionLike = "uniform",
        embeddings_regularizer: FunctionLike = None,
        embeddings_constraint: FunctionLike = None,
        mask_zero: bool = False,
        weights: Tree = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: QuantizationConfig | None = None,
        **kwargs: Any,
    ):
        for name, size in (("input_dim", input_dim), ("output_dim", output_dim)):
            if not isinstance(size, int) or isinstance(size, bool) or size <= 0:
                raise ValueError(f"Embedding takes a positive integer as {name}. Received: {name}={size!r}.")
        length = kwargs.pop("input_length", None)
        if length is not None:
            kwargs.setdefault("input_shape", (length,) if isinstance(length, int) else tuple(length))
        super().__init__(
            embeddings_initializer=embeddings_initializer,
            embeddings_regularizer=embeddings_regularizer,
            embeddings_constraint=embeddings_constraint,
            lora_rank=lora_rank,
            lora_alpha=lora_alpha,
            quantization_config=quantization_config,
            **kwargs,
        )
        # Integers given as floats must not be rounded to half precision before the lookup.
        self.autocast = False
        self.input_dim, self.output_dim = input_dim, output_dim
        self.mask_zero = self.supports_masking = mask_zero
        if weights is not None:
            self.build((None, None))
            self.set_weights(weights if isinstance(weights, list) and len(weights) == 1 else [weights])

    def _layouts(self) -> tuple[TableLayout | KernelLayout, ...]:
        return (TableLayout("embeddings"),)

    def declare(self, x: Spec | None = None) -> Declaration:
        """The table `(input_dim, output_dim)`."""
        yield weight_for(self, "embeddings", (self.input_dim, self.output_dim))

    def forward(self, w: Weights, x: Array) -> Array:
        """The rows."""
        return embedding(w.embeddings, x).astype(self.compute_dtype)

    def compute_mask(self, inputs: Tree, mask: Tree = None) -> Tree:
        """True where the input is not 0, if `mask_zero`."""
        return inputs != 0 if self.mask_zero else None
