"""Grouped-query attention: multi-head attention in which several query heads share one head of keys and values."""

from __future__ import annotations

from typing import Unpack

from jkeras._base.registry import export
from jkeras._base.shared_arguments import expand_kwargs
from jkeras.layers.headed_attention import HeadedAttention, check_size
from jkeras.layers.weight_arguments import KernelAndBias


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

    Call and return as `MultiHeadAttention`, for inputs of rank 3.

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
