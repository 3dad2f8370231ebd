"""Counting right and wrong decisions at many thresholds at once, and the area under the curves they draw.

A prediction p is positive at threshold t where `p > t`. For a few thresholds every prediction is compared with every threshold.
For evenly spaced ones over [0, 1] each prediction falls into one of T buckets, and the counts are sums of buckets from above:
work n + T instead of n T.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jkeras._base import config
from jkeras._base.types import Array, DTypeLike, Float
from jkeras.nn.losses_align import align_left, divide_or_zero, match_ranks

# What a class outside the top k is set to: below every threshold.
NEVER = -1e10

KINDS = ("true_positives", "false_positives", "true_negatives", "false_negatives")


def evenly_spaced(thresholds: Sequence[float] | np.ndarray) -> bool:
    """Whether three or more thresholds divide [0, 1] evenly."""
    n = len(thresholds)
    return n >= 3 and np.allclose(thresholds, np.arange(n, dtype=np.float32) / (n - 1), atol=config.epsilon())


def keep_top_k(y_pred: Float[Array, " *n classes"], k: int) -> Float[Array, " *n classes"]:
    """The k largest entries of each row; all others become so small that no threshold takes them."""
    kept = jnp.sum(jax.nn.one_hot(jax.lax.top_k(y_pred, k)[1], y_pred.shape[-1]), axis=-2)
    return jnp.where(kept > 0, y_pred, NEVER)


def decisions(
    y_true: Array,
    y_pred: Array,
    sample_weight: Array | None = None,
    top_k: int | None = None,
    class_id: int | None = None,
    dtype: DTypeLike | None = None,
) -> tuple[Array, Array, Array]:
    """Labels (0 or 1), predictions and weights of one shape, as the counters below take them.

    Args:
        y_true: labels; whatever is not 0 counts as 1.
        y_pred: probabilities.
        sample_weight: `(n,)`, or per entry, or None for ones.
        top_k: only the k largest predictions of a row may be positive.
        class_id: look at this class only.
        dtype: to count in.

    Raises:
        ValueError: class_id is given for predictions without a class axis.
    """
    y_pred, y_true = match_ranks(jnp.asarray(y_pred, dtype), jnp.asarray(y_true, dtype))
    if top_k is not None:
        y_pred = keep_top_k(y_pred, top_k)
    if class_id is not None:
        if y_pred.ndim < 2:
            raise ValueError(f"class_id={class_id} needs predictions of shape (samples, classes). Received shape {y_pred.shape}.")
        y_true, y_pred = y_true[..., class_id, None], y_pred[..., class_id, None]
    if y_true.shape != y_pred.shape:
        raise ValueError(f"Expected y_true and y_pred of one shape. Received: {y_true.shape} and {y_pred.shape}.")
    weight = jnp.ones((), dtype) if sample_weight is None else jnp.asarray(sample_weight, dtype)
    weight, _ = align_left(weight, y_pred)
    return (y_true != 0).astype(dtype), y_pred, jnp.broadcast_to(weight, y_pred.shape)


def count(
    labels: Array, y_pred: Array, weight: Array, thresholds: Sequence[float] | np.ndarray, evenly: bool, per_label: bool = False
) -> dict[str, Array]:
    """Weighted numbers of true and false positives and negatives at each threshold.

    Args:
        labels, y_pred, weight: of one shape, from `decisions`.
        thresholds: T numbers on the host.
        evenly: whether they are evenly spaced over [0, 1], which the end points may leave by epsilon.
        per_label: whether to count each column of `(n, labels)` by itself.

    Returns:
        Four arrays, `(T,)` or `(T, labels)`, by name.

    Example:
        >>> ones = jnp.ones(3)
        >>> counts = count(jnp.array([1.0, 0.0, 1.0]), jnp.array([0.9, 0.8, 0.1]), ones, [0.5], evenly=False)
        >>> {name: int(n[0]) for name, n in counts.items()}
        {'true_positives': 1, 'false_positives': 1, 'true_negatives': 0, 'false_negatives': 1}
    """
    if per_label:
        rows = jax.vmap(lambda y, p, w: count(y, p, w, thresholds, evenly), in_axes=1, out_axes=1)
        return rows(labels, y_pred, weight)
    labels, y_pred, weight = labels.ravel(), y_pred.ravel(), weight.ravel()
    positive, negative = labels * weight, (1 - labels) * weight
    tally = _by_bucket if evenly else _by_comparison
    (tp, fn), (fp, tn) = tally(positive, y_pred, thresholds), tally(negative, y_pred, thresholds)
    return dict(zip(KINDS, (tp, fp, tn, fn)))


def _by_comparison(weight: Array, y_pred: Array, thresholds: Sequence[float] | np.ndarray) -> tuple[Array, Array]:
    above = y_pred > jnp.asarray(thresholds, y_pred.dtype)[:, None]
    return jnp.sum(jnp.where(above, weight, 0), axis=1), jnp.sum(jnp.where(above, 0, weight), axis=1)


def _by_bucket(weight: Array, y_pred: Array, thresholds: Sequence[float] | np.ndarray) -> tuple[Array, Array]:
    n = len(thresholds)
    # The product is rounded, so a prediction is compared with the threshold next to it itself.
    next_to = jnp.clip(jnp.round(y_pred * (n - 1)).astype(jnp.int32), 0, n - 1)
    bucket = next_to - 1 + (y_pred > jnp.asarray(thresholds, y_pred.dtype)[next_to])
    sums = jax.ops.segment_sum(jnp.where(bucket < 0, 0, weight), jnp.maximum(bucket, 0), n)
    above = jnp.cumsum(sums[::-1])[::-1]
    return above, jnp.sum(weight) - above


def area_under_curve(counts: dict[str, Array], curve: str, summation_method: str) -> Float[Array, " *labels"]:
    """The area under a curve through the points of falling thresholds.

    Args:
        counts: from `count`, at rising thresholds.
        curve: `ROC` (true against false positive rate), `PR` (precision against recall) or `PRGAIN` (their gains).
        summation_method: `interpolation`, `minoring` or `majoring`: the mean, lower or upper height of each strip.

    Returns:
        One area, or one per label.

    Source:
        J. Davis and M. Goadrich, The Relationship Between Precision-Recall and ROC Curves, 2006, for the interpolated PR curve;
        P. Flach and M. Kull, Precision-Recall-Gain Curves, 2015.
    """
    if curve == "PR" and summation_method == "interpolation":
        return _interpolated_pr(counts)
    x, y = _CURVES[curve](*(counts[kind] for kind in KINDS))
    left, right = y[:-1], y[1:]
    height = {"interpolation": (left + right) / 2, "minoring": jnp.minimum(left, right), "majoring": jnp.maximum(left, right)}
    return jnp.sum((x[:-1] - x[1:]) * height[summation_method], axis=0)


def _roc(tp: Array, fp: Array, tn: Array, fn: Array) -> tuple[Array, Array]:
    return divide_or_zero(fp, fp + tn), divide_or_zero(tp, tp + fn)


def _pr(tp: Array, fp: Array, tn: Array, fn: Array) -> tuple[Array, Array]:
    return divide_or_zero(tp, tp + fn), divide_or_zero(tp, tp + fp)


def _pr_gain(tp: Array, fp: Array, tn: Array, fn: Array) -> tuple[Array, Array]:
    odds = divide_or_zero(tp + fn, tn + fp)
    recall = jnp.where(tp == 0, 0.0, 1.0 - odds * divide_or_zero(fn, tp))
    return jnp.maximum(recall, 0.0), jnp.where(tp == 0, 1.0, 1.0 - odds * divide_or_zero(fp, tp))


_CURVES = {"ROC": _roc, "PR": _pr, "PRGAIN": _pr_gain}


def _interpolated_pr(counts: dict[str, Array]) -> Array:
    """Between two thresholds true positives grow linearly with all positives, so precision does not: the strip's exact area."""
    tp, fn = counts["true_positives"], counts["false_negatives"]
    p = tp + counts["false_positives"]
    d_tp, d_p = tp[:-1] - tp[1:], p[:-1] - p[1:]
    slope = divide_or_zero(d_tp, jnp.maximum(d_p, 0))
    intercept = tp[1:] - slope * p[1:]
    both = (p[:-1] > 0) & (p[1:] > 0)
    ratio = jnp.where(both, divide_or_zero(p[:-1], jnp.maximum(p[1:], 0)), 1)
    return jnp.sum(divide_or_zero(slope * (d_tp + intercept * jnp.log(ratio)), jnp.maximum(tp[1:] + fn[1:], 0)), axis=0)
