"""The names of `tf.math` besides the plain array functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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
