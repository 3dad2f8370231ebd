"""ReversibleEmbedding: from integers to vectors, and from vectors back to a score for each integer."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from jkeras._base.registry import export
from jkeras._base.types import Array, DTypeLike, FunctionLike, Tree, Weights
from jkeras.graph import Spec, infer, symbolic_like
from jkeras.layer.declaration import Declaration, Weight
from jkeras.layers.embedding import Embedding
from jkeras.nn.product import dense


@export("keras.layers.ReversibleEmbedding")
class ReversibleEmbedding(Embedding):
    """Rows of a learned table; with `reverse=True` the products of vectors with all rows, such as a language model's logits.

        y = table[x]            and in reverse    logits = x @ table^T

    Args:
        input_dim: number of rows; inputs are integers in `[0, input_dim)`.
        output_dim: width of a row.
        tie_weights: whether the way back uses the same table; otherwise it has a kernel `(output_dim, input_dim)` of its own.
        embeddings_initializer: name or object, for both.
        embeddings_regularizer, embeddings_constraint: names or objects, for the table.
        mask_zero: whether 0 means padding; later layers then skip those steps. The logits have no mask.
        reverse_dtype: of the way back; default the compute dtype.
        logit_soft_cap: logits become `cap * tanh(logits / cap)`; None for no cap.
        kwargs: as `Embedding`.

    Call:
        x: integers `(batch, ...)`, or in reverse floats `(batch, ..., output_dim)`.
        reverse: whether to go back. Default False.
        Returns `(batch, ..., output_dim)`, or in reverse `(batch, ..., input_dim)`.

    Example:
        >>> import numpy as np
        >>> layer = ReversibleEmbedding(10, 4)
        >>> vectors = layer(np.array([[1, 2, 0]]))
        >>> vectors.shape, layer(vectors, reverse=True).shape
        ((1, 3, 4), (1, 3, 10))

    Source: Ofir Press, Lior Wolf, "Using the Output Embedding to Improve Language Models", 2017.
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        tie_weights: bool = True,
        embeddings_initializer: FunctionLike = "uniform",
        embeddings_regularizer: FunctionLike = None,
        embeddings_constraint: FunctionLike = None,
        mask_zero: bool = False,
        reverse_dtype: DTypeLike | None = None,
        logit_soft_cap: float | None = None,
        **kwargs: Any,
    ):
        self.tie_weights, self.reverse_dtype, self.logit_soft_cap = tie_weights, reverse_dtype, logit_soft_cap
        super().__init__(
            input_dim,
            output_dim,
            embeddings_initializer=embeddings_initializer,
            embeddings_regularizer=embeddings_regularizer,
            embeddings_constraint=embeddings_constraint,
            mask_zero=mask_zero,
            **kwargs,
        )

    def declare(self, x: Spec | None = None) -> Declaration:
        """The table `(input_dim, output_dim)`, and a kernel `(output_dim, input_dim)` unless they are tied."""
        yield from super().declare(x)
        if not self.tie_weights:
            yield Weight("reverse_embeddings", (self.output_dim, self.input_dim), self.embeddings_initializer)

    def forward(self, w: Weights, x: Array, reverse: bool = False) -> Array:
        """The rows, or the logits."""
        if not reverse:
            return super().forward(w, x)
        kernel = w.embeddings.T if self.tie_weights else w.reverse_embeddings
        dtype = self.reverse_dtype or self.compute_dtype
        logits = dense(x.astype(dtype), kernel.astype(dtype))
        cap = self.logit_soft_cap
        return logits if cap is None else jnp.tanh(logits / cap) * cap

    def compute_output_shape(self, input_shape: Tree, reverse: bool = False) -> Tree:  # type: ignore[override]
        """The shape of the rows, or of the logits."""
        return (*input_shape[:-1], self.input_dim) if reverse else (*input_shape, self.output_dim)

    def compute_output_spec(self, *args: Tree, **kwargs: Tree) -> Tree:
        """A symbolic tensor like the rows, or the logits."""
        return symbolic_like(infer(self, args, kwargs))

    def _pass_mask(self, inputs: Tree, outputs: Tree, mask: Tree) -> None:
        if outputs.ndim > inputs.ndim:
            super()._pass_mask(inputs, outputs, mask)

    def _call_symbolic(self, args: tuple[Tree, ...], kwargs: dict[str, Tree]) -> Tree:
        outputs = super()._call_symbolic(args, kwargs)
        if len(outputs.shape) == len(args[0].shape):
            outputs.mask = None
        return outputs
