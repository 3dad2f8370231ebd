"""Crossentropies as operations; their maths is `jkeras.nn.losses_crossentropy`."""

from __future__ import annotations

import jax.numpy as jnp

from jkeras.nn import losses_crossentropy as maths
from jkeras.ops.wrapper import Tensor, as_array, operation


@operation("nn")
def binary_crossentropy(target: Tensor, output: Tensor, from_logits: bool = False) -> Tensor:
    """`-y log p - (1 - y) log(1 - p)` for every entry.

    Args:
        target: y in [0, 1].
        output: probabilities p of the same shape, or logits.
        from_logits: whether output holds logits.

    Example:
        >>> binary_crossentropy([1.0, 0.0], [0.5, 0.5]).round(4).tolist()
        [0.6930999755859375, 0.6930999755859375]
    """
    target, output = as_array(target), as_array(output)
    maths.same_shape("binary_crossentropy", target, output)
    return maths.elementwise_crossentropy(target, output, from_logits)


@operation("nn")
def categorical_crossentropy(target: Tensor, output: Tensor, from_logits: bool = False, axis: int = -1) -> Tensor:
    """`-sum_k y_k log p_k` over the classes k.

    Args:
        target: y, one-hot or any distribution.
        output: probabilities p of the same shape, or logits.
        from_logits: whether output holds logits.
        axis: of the classes.
    """
    target, output = as_array(target), as_array(output)
    maths.same_shape("categorical_crossentropy", target, output)
    return -jnp.sum(target * maths.log_probabilities(output, from_logits, axis), axis=axis)


@operation("nn")
def sparse_categorical_crossentropy(target: Tensor, output: Tensor, from_logits: bool = False, axis: int = -1) -> Tensor:
    """`-log p_y` for integer labels y.

    Args:
        target: labels, `(...)` or with a last axis of size 1.
        output: probabilities p, `(..., classes)`, or logits.
        from_logits: whether output holds logits.
        axis: of the classes.
    """
    return maths.sparse_categorical_crossentropy(as_array(target, "int32"), as_array(output), from_logits, axis=axis)
