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

from jkeras._base.derived import Derived
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
    _units: tuple[int, ...] | None
    query_dense: Any
    key_dense: Any
    value_dense: Any
    output_dense: Any
    _rank: int

    _num_heads: Derived[AttentionParts, int] = Derived(lambda self: self._heads)
    _key_dim: Derived[AttentionParts, int] = Derived(lambda self: self._key_size)
    _value_dim: Derived[AttentionParts, int] = Derived(lambda self: self._value_size)
    _output_shape: Derived[AttentionParts, tuple[int, ...] | None] = Derived(lambda self: self._units)
    _query_dense: Derived[AttentionParts, Any] = Derived(lambda self: self.query_dense)
    _key_dense: Derived[AttentionParts, Any] = Derived(lambda self: self.key_dense)
    _value_dense: Derived[AttentionParts, Any] = Derived(lambda self: self.value_dense)
    _output_dense: Derived[AttentionParts, Any] = Derived(lambda self: self.output_dense)
    _attention_axes: Derived[AttentionParts, tuple[int, ...] | None] = Derived(lambda self: self.attention_axes)
    # `key, query -> scores`, and `weights, value -> attended`.
    _dot_product_equation: Derived[AttentionParts, str] = Derived(
        lambda self: "{1}yz,{0}yz->{2}".format(*self._axes_as_letters())
    )
    _combine_equation: Derived[AttentionParts, str] = Derived(lambda self: "{2},{1}yz->{0}yz".format(*self._axes_as_letters()))

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
        parameters = list(inspect.signature(method).parameters.values())
        placed = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        takes_rest = any(p.kind is p.VAR_POSITIONAL for p in parameters)
        by_place = list(offered)[: None if takes_rest else max(len(placed) - 3, 0)]
        by_name = {p.name for p in parameters if p.kind is p.KEYWORD_ONLY}
        if any(p.kind is p.VAR_KEYWORD for p in parameters):
            by_name.update(offered)
        named = {name: value for name, value in offered.items() if name in by_name and name not in by_place}
        return method(query, key, value, *(offered[name] for name in by_place), **named)
