"""Losses on pairs of samples: embeddings of one class shall be alike, those of different classes not."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jkeras._base.types import Array, Float

_NOT_COUNTED = -1e9  # in place of the logarithm of 0, whose derivative is not finite


def circle(
    y_true: Array,
    y_pred: Array,
    ref_labels: Array | None = None,
    ref_embeddings: Array | None = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> Float[Array, " batch"]:
    """`log(1 + sum_n exp(gamma [s_n + m]+ (s_n - m)) sum_p exp(-gamma [1 + m - s_p]+ (s_p - 1 + m)))` for each sample.

    Here s_p are its cosines with samples of its own class and s_n those with others; m is the margin. A sample without a partner
    of either kind gives 0.

    Args:
        y_true: labels `(batch,)` or `(batch, 1)`.
        y_pred: embeddings of length 1, `(batch, size)`.
        ref_labels, ref_embeddings: samples to compare with, `(references,)` and `(references, size)`; default the batch.
        remove_diagonal: whether sample i is no partner of reference i.
        gamma: scale of the cosines.
        margin: the cosine from which on two samples of one class are not drawn nearer is 1 minus it.

    Raises:
        ValueError: shapes that do not match.

    Example:
        >>> round(float(circle([0, 0, 1], [[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]], gamma=2.0)[0]), 4)
        0.4518

    Source: Sun and others, "Circle Loss: A Unified Perspective of Pair Similarity Optimization", 2020.
    """
    labels, x = jnp.asarray(y_true), jnp.asarray(y_pred)
    labels = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if labels.ndim != 1 or x.ndim != 2 or labels.shape != x.shape[:1]:
        raise ValueError(
            "circle takes integer labels (batch,) and embeddings (batch, size). "
            f"Received: y_true {labels.shape}, y_pred {x.shape}."
        )
    others = labels if ref_labels is None else jnp.ravel(jnp.asarray(ref_labels))
    references = x if ref_embeddings is None else jnp.asarray(ref_embeddings, x.dtype)
    if references.ndim != 2 or references.shape[1] != x.shape[1] or others.shape != references.shape[:1]:
        raise ValueError(
            f"circle takes references (references, {x.shape[1]}) with a label each. "
            f"Received: ref_labels {others.shape}, ref_embeddings {references.shape}."
        )
    cosine = x @ references.T
    alike = labels[:, None] == others[None]
    partner = alike & ~jnp.eye(alike.shape[0], alike.shape[1], dtype=bool) if remove_diagonal else alike
    to_partners = gamma * jnp.maximum(1 + margin - cosine, 0) * (1 - margin - cosine)
    to_others = gamma * jnp.maximum(cosine + margin, 0) * (cosine - margin)
    terms = [
        jax.nn.logsumexp(jnp.where(counts, term, _NOT_COUNTED), -1)
        for counts, term in ((partner, to_partners), (~alike, to_others))
    ]
    return jax.nn.softplus(terms[0] + terms[1])
