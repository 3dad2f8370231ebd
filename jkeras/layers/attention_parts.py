"""The parts of multi-head attention under Keras' names, for subclasses that put an attention together themselves.

A subclass may override `_compute_attention`, as Keras' own examples do, and use there what is below:

    def _compute_attention(self, query, key, value, attention_mask=None, training=None):
        scores = ops.einsum(self._dot_product_equation, key, query / self.temperature)
        weights = self._masked_softmax(scores, attention_mask)
        return ops.einsum(self._combine_equation, self._dropout_layer(weights, training=training), value), weights
"""

from __future__ import annotations

import inspect
import string
from typing import Any

import jax.numpy as jnp

from jkeras._base.types import Array, Tree
from jkeras.nn.attention import masked_softmax
from jkeras.nn.dropout import dropout
from jkeras.state.random import draw_key


class AttentionParts:
    """Projections, sizes, equations, softmax and dropout of an attention.

    The equations are for `(batch, ..., heads, size)`, after the projections.
    """

    name: str
    dropout: float
    seed: int | None
    attention_axes: tuple[int, ...] | None
    _heads: int
    _key_size: int
    _value_size: int
    query_dense: Any
    key_dense: Any
    value_dense: Any
    output_dense: Any
    _rank: int

    @property
    def _num_heads(self) -> int:
        return self._heads

    @property
    def _key_dim(self) -> int:
        return self._key_size

    @property
    def _value_dim(self) -> int:
        return self._value_size

    @property
    def _query_dense(self) -> Any:
        return self.query_dense

    @property
    def _key_dense(self) -> Any:
        return self.key_dense

    @property
    def _value_dense(self) -> Any:
        return self.value_dense

    @property
    def _output_dense(self) -> Any:
        return self.output_dense

    @property
    def _attention_axes(self) -> tuple[int, ...] | None:
        return self.attention_axes

    @property
    def _dot_product_equation(self) -> str:
        """`key, query -> scores`."""
        query, key, scores = self._axes_as_letters()
        return f"{key}yz,{query}yz->{scores}"

    @property
    def _combine_equation(self) -> str:
        """`weights, value -> attended`."""
        query, key, scores = self._axes_as_letters()
        return f"{scores},{key}yz->{query}yz"

    def _axes_as_letters(self) -> tuple[str, str, str]:
        """Letters for the axes of queries and keys before the heads `y`, and for those of the scores."""
        attended = self.attention_axes or ()
        query = string.ascii_lowercase[: self._rank - 1]
        key = "".join(letter.upper() if axis in attended else letter for axis, letter in enumerate(query))
        others = "".join(letter for axis, letter in enumerate(query) if axis not in attended)
        return query, key, others + "y" + "".join(query[a] for a in attended) + "".join(key[a] for a in attended)

    def _masked_softmax(self, attention_scores: Array, attention_mask: Array | None = None) -> Array:
        """The weights for scores; a mask without an axis for the heads counts for all of them."""
        count = len(self.attention_axes or ())
        split = attention_scores.ndim - count
        rows = attention_scores.reshape(*attention_scores.shape[:split], -1)
        if attention_mask is not None:
            mask = jnp.asarray(attention_mask, bool)
            if mask.ndim < attention_scores.ndim:
                mask = jnp.expand_dims(mask, -2 * count - 1)
            attention_mask = jnp.broadcast_to(mask, attention_scores.shape).reshape(rows.shape)
        return masked_softmax(rows, attention_mask).reshape(attention_scores.shape)

    def _dropout_layer(self, inputs: Array, training: bool | None = None) -> Array:
        """Weights of which some are dropped in training."""
        return dropout(draw_key(self, self.seed), inputs, self.dropout) if training and self.dropout > 0 else inputs

    def _computed_by_subclass(
        self, query: Array, key: Array, value: Array, mask: Array | None, training: bool | None, scores: bool
    ) -> tuple[Array, Array | None]:
        """What a subclass' `_compute_attention` gives, whose signature may be that of Keras 2 or 3."""
        method = self._compute_attention  # type: ignore[attr-defined]
        count = len(self.attention_axes or ())
        if mask is not None and mask.ndim > 2 * count + 1 and mask.shape[-2 * count - 1] == 1:
            mask = mask.squeeze(-2 * count - 1)  # as the caller gave it, without an axis for the heads
        offered: dict[str, Tree] = {"attention_mask": mask, "training": training, "return_attention_scores": scores}
        names = inspect.signature(method).parameters
        takes_all = any(p.kind is p.VAR_KEYWORD for p in names.values())
        return method(query, key, value, **{n: v for n, v in offered.items() if takes_all or n in names})
