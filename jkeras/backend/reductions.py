"""Reductions: `K.mean`, `K.sum`, `K.argmax`, ...

Those that mean the same as in `jkeras.ops` are its functions. `axis` is a number, a list of them, or None for all axes, unless
noted otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from jkeras import ops
from jkeras._base.types import Tree
from jkeras.backend.shapes import as_tensor
from jkeras.ops.wrapper import Tensor


def max(x: Tensor, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
    """The largest entry along axes."""
    return ops.max(x, axis=axis, keepdims=keepdims)


def min(x: Tensor, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
    """The smallest entry along axes."""
    return ops.min(x, axis=axis, keepdims=keepdims)


def argmax(x: Tensor, axis: int = -1) -> Tensor:
    """The index of the largest entry along an axis, the last by default; int32, while Keras 2 returns int64.

    Example:
        >>> argmax([[0.1, 0.9], [0.8, 0.2]]).tolist()
        [1, 0]
    """
    return ops.argmax(x, axis=axis)


def argmin(x: Tensor, axis: int = -1) -> Tensor:
    """The index of the smallest entry along an axis, the last by default."""
    return ops.argmin(x, axis=axis)


def cumsum(x: Tensor, axis: int = 0) -> Tensor:
    """Running sums along an axis, the first by default."""
    return ops.cumsum(x, axis=axis)


def cumprod(x: Tensor, axis: int = 0) -> Tensor:
    """Running products along an axis, the first by default."""
    return ops.cumprod(x, axis=axis)


def l2_normalize(x: Tensor, axis: Any = None) -> Tensor:
    """Divide by the root of the sum of squares along axes, which counts as 1e-6 at least.

    Example:
        >>> l2_normalize([[4.0, 0.0], [0.0, 9.0]], axis=-1).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """
    return ops.normalize(as_tensor(x), axis=axis, epsilon=1e-6)


def in_top_k(predictions: Tensor, targets: Tensor, k: int) -> Tensor:
    """Whether the target class is among the k largest predictions of each row.

    Args:
        predictions: `(rows, classes)`.
        targets: `(rows,)` integers.
        k: how many predictions count.

    Returns:
        `(rows,)` booleans.
    """
    return ops.in_top_k(targets, predictions, k)


def count_params(x: Tree) -> int:
    """How many entries a Variable or an array has.

    Raises:
        ValueError: a size is unknown.
    """
    if None in x.shape:
        raise ValueError(f"The number of entries of shape {tuple(x.shape)} is not known.")
    return math.prod(map(int, x.shape))


def batch_normalization(
    x: Tensor, mean: Tensor, var: Tensor, beta: Tensor, gamma: Tensor, axis: int = -1, epsilon: float = 1e-3
) -> Tensor:
    """`gamma (x - mean) / sqrt(var + epsilon) + beta` along an axis; beta and gamma may be None.

    Args:
        x: any shape.
        mean, var, beta, gamma: `(size of the axis,)`, or of x's rank with ones elsewhere.
        axis: of the features.
        epsilon: keeps the root away from zero.
    """
    vectors = [None if v is None else v if len(v.shape) <= 1 else ops.reshape(v, (-1,)) for v in (mean, var, beta, gamma)]
    return ops.batch_normalization(x, vectors[0], vectors[1], axis, offset=vectors[2], scale=vectors[3], epsilon=epsilon)


def normalize_batch_in_training(
    x: Tensor, gamma: Tensor, beta: Tensor, reduction_axes: Sequence[int], epsilon: float = 1e-3
) -> tuple[Tensor, Tensor, Tensor]:
    """Normalize by the batch's own mean and variance.

    Args:
        x: any shape.
        gamma, beta: scale and offset of the remaining axes; None for none.
        reduction_axes: the axes to average over.
        epsilon: keeps the root away from zero.

    Returns:
        `(normalized, mean, variance)`, the last two without the reduced axes.
    """
    axes = [a % len(x.shape) for a in reduction_axes]
    average, variance = ops.mean(x, axis=axes), ops.var(x, axis=axes)
    first_kept = next((i for i in range(len(x.shape)) if i not in axes), -1)
    wide = [1 if i in axes else -1 if i == first_kept else n for i, n in enumerate(x.shape)]

    def spread(v: Tensor) -> Tensor:
        return ops.reshape(v, wide)

    y = (x - spread(average)) * ops.rsqrt(spread(variance) + epsilon)
    y = y if gamma is None else y * spread(gamma)
    return (y if beta is None else y + spread(beta)), average, variance
