"""Multi-head attention: several attentions side by side, each over projections of its own; and grouped-query attention, in which
several of them share the keys and values.
"""

from __future__ import annotations

import warnings
from typing import Any, Unpack

from jkeras._base.configurable import serialize
from jkeras._base.registry import export
from jkeras._base.shared_arguments import expand_kwargs
from jkeras._base.types import Array, Ints
from jkeras.layers.headed_attention import HeadedAttention, check_size
from jkeras.layers.weight_arguments import KernelAndBias
from jkeras.state.scope import get_mask

_QUERY_MASK = """{name}: query_mask has no effect, as in Keras; only the mask that travels with the query counts. Write
attention_mask=query_mask[:, :, None] where rows of the query do not count."""


@export("keras.layers.MultiHeadAttention")
class MultiHeadAttention(HeadedAttention):
    """Attention of several heads, each with projections of query, key and value of its own.

    `head_i = softmax(query W_i^Q (key W_i^K)^T / sqrt(key_dim)) value W_i^V`, and the output is `concat(heads) W^O`.

    Args:
        num_heads: number of heads.
        key_dim: size of a head's queries and keys.
        value_dim: size of a head's values, default `key_dim`.
        dropout: probability with which a weight is dropped in training.
        use_bias: whether the projections add a bias.
        output_shape: the output's last axis or axes, default the query's last axis.
        attention_axes: the axes attended over, default all but batch and features.
        sliding_window: how far, exclusively, a query may look to each side; None for any distance.
        flash_attention: None: cuDNN's flash attention is used on a GPU that has it, for half precision and sizes it can take,
            unless `config.disable_flash_attention()` was called; True makes it an error where it cannot be used, False never
            uses it.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, kernel_constraint, bias_constraint: of all
            projections; names or objects.
        activity_regularizer: of the output of each projection.
        use_gate: whether each head's result is multiplied by a sigmoid of a further projection of the query.
        seed: an integer that is mixed into the key of every draw.
        kwargs: as every layer.

    Call:
        query: `(batch, T, features)`, or more axes between.
        value: `(batch, S, features)`.
        key: `(batch, S, features)`, default the value.
        value_mask, key_mask: `(batch, S)`: False where a position does not count. By default the masks that travel with the
            inputs.
        query_mask: as in Keras only the mask that travels with the query counts, and one that is passed has no effect; write
            `attention_mask=query_mask[:, :, None]`.
        attention_mask: `(batch, T, S)` or `(batch, heads, T, S)`: True where a query may look at a key.
        return_attention_scores: whether to return the weights `(batch, heads, T, S)` as well.
        training: whether to drop weights.
        use_causal_mask: whether a query may only look at its own position and before it.

    Returns:
        `(batch, T, output)`, or that and the weights.

    Example:
        >>> import numpy as np
        >>> x = np.ones((2, 5, 8), np.float32)
        >>> output, weights = MultiHeadAttention(2, 4)(x, x, use_causal_mask=True, return_attention_scores=True)
        >>> output.shape, weights[0, 0, 1].tolist()
        ((2, 5, 8), [0.5, 0.5, 0.0, 0.0, 0.0])

    Source: Ashish Vaswani et al., "Attention Is All You Need", 2017.
    """

    @expand_kwargs()
    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: Ints | None = None,
        attention_axes: Ints | None = None,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        *,
        use_gate: bool = False,
        seed: int | None = None,
        **kwargs: Unpack[KernelAndBias],
    ):
        super().__init__(dropout, use_bias, sliding_window, flash_attention, use_gate, seed, **kwargs)
        self.num_heads, self.key_dim, self.value_dim = num_heads, key_dim, key_dim if value_dim is None else value_dim
        for name in ("num_heads", "key_dim", "value_dim"):
            check_size("MultiHeadAttention", name, getattr(self, name))
        self.attention_axes = as_sizes("attention_axes", attention_axes)
        self._set_heads(num_heads, num_heads, key_dim, self.value_dim, as_sizes("output_shape", output_shape))

    def _query_mask(self, query: Array, given: Array | None) -> Array | None:
        found = get_mask(query)
        if given is not None and found is None:
            warnings.warn(_QUERY_MASK.format(name=self.name), stacklevel=2)
        return found

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments in Keras' JSON shape."""
        return {**super().get_config(), "output_shape": serialize(self._units)}


@export("keras.layers.GroupQueryAttention")
class GroupedQueryAttention(HeadedAttention):
    """Multi-head attention with fewer heads of keys and values than of queries.

    One head of keys for all is multi-query attention; as many as for queries is multi-head attention.

    Args:
        head_dim: size of a head's queries, keys and values.
        num_query_heads: number of heads of queries, a multiple of `num_key_value_heads`.
        num_key_value_heads: number of heads of keys and values.
        dropout, use_bias, sliding_window, flash_attention, use_gate, seed: see `MultiHeadAttention`.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint,
            bias_constraint: of all projections; names or objects.
        kwargs: as every layer.

    Call and return as `MultiHeadAttention`, for inputs of rank 3; a `query_mask` that is passed counts.

    Example:
        >>> import numpy as np
        >>> x = np.ones((2, 5, 8), np.float32)
        >>> layer = GroupedQueryAttention(head_dim=4, num_query_heads=6, num_key_value_heads=2)
        >>> layer(x, x).shape, layer.key_dense.kernel.shape
        ((2, 5, 8), (8, 2, 4))

    Source: Joshua Ainslie et al., "GQA: Training Generalized Multi-Query Transformer Models from Multi-Head Checkpoints", 2023.
    """

    @expand_kwargs()
    def __init__(
        self,
        head_dim: int,
        num_query_heads: int,
        num_key_value_heads: int,
        dropout: float = 0.0,
        use_bias: bool = True,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        *,
        use_gate: bool = False,
        seed: int | None = None,
        **kwargs: Unpack[KernelAndBias],
    ):
        super().__init__(dropout, use_bias, sliding_window, flash_attention, use_gate, seed, **kwargs)
        self.head_dim, self.num_query_heads, self.num_key_value_heads = head_dim, num_query_heads, num_key_value_heads
        for name in ("head_dim", "num_query_heads", "num_key_value_heads"):
            check_size("GroupedQueryAttention", name, getattr(self, name))
        if num_query_heads % num_key_value_heads:
            raise ValueError(
                "GroupedQueryAttention takes as num_query_heads a multiple of num_key_value_heads. "
                f"Received: {num_query_heads} and {num_key_value_heads}."
            )
        self._set_heads(num_query_heads, num_key_value_heads, head_dim, head_dim, None)


GroupQueryAttention = GroupedQueryAttention


def as_sizes(name: str, value: object) -> tuple[int, ...] | None:
    """A tuple of integers from an integer, several, or None."""
    sizes = (value,) if isinstance(value, int) else value or None
    if sizes is not None and (not isinstance(sizes, (list, tuple)) or not all(isinstance(n, int) for n in sizes)):
        raise ValueError(f"MultiHeadAttention takes an integer, or a list or tuple of them, as {name}. Received: {value!r}.")
    return None if sizes is None else tuple(sizes)
