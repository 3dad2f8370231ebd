"""The names of `tf.math` besides the plain array functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
from jax.typing import DTypeLike

from jkeras import ops
from jkeras._base.types import Tree
from jkeras.ops.wrapper import Tensor


def l2_normalize(x: Tree, axis: Any = None, epsilon: float = 1e-12, name: object = None) -> Tensor:
    """The array, scaled to length 1 along an axis, or as a whole.

    Example:
        >>> l2_normalize([3.0, 4.0], axis=0).tolist()
        [0.6000000238418579, 0.800000011920929]
    """
    return ops.normalize(x, axis=axis, epsilon=epsilon**0.5)


def reduce_euclidean_norm(
    input_tensor: Tree, axis: int | Sequence[int] | None = None, keepdims: bool = False, name: object = None
) -> Tensor:
    """The square root of the sum of squares."""
    axis = tuple(range(len(ops.shape(input_tensor)))) if axis is None else axis
    return ops.norm(input_tensor, axis=axis, keepdims=keepdims)


def top_k(input: Tree, k: int = 1, sorted: bool = True, name: object = None) -> tuple[Tensor, Tensor]:
    """The greatest values along the last axis, and their indices."""
    return ops.top_k(input, k, sorted)


def in_top_k(targets: Tree, predictions: Tree, k: int, name: object = None) -> Tensor:
    """Whether each target is among its row's greatest predictions."""
    return ops.in_top_k(targets, predictions, k)


def confusion_matrix(
    labels: Tree,
    predictions: Tree,
    num_classes: int | None = None,
    weights: Tree = None,
    dtype: DTypeLike | None = "int32",
    name: object = None,
) -> Tensor:
    """How often each label (row) was predicted as each class (column).

    Example:
        >>> confusion_matrix([0, 1, 1], [0, 1, 0]).tolist()
        [[1, 0], [1, 1]]
    """
    labels, predictions = ops.convert_to_tensor(labels), ops.convert_to_tensor(predictions)
    n = int(max(labels.max(), predictions.max())) + 1 if num_classes is None else num_classes
    weight = ops.ones(labels.shape, dtype) if weights is None else ops.cast(weights, dtype)
    rows, columns = ops.one_hot(labels, n, dtype=dtype), ops.one_hot(predictions, n, dtype=dtype)
    return ops.matmul(ops.transpose(rows * weight[:, None]), columns)


def softmax(logits: Tree, axis: int = -1, name: object = None) -> Tensor:
    """Probabilities along an axis."""
    return ops.softmax(logits, axis)


def log_softmax(logits: Tree, axis: int = -1, name: object = None) -> Tensor:
    """Logarithms of probabilities along an axis."""
    return ops.log_softmax(logits, axis)


def multiply_no_nan(x: Tree, y: Tree, name: object = None) -> Tensor:
    """`x * y`, and 0 where y is 0."""
    return ops.where(ops.equal(y, 0), 0.0, ops.multiply(x, y))


def xlogy(x: Tree, y: Tree, name: object = None) -> Tensor:
    """`x * log(y)`, and 0 where x is 0."""
    return jax.scipy.special.xlogy(ops.convert_to_tensor(x), ops.convert_to_tensor(y))


def xdivy(x: Tree, y: Tree, name: object = None) -> Tensor:
    """`x / y`, and 0 where x is 0."""
    return ops.where(ops.equal(x, 0), 0.0, ops.divide(x, ops.where(ops.equal(x, 0), 1.0, y)))


def zero_fraction(value: Tree, name: object = None) -> Tensor:
    """The share of entries that are 0."""
    return ops.mean(ops.cast(ops.equal(value, 0), "float32"))


def cumulative_logsumexp(x: Tree, axis: int = 0, exclusive: bool = False, reverse: bool = False, name: object = None) -> Tensor:
    """`log(cumsum(exp(x)))` along an axis."""
    if exclusive:
        raise ValueError("tf.math.cumulative_logsumexp does not take exclusive=True. Leave it out and shift the result.")
    return jax.lax.cumlogsumexp(ops.convert_to_tensor(x), axis, reverse)


def polyval(coeffs: Sequence[Tree], x: Tree, name: object = None) -> Tensor:
    """A polynomial, the coefficient of the highest power first.

    Example:
        >>> float(polyval([1.0, 2.0, 3.0], 2.0))
        11.0
    """
    total = ops.convert_to_tensor(0.0 if not coeffs else coeffs[0])
    for coefficient in coeffs[1:]:
        total = total * x + coefficient
    return total


def complex(real: Tree, imag: Tree, name: object = None) -> Tensor:
    """Complex numbers of their parts."""
    return jax.lax.complex(ops.convert_to_tensor(real), ops.convert_to_tensor(imag))
