"""Normalisation and attention as operations; the maths of the first is `jkeras.nn.norm`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import jax
import jax.numpy as jnp

from jkeras._base.config import settings
from jkeras._base.errors import describe
from jkeras._base.types import Array
from jkeras.nn import lengths
from jkeras.nn import norm as maths
from jkeras.nn.attention import attend_or_flash, flash_fits
from jkeras.ops.wrapper import Tensor, as_array, as_float, axes, operation


def _optional(x: Tensor | None) -> Array | None:
    return None if x is None else as_array(x)


@operation("nn")
def batch_normalization(
    x: Tensor,
    mean: Tensor,
    variance: Tensor,
    axis: int,
    offset: Tensor | None = None,
    scale: Tensor | None = None,
    epsilon: float = 1e-3,
) -> Tensor:
    """Normalise every channel with its mean and variance: `(x - mean) / sqrt(variance + epsilon) * scale + offset`.

    Args:
        x: any shape.
        mean, variance, offset, scale: one number per channel; offset and scale may be None.
        axis: of the channels.
        epsilon: added to the variance.
    """
    vectors = as_array(mean), as_array(variance), _optional(offset), _optional(scale)
    return maths.batch_norm(as_float(x), *vectors, axis=axis, epsilon=epsilon)


@operation("nn")
def layer_normalization(
    x: Tensor,
    gamma: Tensor | None = None,
    beta: Tensor | None = None,
    axis: int | Sequence[int] = -1,
    epsilon: float | None = None,
) -> Tensor:
    """Normalise every example over `axis` to mean 0 and variance 1, then `y gamma + beta`.

    Args:
        x: any shape.
        gamma, beta: of the shape of the normalised axes, or None.
        axis: to take mean and variance over.
        epsilon: added to the variance, `config.epsilon()` by default.
    """
    epsilon = settings.epsilon if epsilon is None else epsilon
    return maths.layer_norm(as_float(x), _optional(gamma), _optional(beta), axis=axis, epsilon=epsilon)


@operation("nn")
def rms_normalization(
    x: Tensor, scale: Tensor | None = None, axis: int | Sequence[int] = -1, epsilon: float | None = None
) -> Tensor:
    """Divide by the root of the mean square over `axis`, then multiply by `scale`.

    Args:
        x: any shape.
        scale: of the shape of the normalised axes, or None.
        axis: to take the mean square over.
        epsilon: added to the mean square, `config.epsilon()` by default.
    """
    epsilon = settings.epsilon if epsilon is None else epsilon
    return maths.rms_norm(as_float(x), _optional(scale), axis=axis, epsilon=epsilon)


@operation("nn")
def normalize(x: Tensor, axis: int | Sequence[int] = -1, order: float = 2, epsilon: float | None = None) -> Tensor:
    """Divide vectors by their norm; vectors of zeros stay zeros and pass no gradient on.

    Args:
        x: any shape.
        axis: of the vectors.
        order: p of the norm `(sum |x|^p)^(1/p)`.
        epsilon: the least norm to divide by, `config.epsilon()` by default.

    Example:
        >>> normalize([[0.0, 4.0], [0.0, 0.0]]).tolist()
        [[0.0, 1.0], [0.0, 0.0]]
    """
    if not isinstance(order, (int, float)) or order < 1:
        raise ValueError(f"order is a number of at least 1, the p of the norm. Received: {order!r}.")
    x, epsilon = as_float(x), settings.epsilon if epsilon is None else epsilon
    return lengths.unit_vectors(x, axes(axis), epsilon, order)


@operation("nn")
def dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    bias: Tensor | None = None,
    mask: Tensor | None = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Tensor:
    """Attention: values averaged with the weights `softmax(scale q k^T + bias)`.

    Args:
        query: `(batch, queries, heads, width)`.
        key: `(batch, keys, heads, width)`; it may have fewer heads, each for a group of the query's.
        value: `(batch, keys, heads, width)`.
        bias: broadcasts to `(batch, heads, queries, keys)`.
        mask: broadcasts likewise; True where a query sees a key.
        scale: `1 / sqrt(width)` by default.
        is_causal: whether query i sees only the keys up to i.
        flash_attention: True for cuDNN's fused kernel, which needs an Nvidia GPU and half precision; False to do without; None,
            unless `config.disable_flash_attention()` was called, to use it where it fits and there is no bias.
        attn_logits_soft_cap: c, makes logits l `l / (1 + |l| / c)`.

    Returns:
        `(batch, queries, heads, width)`.

    Source: Vaswani et al., "Attention Is All You Need", 2017.
    """
    q, k, v = as_array(query), as_array(key), as_array(value)
    if not q.ndim == k.ndim == v.ndim == 4:
        raise ValueError(f"Expected query, key and value of shape (batch, length, heads, width), received {describe((q, k, v))}.")
    dtype = jnp.result_type(q, k, v)
    q, k, v = q.astype(dtype), k.astype(dtype), v.astype(dtype)
    bias, mask = _optional(bias), _optional(mask)
    mask = mask if mask is None else mask.astype(bool)
    if attn_logits_soft_cap is not None:
        return _capped_attention(q, k, v, bias, mask, scale, is_causal, attn_logits_soft_cap)
    if flash_attention is None and settings.flash_attention is None and bias is None and flash_fits(q, k, v):
        return attend_or_flash(q, k, v, mask, scale=q.shape[-1] ** -0.5 if scale is None else scale, is_causal=is_causal)
    bias = bias if bias is None else bias.astype(dtype)
    implementation: Literal["cudnn"] | None = "cudnn" if flash_attention else None
    return jax.nn.dot_product_attention(q, k, v, bias, mask, scale=scale, is_causal=is_causal, implementation=implementation)


def _capped_attention(
    q: jax.Array,
    k: jax.Array,
    v: jax.Array,
    bias: Array | None,
    mask: Array | None,
    scale: float | None,
    is_causal: bool,
    cap: float,
) -> jax.Array:
    k, v = (jnp.repeat(t, q.shape[2] // t.shape[2], axis=2) for t in (k, v))
    logits = jnp.einsum("bqhd,bkhd->bhqk", q, k, preferred_element_type=jnp.promote_types(q.dtype, jnp.float32))
    logits = logits * (q.shape[-1] ** -0.5 if scale is None else scale)
    logits = logits / (1 + jnp.abs(logits) / cap)
    if bias is not None:
        logits = logits + bias
    if is_causal:
        causal = jnp.tril(jnp.ones(logits.shape[-2:], bool))
        mask = causal if mask is None else mask & causal
    if mask is not None:
        logits = jnp.where(mask, logits, jnp.finfo(logits.dtype).min)
    return jnp.einsum("bhqk,bkhd->bqhd", jax.nn.softmax(logits).astype(v.dtype), v)
