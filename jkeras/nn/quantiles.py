"""Quantiles of data that come in batches, from a summary of bounded size, and the bins between boundaries.

A summary is a sorted sample with weights: float32 `(2, n)`, values and how many data each stands for. Summaries are merged by
sorting, and compressed by reading their cumulative weights at even steps.
"""

from __future__ import annotations

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
    values = np.sort(np.ravel(data).astype(np.float32))
    step = max(values.size * epsilon, 1)
    sample = values[int(step - 1) :: int(step)]
    both = np.concatenate([[sample, np.full_like(sample, step)], summary], axis=1)
    return _compressed(both[:, np.argsort(both[0])], epsilon)


def boundaries(summary: np.ndarray, bins: int) -> list[float]:
    """The boundaries of bins that hold equally many data.

    Example:
        >>> boundaries(add_to_summary(empty_summary(), np.arange(8.0), 0.01), 2)
        [3.0]
    """
    found: list[float] = _compressed(summary, 1.0 / bins)[0, :-1].tolist()
    return found


def _compressed(summary: np.ndarray, epsilon: float) -> np.ndarray:
    if summary.shape[1] * epsilon < 1:
        return summary
    shares = epsilon + np.arange(0.0, 1.0, epsilon)
    total = np.cumsum(summary[1])
    have = total / total[-1]
    values, weights = np.interp(shares, have, summary[0]), np.interp(shares, have, total)
    return np.stack([values, np.diff(weights, prepend=0)]).astype(np.float32)


def bin_of(x: Float[Array, "*shape"], edges: Sequence[float]) -> Int[Array, "*shape"]:
    """`i` with `edges[i - 1] <= x < edges[i]`."""
    return jnp.searchsorted(jnp.asarray(edges, x.dtype), x, side="right").astype(jnp.int32)
