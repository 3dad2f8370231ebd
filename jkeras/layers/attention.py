"""Attention over sequences as they are, with no projections: by products, and by an additive match."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import jax.numpy as jnp

from jkeras._base.errors import describe, unexpected_arguments, unknown_name
from jkeras._base.registry import export
from jkeras._base.types import Array, Tree, Weights
from jkeras.graph.spec import Spec
from jkeras.layer.base import BaseArguments, Layer
from jkeras.layer.declaration import Declaration, Weight
from jkeras.nn.attention import additive_scores, causal_mask, dot_product_attention, weigh

_NOT_A_LIST = "{layer}: attention takes a list, [query, value] or [query, value, key]{with_masks}. Received: {received}."


@export("keras.layers.Attention")
class Attention(Layer):
    """`softmax(scores) @ value`, with scores that say how well each query matches each key.

    Args:
        use_scale: whether to learn a factor of the scores, `scale`, which starts at 1.
        score_mode: `"dot"`: `scale * query @ key^T`; `"concat"`: `concat_score_weight * sum(tanh(scale * (query + key)))`.
        dropout: probability with which a weight is dropped in training.
        seed: an integer that is mixed into the key of every draw.
        kwargs: as every layer.

    Call:
        inputs: `[query, value]` or `[query, value, key]`: `(batch, T, dim)`, `(batch, S, value_dim)`, `(batch, S, dim)`. Without
            a key, the value is the key.
        mask: `[query_mask, value_mask]`, `(batch, T)` and `(batch, S)`, either may be None; values that are False get no weight,
            queries that are False give zeros. By default the masks that travel with the inputs.
        return_attention_scores: whether to return the weights `(batch, T, S)` as well.
        training: whether to drop weights.
        use_causal_mask: whether a query may only look at its own position and before it.

    Returns:
        `(batch, T, value_dim)`, or that and the weights.

    Example:
        >>> import numpy as np
        >>> query, value = np.zeros((1, 1, 1), np.float32), np.array([[[1.0], [3.0]]], np.float32)
        >>> Attention()([query, value]).tolist()
        [[[2.0]]]

    Source: Minh-Thang Luong, Hieu Pham, Christopher D. Manning, "Effective Approaches to Attention-based Neural Machine
    Translation", 2015.
    """

    supports_masking = True

    def __init__(
        self,
        use_scale: bool = False,
        score_mode: str = "dot",
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Unpack[BaseArguments],
    ):
        super().__init__(**kwargs)
        if score_mode not in ("dot", "concat"):
            raise unknown_name("score_mode", score_mode, ("dot", "concat"))
        if not 0 <= dropout <= 1:
            raise ValueError(f"{type(self).__name__} takes a dropout from 0 to 1. Received: dropout={dropout!r}.")
        self.use_scale, self.score_mode = use_scale, score_mode
        self.dropout, self.seed = dropout, seed
        self.draws = dropout > 0

    def declare(self, inputs: Sequence[Spec]) -> Declaration:
        """A scalar `scale`, and a scalar `concat_score_weight`, where they are used."""
        self._check(inputs)
        yield Weight("scale", (), "ones", present=self.use_scale)
        if self.score_mode == "concat":
            yield Weight("concat_score_weight", (), "ones")

    def forward(
        self,
        w: Weights,
        inputs: Tree,
        *,
        mask: Tree = None,
        training: bool = False,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
        rng: Array | None = None,
    ) -> Tree:
        """The weighted mean of the values, and the weights where they are asked for."""
        self._check(inputs, mask)
        query, value, key = (*inputs, inputs[1])[:3]
        query_mask, value_mask = (None if m is None else m.astype(bool) for m in (mask or (None, None))[:2])
        if value_mask is not None and value_mask.ndim == 2:
            value_mask = value_mask[:, None, :]
        if self.score_mode == "dot" and query.ndim == 3 and self.dropout == 0 and not return_attention_scores:
            output, weights = self._without_weights(w, query, value, key, value_mask, use_causal_mask), None
        else:
            if use_causal_mask:
                causal = causal_mask(query.shape[-2], key.shape[-2])
                value_mask = causal if value_mask is None else value_mask & causal
            output, weights = weigh(self._scores(w, query, key), value, value_mask, self.dropout, rng)
        if query_mask is not None:
            output = jnp.where(query_mask[..., None], output, 0)
        return (output, weights) if return_attention_scores else output

    def _without_weights(self, w: Weights, query: Array, value: Array, key: Array, mask: Tree, is_causal: bool) -> Array:
        q, k, v = (x[:, :, None] for x in (query * self._factor(w), key, value))
        return dot_product_attention(q, k, v, None if mask is None else mask[:, None], scale=1.0, is_causal=is_causal)[:, :, 0]

    def _scores(self, w: Weights, query: Array, key: Array) -> Array:
        factor = self._factor(w)
        if self.score_mode == "dot":
            return jnp.matmul(query * factor, key.swapaxes(-1, -2))
        return w.concat_score_weight * additive_scores(query * factor, key * factor)

    def _factor(self, w: Weights) -> Array | float:
        return w.scale if self.use_scale else 1

    def compute_mask(self, inputs: Tree, mask: Tree = None) -> Tree:
        """The query's mask."""
        self._check(inputs, mask)
        return None if mask is None else mask[0]

    def _check(self, inputs: Tree, mask: Tree = None) -> None:
        if not isinstance(inputs, (list, tuple)) or len(inputs) not in (2, 3):
            raise ValueError(_NOT_A_LIST.format(layer=self.name, with_masks="", received=describe(inputs)))
        if mask is not None and (not isinstance(mask, (list, tuple)) or len(mask) not in (2, 3)):
            text = ", and masks as a list, [query_mask, value_mask]"
            raise ValueError(_NOT_A_LIST.format(layer=self.name, with_masks=text, received=f"mask={describe(mask)}"))


class AdditiveArguments(BaseArguments, total=False):
    """What `AdditiveAttention` takes besides its own arguments."""

    seed: int | None


@export("keras.layers.AdditiveAttention")
class AdditiveAttention(Attention):
    """`softmax(scores) @ value` with `scores[t, s] = sum_d scale[d] tanh(query[t, d] + key[s, d])`.

    Args:
        use_scale: whether to learn `scale`, a number for each entry of a query; otherwise it is 1.
        dropout: probability with which a weight is dropped in training.
        kwargs: `seed`, as in `Attention`; the rest as every layer.

    Call and return as `Attention`; query, value and key have the same `dim`.

    Example:
        >>> import numpy as np
        >>> query, value = np.zeros((1, 1, 1), np.float32), np.array([[[1.0], [1.0]]], np.float32)
        >>> AdditiveAttention()([query, value]).tolist()
        [[[1.0]]]

    Source: Dzmitry Bahdanau, Kyunghyun Cho, Yoshua Bengio, "Neural Machine Translation by Jointly Learning to Align and
    Translate", 2014.
    """

    def __init__(self, use_scale: bool = True, dropout: float = 0.0, **kwargs: Unpack[AdditiveArguments]):
        if "score_mode" in kwargs:
            raise unexpected_arguments("AdditiveAttention", ["score_mode"], ("use_scale", "dropout", "seed"))
        super().__init__(use_scale=use_scale, score_mode="concat", dropout=dropout, **kwargs)

    def declare(self, inputs: Sequence[Spec]) -> Declaration:
        """A vector `scale` of a query's size, where it is used."""
        self._check(inputs)
        yield Weight("scale", (inputs[0].shape[-1],), "glorot_uniform", present=self.use_scale)

    def _scores(self, w: Weights, query: Array, key: Array) -> Array:
        return additive_scores(query, key, self._factor(w))
