"""Attention: each query takes a weighted mean of the values, with weights that say how well it matches their keys.

    scores = match(query, key)                 (..., T, S): T queries, S keys
    weights = softmax(scores over the keys)    a mask, where False, takes a key away
    output = weights @ value

`dot_product_attention` gives the output alone, so that the weights need never be in memory as a whole; how it is computed depends
on the platform (`attend`). `weigh` and `axes_attention` form the weights, for callers that want to see them or to drop some.

A projection to heads is one product of two matrices (`einsum.py`); contracting a sequence with a kernel of three axes takes a
good tenth longer in a whole training step.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jkeras._base.errors import describe
from jkeras._base.types import Array, Bool, Float, PRNGKeyArray
from jkeras.nn.dropout import dropout
from jkeras.nn.operation import Choice

_NO_FLASH = """flash_attention=True asks for cuDNN's kernel, which cannot take this here:
query {query}, key {key}, value {value}: {reason}.
It needs an NVIDIA GPU with cuDNN, float16 or bfloat16, heads of a multiple of 8 up to 128, sequences of even length.
Leave flash_attention=None to have it used where it fits."""

# Finite, so that a row with nothing left has no NaN; float32's range, for half precision as well.
NOWHERE = -0.7 * float(jnp.finfo(jnp.float32).max)


def causal_mask(queries: int, keys: int) -> Bool[Array, " queries keys"]:
    """True where a query may look at a key: at its own position and before it."""
    return jnp.tril(jnp.ones((queries, keys), bool))


def window_mask(queries: int, keys: int, size: int) -> Bool[Array, " queries keys"]:
    """True where query and key are less than `size` positions apart."""
    return jnp.abs(jnp.arange(queries)[:, None] - jnp.arange(keys)) < size


def masked_softmax(scores: Float[Array, " *shape"], mask: Bool[Array, " ..."] | None = None) -> Float[Array, " *shape"]:
    """Softmax over the last axis of the scores that a mask leaves; a row with nothing left is uniform.

    Args:
        scores: any shape.
        mask: True where a score counts; broadcasts to the scores.

    Returns:
        The scores' shape and dtype; computed in float32 or wider.

    Example:
        >>> import jax.numpy as jnp
        >>> masked_softmax(jnp.array([1.0, 1.0, 9.0]), jnp.array([True, True, False])).tolist()
        [0.5, 0.5, 0.0]
    """
    wide = scores.astype(jnp.promote_types(scores.dtype, jnp.float32))
    if mask is not None:
        wide = jnp.where(mask, wide, NOWHERE)
    return jax.nn.softmax(wide, -1).astype(scores.dtype)


def additive_scores(query: Float[Array, " ... T dim"], key: Float[Array, " ... S dim"], scale: Array | float = 1.0) -> Array:
    """`scores[t, s] = sum_d scale[d] tanh(query[t, d] + key[s, d])`.

    Args:
        query: `(..., T, dim)`.
        key: `(..., S, dim)`.
        scale: `(dim,)` or a number.

    Returns:
        `(..., T, S)`.

    Source: Dzmitry Bahdanau, Kyunghyun Cho, Yoshua Bengio, "Neural Machine Translation by Jointly Learning to Align and
    Translate", 2014.
    """
    return jnp.sum(scale * jnp.tanh(query[..., :, None, :] + key[..., None, :, :]), -1)


def weigh(
    scores: Float[Array, " ... T S"],
    value: Float[Array, " ... S dim"],
    mask: Bool[Array, " ..."] | None = None,
    rate: float = 0.0,
    rng: PRNGKeyArray | None = None,
) -> tuple[Array, Array]:
    """The weighted mean of the values for given scores.

    Args:
        scores: `(..., T, S)`.
        value: `(..., S, dim)`.
        mask: True where a key counts; broadcasts to the scores.
        rate: probability with which a weight is dropped, if there is a key for it.
        rng: a JAX random key, or None to drop nothing.

    Returns:
        The output `(..., T, dim)`, and the weights `(..., T, S)` as they are before any is dropped.

    Example:
        >>> import jax.numpy as jnp
        >>> output, weights = weigh(jnp.zeros((1, 2)), jnp.array([[1.0], [3.0]]))
        >>> output.tolist(), weights.tolist()
        ([[2.0]], [[0.5, 0.5]])
    """
    weights = masked_softmax(scores, mask)
    return jnp.matmul(weights if rng is None else dropout(rng, weights, rate), value), weights


def flash_fits(query: Array, key: Array, value: Array) -> bool:
    """Whether cuDNN's flash attention is worth trying on an NVIDIA GPU: half precision, head and sequence sizes it can take.

    Sizes that are symbols belong to a program that is exported, for other platforms too; that one goes without.
    """
    if not all(isinstance(n, int) for n in (*query.shape, *key.shape)):
        return False
    head, lengths = key.shape[-1], (query.shape[1], key.shape[1])
    half = query.dtype == key.dtype == value.dtype and query.dtype in (jnp.float16, jnp.bfloat16)
    sizes = head == value.shape[-1] and head % 8 == 0 and head <= 128 and all(n % 2 == 0 and n > 0 for n in lengths)
    return bool(half and sizes)


def dot_product_attention(
    query: Float[Array, " batch T heads dim"],
    key: Float[Array, " batch S key_heads dim"],
    value: Float[Array, " batch S key_heads value_dim"],
    mask: Bool[Array, " ..."] | None = None,
    *,
    scale: float,
    is_causal: bool = False,
    flash: bool | None = None,
) -> Float[Array, " batch T heads value_dim"]:
    """`softmax(scale * query @ key^T) @ value` for each head, by the fastest means the device has.

    Args:
        query: `(batch, T, heads, dim)`.
        key: `(batch, S, key_heads, dim)`; `heads` is a multiple of `key_heads`, and so many heads share a key.
        value: `(batch, S, key_heads, value_dim)`.
        mask: True where a query may look at a key; broadcasts to `(batch, heads, T, S)`. A query that may look nowhere gets the
            mean of all values.
        scale: factor of the products.
        is_causal: whether a query may only look at its own position and before it.
        flash: True to insist on cuDNN's kernel, False to do without, None to use it where it fits.

    Returns:
        `(batch, T, heads, value_dim)`.

    Raises:
        ValueError: `flash=True`, and cuDNN cannot do it.

    Example:
        >>> import jax.numpy as jnp
        >>> x = jnp.arange(4.0).reshape(1, 4, 1, 1)
        >>> dot_product_attention(0 * x, x, x, scale=1.0, is_causal=True).ravel().tolist()
        [0.0, 0.5, 1.0, 1.5]

    Source: Ashish Vaswani et al., "Attention Is All You Need", 2017; Tri Dao et al., "FlashAttention: Fast and Memory-Efficient
    Exact Attention with IO-Awareness", 2022.
    """
    if not flash:
        may_flash = flash is None and flash_fits(query, key, value)
        return (attend_or_flash if may_flash else attend)(query, key, value, mask, scale=scale, is_causal=is_causal)
    try:
        return _by_flash(query, key, value, mask, scale=scale, is_causal=is_causal)
    except _NO_CUDNN as error:
        names = {n: describe(a) for n, a in (("query", query), ("key", key), ("value", value))}
        raise ValueError(_NO_FLASH.format(**names, reason=error)) from error


def _by_xla(query: Array, key: Array, value: Array, mask: Array | None, *, scale: float, is_causal: bool) -> Array:
    # JAX takes values of the keys' width only; zeros change no product, and the output's part of them is cut off.
    width = value.shape[-1]
    if width != key.shape[-1]:
        wide = max(width, key.shape[-1])
        query, key, value = (jnp.pad(a, [(0, 0)] * 3 + [(0, wide - a.shape[-1])]) for a in (query, key, value))
    y = jax.nn.dot_product_attention(query, key, value, mask=mask, scale=scale, is_causal=is_causal, implementation="xla")
    return y if width == y.shape[-1] else y[..., :width]


def _by_flash(query: Array, key: Array, value: Array, mask: Array | None, *, scale: float, is_causal: bool) -> Array:
    wide = None if mask is None else jnp.broadcast_to(mask, (*mask.shape[:2], query.shape[1], key.shape[1]))
    return jax.nn.dot_product_attention(query, key, value, mask=wide, scale=scale, is_causal=is_causal, implementation="cudnn")


# What JAX raises on an old GPU, and where there is no cuDNN.
_NO_CUDNN = (RuntimeError, ValueError, NotImplementedError, TypeError)


def _by_flash_or_xla(query: Array, key: Array, value: Array, mask: Array | None, *, scale: float, is_causal: bool) -> Array:
    try:
        return _by_flash(query, key, value, mask, scale=scale, is_causal=is_causal)
    except _NO_CUDNN:
        return _by_xla(query, key, value, mask, scale=scale, is_causal=is_causal)


# Both take `(query, key, value, mask, *, scale, is_causal)`; the second is flash attention on an NVIDIA GPU that has it.
attend, attend_or_flash = Choice(_by_xla), Choice(_by_xla)
attend_or_flash.on("cuda", _by_flash_or_xla)


def axes_attention(
    query: Float[Array, " ..."],
    key: Float[Array, " ..."],
    value: Float[Array, " ..."],
    mask: Bool[Array, " ..."] | None = None,
    *,
    axes: Sequence[int] = (1,),
    scale: float,
    rate: float = 0.0,
    rng: PRNGKeyArray | None = None,
) -> tuple[Array, Array]:
    """Attention over chosen axes, the others being batch axes, together with its weights.

    Args:
        query, key, value: `(batch, ..., heads, dim)`, with equal sizes of the axes that are not attended over.
        mask: True where a query may look at a key; broadcasts to the weights. A query that may look nowhere gets zeros.
        axes: the axes attended over, counted from the front.
        scale: factor of the products.
        rate, rng: see `weigh`.

    Returns:
        The output `(batch, ..., heads, value_dim)`, and the weights `(other axes, heads, *query axes, *key axes)`.

    Example:
        >>> import jax.numpy as jnp
        >>> x = jnp.ones((1, 5, 6, 2, 4))
        >>> [a.shape for a in axes_attention(x, x, x, axes=(2,), scale=0.5)]
        [(1, 5, 6, 2, 4), (1, 5, 2, 6, 6)]
    """
    others = [a for a in range(query.ndim - 1) if a not in axes]
    order = [*others, *axes, query.ndim - 1]
    lead = tuple(query.shape[a] for a in others)
    targets, sources = ([x.shape[a] for a in axes] for x in (query, key))
    t, s = math.prod(targets), math.prod(sources)
    q, k, v = (x.transpose(order).reshape(*lead, n, x.shape[-1]) for x, n in ((query, t), (key, s), (value, s)))
    if mask is not None:
        before = mask.shape[: mask.ndim - 2 * len(axes)]
        mask = jnp.broadcast_to(mask, (*before, *targets, *sources)).reshape(*before, t, s)
    scores = jnp.matmul(q * jnp.asarray(scale, q.dtype), k.swapaxes(-1, -2))
    weights = masked_softmax(scores, mask)
    weights = weights if mask is None else jnp.where(mask, weights, 0)
    output = jnp.matmul(weights if rng is None else dropout(rng, weights, rate), v)
    back = sorted(range(query.ndim), key=order.__getitem__)
    return output.reshape(*lead, *targets, v.shape[-1]).transpose(back), weights.reshape(*lead, *targets, *sources)
