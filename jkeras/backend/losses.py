"""Cross entropies as in Keras' backend: one number for each entry or row, without a mean."""

from __future__ import annotations

from jkeras import ops
from jkeras._base import config
from jkeras.backend.shapes import as_tensor
from jkeras.ops.wrapper import Tensor


def sparse_categorical_crossentropy(
    target: Tensor, output: Tensor, from_logits: bool = False, axis: int = -1, ignore_class: int | None = None
) -> Tensor:
    """Cross entropy along the axis of the classes, with integer targets.

    Args:
        target: integers, of the output's shape without the class axis, or with size 1 there.
        output: probabilities, or logits with `from_logits=True`.
        from_logits: what `output` is.
        axis: of the classes.
        ignore_class: a class whose entries have no loss.
    """
    target, output = ops.cast(target, "int32"), as_tensor(output)
    if len(target.shape) == len(output.shape) and target.shape[axis] == 1:
        target = ops.squeeze(target, axis)
    if ignore_class is None:
        return ops.sparse_categorical_crossentropy(target, output, from_logits=from_logits, axis=axis)
    counts = ops.not_equal(target, ignore_class)
    loss = ops.sparse_categorical_crossentropy(ops.where(counts, target, 0), output, from_logits=from_logits, axis=axis)
    return ops.where(counts, loss, 0.0)


def binary_focal_crossentropy(
    target: Tensor,
    output: Tensor,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
) -> Tensor:
    """Cross entropy of each entry times `(1 - p)^gamma`, where p is the probability given to the truth.

    Args:
        target, output, from_logits: as for `binary_crossentropy`.
        apply_class_balancing: whether class 1 weighs alpha and class 0 `1 - alpha`.
        alpha, gamma: as above.

    Source: Lin, Goyal, Girshick, He and Dollár, "Focal Loss for Dense Object Detection", 2017.
    """
    output = ops.sigmoid(output) if from_logits else output
    p = target * output + (1.0 - target) * (1.0 - output)
    loss = ops.power(1.0 - p, gamma) * ops.binary_crossentropy(target, output)
    return loss * (target * alpha + (1.0 - target) * (1.0 - alpha)) if apply_class_balancing else loss


def categorical_focal_crossentropy(
    target: Tensor, output: Tensor, alpha: float = 0.25, gamma: float = 2.0, from_logits: bool = False, axis: int = -1
) -> Tensor:
    """Cross entropy along the axis of the classes, each class times `alpha (1 - p)^gamma`; one-hot targets."""
    output = ops.softmax(output, axis=axis) if from_logits else output / ops.sum(output, axis=axis, keepdims=True)
    output = ops.clip(output, config.epsilon(), 1.0 - config.epsilon())
    return ops.sum(alpha * ops.power(1.0 - output, gamma) * -(target * ops.log(output)), axis=axis)
