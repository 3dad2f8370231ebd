"""Attention by products, in layouts whose gradients transpose the least.

On a CPU `jax.nn.dot_product_attention` with its gradients takes much longer, mostly for transposing arrays as large as the
weights, and for selecting by a mask that is the same for all. Here the weights are divided by their sum after the product with
the values, which saves passes over them.
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax

from jkeras._base.types import Array
from jkeras.nn import attention
from jkeras.nn.attention import NOWHERE, causal_mask


def attend(query: Array, key: Array, value: Array, mask: Array | None, *, scale: float, is_causal: bool) -> Array:
    """See `jkeras.nn.attention.dot_product_attention`."""
    batch, targets, heads, dim = query.shape
    sources, shared, width = value.shape[1:]
    if isinstance(sources, int) and sources == 0:  # a symbol is at least 1
        return attention.attend.general(query, key, value, mask, scale=scale, is_causal=is_causal)
    wide = jnp.promote_types(query.dtype, jnp.float32)
    q = (query.astype(wide) * scale).transpose(0, 2, 1, 3).reshape(batch, shared, heads // shared * targets, dim)
    scores = (q @ key.astype(wide).transpose(0, 2, 3, 1)).reshape(batch, heads, targets, sources)
    if mask is not None:
        scores = jnp.where(mask & causal_mask(targets, sources) if is_causal else mask, scores, NOWHERE)
    elif is_causal:
        # Each row keeps a key, so no gradient is lost.
        scores = scores + jnp.where(causal_mask(targets, sources), 0, NOWHERE)
    weights = jnp.exp(scores - lax.stop_gradient(scores.max(-1, keepdims=True)))
    folded = weights.astype(value.dtype).reshape(batch, shared, heads // shared * targets, sources)
    sums = (folded @ value.transpose(0, 2, 1, 3)).reshape(batch, heads, targets, width)
    return (sums / weights.sum(-1, keepdims=True)).astype(value.dtype).transpose(0, 2, 1, 3)
