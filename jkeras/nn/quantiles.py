"""Quantiles of data that come in batches, from a summary of bounded size, and the bins between boundaries.

A summary is a sorted sample with weights: float32 `(2, n)`, values and how many data each stands for. Two summaries merge by
sorting both; a long one is pruned to its quantiles at even shares of the weight. The quantile at a share is where the cumulative
weight, linear between entries, reaches it.

Source: Chen and Guestrin, "XGBoost: A scalable tree boosting system", 2016, appendix A, for merging and pruning; Hyndman and Fan,
"Sample quantiles in statistical packages", 1996, definition 4, for the interpolation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from jkeras._base.types import Array, Float, Int


def empty_summary() -> np.ndarray:
    """The summary of no data."""
    return np.zeros((2, 0), np.float32)


def add_to_summary(summary: np.ndarray, data: np.ndarray, epsilon: float) -> np.ndarray:
    """The summary with more data.

    Args:
        summary: from here.
        data: of any shape.
        epsilon: the error of quantiles; a summary has about `1 / epsilon` entries.
    """
    merged = np.concatenate([_sample(data, epsilon), summary], axis=1)
    return _pruned(merged[:, merged[0].argsort()], epsilon)


def boundaries(summary: np.ndarray, bins: int) -> list[float]:
    """The boundaries of bins that hold equally many data.

    Example:
        >>> boundaries(add_to_summary(empty_summary(), np.arange(8.0), 0.01), 2)
        [3.0]
    """
    found: list[float] = _pruned(summary, 1.0 / bins)[0, :-1].tolist()
    return found


def _sample(data: np.ndarray, epsilon: float) -> np.ndarray:
    """The data whose ranks are the multiples of `epsilon * n`; each stands for those between it and the one before."""
    ordered = np.sort(np.asarray(data, np.float32), axis=None)
    each = max(epsilon * ordered.size, 1.0)
    ranks = int(each) * np.arange(1, ordered.size // int(each) + 1)
    return np.stack([ordered[ranks - 1], np.full(ranks.shape, each, np.float32)])


def _pruned(summary: np.ndarray, epsilon: float) -> np.ndarray:
    """The quantiles at the shares `epsilon`, `2 epsilon`, ... of the whole weight, where a summary has more entries than that.

    Between two entries a quantile is interpolated; the first and the last one bound it.
    """
    if summary.shape[1] * epsilon < 1:
        return summary
    reached = np.cumsum(summary[1])
    whole = reached[-1]
    up_to = reached / whole
    shares = epsilon * np.arange(1, math.ceil(1.0 / epsilon) + 1)
    weights = whole * np.diff(shares.clip(up_to[0], 1.0), prepend=0.0)
    return np.stack([np.interp(shares, up_to, summary[0]), weights]).astype(np.float32)


def bin_of(x: Float[Array, "*shape"], edges: Sequence[float]) -> Int[Array, "*shape"]:
    """`i` with `edges[i - 1] <= x < edges[i]`."""
    return jnp.searchsorted(jnp.asarray(edges, x.dtype), x, side="right").astype(jnp.int32)
