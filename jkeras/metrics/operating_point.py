"""The best of one rate while another is held: precision at a recall, sensitivity at a specificity, and the reverse."""

from __future__ import annotations

from typing import Annotated, Any, TypedDict, Unpack

import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from jkeras._base.registry import export
from jkeras._base.shared_arguments import expand_kwargs
from jkeras._base.types import Array
from jkeras.metrics.base import State
from jkeras.metrics.confusion import ConfusionMetric, check_number
from jkeras.nn.losses_align import divide_or_zero
from jkeras.nn.metrics_confusion import KINDS

_RATES = {
    "precision": ("true_positives", "false_positives"),
    "recall": ("true_positives", "false_negatives"),
    "specificity": ("true_negatives", "false_positives"),
}


class OperatingPointArguments(TypedDict, total=False):
    """What all of them take beside the value that is held."""

    num_thresholds: Annotated[int, 200]
    class_id: Annotated[int | None, None]
    name: Annotated[str | None, None]
    dtype: Annotated[Any, None]


class _BestUnderConstraint(ConfusionMetric):
    """The largest `wanted` rate over all thresholds at which the `held` rate is at least the given value."""

    kinds = KINDS
    held: str
    wanted: str

    def __init__(self, value: float, num_thresholds: int, class_id: int | None, name: str | None, dtype: DTypeLike | None):
        super().__init__(name=name, dtype=dtype)
        if not 0 <= value <= 1:
            raise ValueError(f"{type(self).__name__} takes a number from 0 to 1. Received: {value}.")
        check_number(type(self).__name__, num_thresholds, 1)
        self.value, self.num_thresholds, self.class_id = value, num_thresholds, class_id
        self.evenly = num_thresholds > 1
        self.cutoffs = np.arange(num_thresholds) / (num_thresholds - 1) if num_thresholds > 1 else [0.5]

    def compute(self, state: State) -> Array:
        """The best rate, 0 where no threshold holds the other."""
        held, wanted = (divide_or_zero(state[a], state[a] + state[b]) for a, b in (_RATES[self.held], _RATES[self.wanted]))
        return jnp.max(jnp.where(held >= self.value, wanted, 0), initial=0)


@export("keras.metrics.SensitivityAtSpecificity")
class SensitivityAtSpecificity(_BestUnderConstraint):
    """The best sensitivity (recall) where the specificity `TN / (TN + FP)` is at least a given one.

    Args:
        specificity: at least this much, in [0, 1].
        num_thresholds: how many thresholds to try.
        class_id: look at this class of `(samples, classes)` only.
        name: default is made from the class' name.
        dtype: see `Metric`.

    Example:
        >>> metric = SensitivityAtSpecificity(0.5)
        >>> metric.update_state([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])
        >>> round(float(metric.result()), 4)
        0.5
    """

    held, wanted = "specificity", "recall"

    @expand_kwargs()
    def __init__(self, specificity: float, **kwargs: Unpack[OperatingPointArguments]):
        super().__init__(specificity, **kwargs)
        self.specificity = specificity


@export("keras.metrics.SpecificityAtSensitivity")
class SpecificityAtSensitivity(_BestUnderConstraint):
    """The best specificity where the sensitivity (recall) is at least a given one.

    Args:
        sensitivity: at least this much, in [0, 1].
        num_thresholds: how many thresholds to try.
        class_id: look at this class of `(samples, classes)` only.
        name: default is made from the class' name.
        dtype: see `Metric`.

    Example:
        >>> metric = SpecificityAtSensitivity(0.5)
        >>> metric.update_state([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])
        >>> round(float(metric.result()), 4)
        0.6667
    """

    held, wanted = "recall", "specificity"

    @expand_kwargs()
    def __init__(self, sensitivity: float, **kwargs: Unpack[OperatingPointArguments]):
        super().__init__(sensitivity, **kwargs)
        self.sensitivity = sensitivity


@export("keras.metrics.PrecisionAtRecall")
class PrecisionAtRecall(_BestUnderConstraint):
    """The best precision where the recall is at least a given one.

    Args:
        recall: at least this much, in [0, 1].
        num_thresholds: how many thresholds to try.
        class_id: look at this class of `(samples, classes)` only.
        name: default is made from the class' name.
        dtype: see `Metric`.

    Example:
        >>> metric = PrecisionAtRecall(0.5)
        >>> metric.update_state([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])
        >>> round(float(metric.result()), 4)
        0.5
    """

    held, wanted = "recall", "precision"

    @expand_kwargs()
    def __init__(self, recall: float, **kwargs: Unpack[OperatingPointArguments]):
        super().__init__(recall, **kwargs)
        self.recall = recall


@export("keras.metrics.RecallAtPrecision")
class RecallAtPrecision(_BestUnderConstraint):
    """The best recall where the precision is at least a given one.

    Args:
        precision: at least this much, in [0, 1].
        num_thresholds: how many thresholds to try.
        class_id: look at this class of `(samples, classes)` only.
        name: default is made from the class' name.
        dtype: see `Metric`.

    Example:
        >>> metric = RecallAtPrecision(0.5)
        >>> metric.update_state([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])
        >>> round(float(metric.result()), 4)
        1.0
    """

    held, wanted = "precision", "recall"

    @expand_kwargs()
    def __init__(self, precision: float, **kwargs: Unpack[OperatingPointArguments]):
        super().__init__(precision, **kwargs)
        self.precision = precision
