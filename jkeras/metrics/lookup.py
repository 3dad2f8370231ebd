"""What users and files write for a metric: to the metric and back.

>>> get("mse").name, serialize(get("TopKCategoricalAccuracy"))["config"]["k"]
('mean_squared_error', 5)
"""

from __future__ import annotations

from jkeras._base.family import EXPECTED, family
from jkeras._base.naming import to_snake_case
from jkeras._base.types import Tree
from jkeras.metrics.accuracy import BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy
from jkeras.metrics.base import Metric
from jkeras.metrics.probabilistic import BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy
from jkeras.metrics.reduction import MeanMetricWrapper

_BY_SHAPE: dict[str, tuple[type[Metric], type[Metric], type[Metric]]] = {
    **dict.fromkeys(("accuracy", "acc"), (BinaryAccuracy, SparseCategoricalAccuracy, CategoricalAccuracy)),
    **dict.fromkeys(("crossentropy", "ce"), (BinaryCrossentropy, SparseCategoricalCrossentropy, CategoricalCrossentropy)),
}
_KINDS = ("binary", "sparse_categorical", "categorical")


get, serialize, deserialize = family(
    "metrics",
    "metric",
    "a name such as 'mae', an object such as AUC(), or a function (y_true, y_pred) -> values",
    "AUC",
    refusal=EXPECTED,
    by_name=True,
)


def resolve(identifier: object, y_true_spec: Tree = None, y_pred_spec: Tree = None, loss_name: str | None = None) -> Metric:
    """The `Metric` that an entry of `compile(metrics=[...])` means, built for these shapes.

    Args:
        identifier: as for `get`, or one of `"accuracy"`, `"acc"`, `"crossentropy"`, `"ce"`, which choose the binary, sparse or
            categorical one by the shapes.
        y_true_spec: has `.shape` and `.dtype`, those of the targets.
        y_pred_spec: the same of the output.
        loss_name: name of the model's loss; decides where the shapes are not known or the output is a vector.

    Returns:
        A metric. It is named as the user wrote it where that was a string, after the function where it was a function.

    Raises:
        ValueError: an unknown name, or None.

    Example:
        >>> import numpy as np
        >>> metric = resolve("acc", np.zeros((8,)), np.zeros((8, 3)))
        >>> metric.name, type(metric).__name__
        ('acc', 'SparseCategoricalAccuracy')
    """
    if identifier is None:
        raise ValueError("Expected a metric, received None. Leave it out of the list, or write a name such as 'accuracy'.")
    if isinstance(identifier, str) and identifier.lower() in _BY_SHAPE:
        kind = _kind(identifier, y_true_spec, y_pred_spec, loss_name)
        metric: Metric = _BY_SHAPE[identifier.lower()][_KINDS.index(kind)]()
    else:
        metric = get(identifier)
    if not isinstance(metric, Metric):
        name = getattr(metric, "name", None) or to_snake_case(getattr(metric, "__name__", type(metric).__name__))
        metric = MeanMetricWrapper(metric, name=name)
        metric.targets_as_column = True
    if isinstance(identifier, str):
        metric.name = identifier
    if y_true_spec is not None and y_pred_spec is not None and not metric.built:
        metric.build(y_true_spec, y_pred_spec)
    return metric


def _kind(identifier: str, y_true_spec: Tree, y_pred_spec: Tree, loss_name: str | None) -> str:
    """The kind of classification, one of three, by the shapes or else by the loss."""
    true, pred = (None if spec is None else tuple(spec.shape) for spec in (y_true_spec, y_pred_spec))
    if true and pred and len(pred) > 1:
        if pred[-1] == 1:
            return "binary"
        return "sparse_categorical" if len(true) < len(pred) or true[-1] == 1 else "categorical"
    by_loss = str(loss_name).removesuffix("_crossentropy")
    if by_loss in _KINDS:
        return by_loss
    if pred is not None:
        return "binary"
    raise ValueError(f"The metric {identifier!r} chooses by shapes, which are not known here. Write 'binary_accuracy', ...")
