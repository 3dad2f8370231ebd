"""Intersection over union: how well labelled regions cover what they should, from a confusion matrix of classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, TypedDict, Unpack

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from jkeras._base import config
from jkeras._base.registry import export
from jkeras._base.shared_arguments import expand_kwargs
from jkeras._base.types import Array, Tree
from jkeras.metrics.base import Metric, State
from jkeras.nn.losses_align import align_left


class IoUArguments(TypedDict, total=False):
    """What `IoU` and `MeanIoU` take beside classes."""

    name: Annotated[str | None, None]
    dtype: Annotated[Any, None]
    ignore_class: Annotated[int | None, None]
    sparse_y_true: Annotated[bool, True]
    sparse_y_pred: Annotated[bool, True]
    axis: Annotated[int, -1]


@export("keras.metrics.IoU")
class IoU(Metric):
    """The mean over some classes of `TP / (TP + FP + FN)`; classes that never occur do not count.

    Args:
        num_classes: how many classes there are. Other labels are left out.
        target_class_ids: the classes to average over.
        name: default is made from the class' name.
        dtype: to count in; default float32, so that fractions of weights count (Keras: int32, which drops them).
        ignore_class: a label whose entries are left out.
        sparse_y_true: whether targets are labels; else one-hot.
        sparse_y_pred: whether predictions are labels; else probabilities.
        axis: of the classes, where they have one.

    Raises:
        ValueError: a target class that is none of the classes.

    Example:
        >>> metric = IoU(num_classes=2, target_class_ids=[0])
        >>> metric.update_state([0, 0, 1, 1], [0, 1, 0, 1])
        >>> round(float(metric.result()), 4)
        0.3333
    """

    @expand_kwargs()
    def __init__(self, num_classes: int, target_class_ids: Sequence[int], **kwargs: Unpack[IoUArguments]):
        super().__init__(name=kwargs["name"], dtype=kwargs["dtype"])
        if not all(0 <= i < num_classes for i in target_class_ids):
            raise ValueError(f"Target classes must be from 0 to {num_classes - 1}. Received: {list(target_class_ids)}.")
        self.num_classes, self.target_class_ids = num_classes, list(target_class_ids)
        self.ignore_class, self.axis = kwargs["ignore_class"], kwargs["axis"]
        self.sparse_y_true, self.sparse_y_pred = kwargs["sparse_y_true"], kwargs["sparse_y_pred"]

    def init(self) -> State:
        """A confusion matrix of 0, targets by predictions."""
        return {"total_confusion_matrix": jnp.zeros((self.num_classes, self.num_classes), self.accumulator_dtype)}

    def update(self, state: State, y_true: Tree, y_pred: Tree, sample_weight: Tree = None) -> State:
        """Add one batch."""
        true = self._labels(y_true, self.sparse_y_true)
        pred = self._labels(y_pred, self.sparse_y_pred).ravel()
        # Without weights counts are integers: adding 1 to a float32 of 2^24, the pixels of some images, changes nothing.
        weight = jnp.int32(1) if sample_weight is None else jnp.asarray(sample_weight, self.accumulator_dtype)
        if weight.size != true.size:
            weight = jnp.broadcast_to(align_left(weight, true)[0], true.shape)
        true, weight, n = true.ravel(), weight.ravel(), self.num_classes
        counts = (true >= 0) & (true < n) & (pred >= 0) & (pred < n)
        if self.ignore_class is not None:
            counts &= true != self.ignore_class
        cell = jnp.where(counts, true * n + pred, 0)
        sums = jax.ops.segment_sum(jnp.where(counts, weight, 0), cell, n * n)
        return {"total_confusion_matrix": state["total_confusion_matrix"] + sums.reshape(n, n)}

    def compute(self, state: State) -> Array:
        """The mean over the target classes."""
        matrix = state["total_confusion_matrix"]
        shared = jnp.diag(matrix)
        ids = jnp.array(self.target_class_ids)
        union = (matrix.sum(0) + matrix.sum(1) - shared)[ids].astype(jnp.float32)
        occurs = union > 1e-9
        ratio = jnp.where(occurs, shared[ids] / (union + config.epsilon()), 0.0)
        return jnp.sum(ratio) / (jnp.sum(occurs) + config.epsilon())

    def _labels(self, y: Tree, sparse: bool) -> Array:
        y = jnp.asarray(y)
        return (y if sparse else jnp.argmax(y, self.axis)).astype(jnp.int32)


@export("keras.metrics.BinaryIoU")
class BinaryIoU(IoU):
    """`IoU` of two classes, for predictions that are probabilities of class 1.

    Args:
        target_class_ids: (0, 1), (0,) or (1,).
        threshold: where class 1 begins.
        name: default is made from the class' name.
        dtype: see `IoU`.

    Example:
        >>> metric = BinaryIoU(threshold=0.3)
        >>> metric.update_state([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7])
        >>> round(float(metric.result()), 4)
        0.3333
    """

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: DTypeLike | None = None,
    ):
        super().__init__(num_classes=2, target_class_ids=target_class_ids, name=name, dtype=dtype)
        self.threshold = threshold

    def update(self, state: State, y_true: Tree, y_pred: Tree, sample_weight: Tree = None) -> State:
        """Add one batch."""
        return super().update(state, y_true, jnp.asarray(y_pred) >= self.threshold, sample_weight)


@export("keras.metrics.MeanIoU")
class MeanIoU(IoU):
    """`IoU` averaged over all classes that occur.

    Args:
        num_classes: how many classes there are.
        name: default is made from the class' name.
        dtype, ignore_class, sparse_y_true, sparse_y_pred, axis: see `IoU`.

    Example:
        >>> metric = MeanIoU(num_classes=2)
        >>> metric.update_state([0, 0, 1, 1], [0, 1, 0, 1])
        >>> round(float(metric.result()), 4)
        0.3333
    """

    @expand_kwargs()
    def __init__(self, num_classes: int, **kwargs: Unpack[IoUArguments]):
        super().__init__(num_classes, range(num_classes), **kwargs)


class OneHotArguments(TypedDict, total=False):
    """What `OneHotIoU` and `OneHotMeanIoU` take beside classes."""

    name: Annotated[str | None, None]
    dtype: Annotated[Any, None]
    ignore_class: Annotated[int | None, None]
    sparse_y_pred: Annotated[bool, False]
    axis: Annotated[int, -1]


@export("keras.metrics.OneHotIoU")
class OneHotIoU(IoU):
    """`IoU` for one-hot targets and, by default, probabilities.

    Args:
        num_classes: how many classes there are.
        target_class_ids: the classes to average over.
        name: default is made from the class' name.
        dtype, ignore_class, sparse_y_pred, axis: see `IoU`.

    Example:
        >>> metric = OneHotIoU(num_classes=2, target_class_ids=[0])
        >>> metric.update_state([[1, 0], [0, 1]], [[0.9, 0.1], [0.6, 0.4]])
        >>> round(float(metric.result()), 4)
        0.5
    """

    @expand_kwargs()
    def __init__(self, num_classes: int, target_class_ids: Sequence[int], **kwargs: Unpack[OneHotArguments]):
        super().__init__(num_classes, target_class_ids, sparse_y_true=False, **kwargs)


@export("keras.metrics.OneHotMeanIoU")
class OneHotMeanIoU(MeanIoU):
    """`MeanIoU` for one-hot targets and, by default, probabilities.

    Args:
        num_classes: how many classes there are.
        name: default is made from the class' name.
        dtype, ignore_class, sparse_y_pred, axis: see `IoU`.

    Example:
        >>> metric = OneHotMeanIoU(num_classes=2)
        >>> metric.update_state([[1, 0], [0, 1]], [[0.9, 0.1], [0.4, 0.6]])
        >>> round(float(metric.result()), 4)
        1.0
    """

    @expand_kwargs()
    def __init__(self, num_classes: int, **kwargs: Unpack[OneHotArguments]):
        super().__init__(num_classes, sparse_y_true=False, **kwargs)
