"""True and false positives and negatives, and what follows from them: precision and recall.

A prediction above the threshold is a positive; it is true where the target is not 0. With several thresholds the results are
vectors.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from jkeras._base.plain_numbers import INTEGERS
from jkeras._base.registry import export
from jkeras._base.types import Array, Tree
from jkeras.metrics.base import Metric, State
from jkeras.nn.losses_align import divide_or_zero
from jkeras.nn.metrics_confusion import NEVER, count, decisions, evenly_spaced

MOST_THRESHOLDS = 1_000_000


def check_number(owner: str, num_thresholds: object, least: int) -> None:
    """ValueError for a number of thresholds that no metric has, before there is a list of them.

    Args:
        owner: the metric, for messages.
        num_thresholds: the number.
        least: that it takes.
    """
    if not isinstance(num_thresholds, INTEGERS) or not least <= num_thresholds <= MOST_THRESHOLDS:
        raise ValueError(
            f"{owner} takes a whole number from {least} to {MOST_THRESHOLDS:,} as num_thresholds. Received: {num_thresholds!r}."
        )


def threshold_list(thresholds: Tree, default: float = 0.5) -> list[float]:
    """Thresholds as a list; ValueError for one outside [0, 1]."""
    if thresholds is None:
        return [default]
    listed = list(thresholds) if isinstance(thresholds, Sequence) or hasattr(thresholds, "__len__") else [thresholds]
    wrong = [t for t in listed if t is None or not 0 <= t <= 1]
    if wrong:
        raise ValueError(f"Thresholds are numbers from 0 to 1. Received: {wrong}.")
    return listed


class ConfusionMetric(Metric):
    """Accumulates some of the four kinds of decisions at some thresholds.

    Attributes:
        kinds: which ones.
        cutoffs: the thresholds.
    """

    kinds: tuple[str, ...] = ()
    cutoffs: Sequence[float] | np.ndarray
    evenly = False
    top_k: int | None = None
    class_id: int | None = None

    @property
    def thresholds(self) -> list[float]:
        """All thresholds; those of `AUC` begin and end epsilon outside [0, 1]."""
        return [float(t) for t in self.cutoffs]

    def init(self) -> State:
        """A count of 0 of each kind at each threshold."""
        return {kind: jnp.zeros(len(self.cutoffs), self.accumulator_dtype) for kind in self.kinds}

    def update(self, state: State, y_true: Tree, y_pred: Tree, sample_weight: Tree = None) -> State:
        """Add the decisions of one batch."""
        entries = decisions(y_true, y_pred, sample_weight, self.top_k, self.class_id, self.accumulator_dtype)
        counts = count(*entries, self.cutoffs, self.evenly)
        return {kind: state[kind] + counts[kind] for kind in self.kinds}

    def _single(self, value: Array) -> Array:
        return value[0] if len(self.cutoffs) == 1 else value


class _Count(ConfusionMetric):
    """One of the four counts, kept as `accumulator`."""

    kind: str

    def __init__(
        self, thresholds: float | Sequence[float] | None = None, name: str | None = None, dtype: DTypeLike | None = None
    ):
        super().__init__(name=name, dtype=dtype)
        self.cutoffs = threshold_list(thresholds)
        self.evenly = evenly_spaced(self.cutoffs)
        self.kinds = ("accumulator",)

    def update(self, state: State, y_true: Tree, y_pred: Tree, sample_weight: Tree = None) -> State:
        """Add the decisions of one batch."""
        counts = count(*decisions(y_true, y_pred, sample_weight, dtype=self.accumulator_dtype), self.cutoffs, self.evenly)
        return {"accumulator": state["accumulator"] + counts[self.kind]}

    def compute(self, state: State) -> Array:
        """The count, or one per threshold."""
        return self._single(state["accumulator"])


@export("keras.metrics.TruePositives")
class TruePositives(_Count):
    """How many positives are rightly so (the sum of their weights).

    Args:
        thresholds: a number or several in [0, 1]; predictions above count as positive. Default 0.5.
        name: default is made from the class' name.
        dtype: see `Metric`.

    Example:
        >>> metric = TruePositives()
        >>> metric.update_state([0, 1, 1, 0, 0, 0], [0.9, 0.8, 0.7, 0.6, 0.8, 0.1])
        >>> float(metric.result())
        2.0
    """

    kind = "true_positives"


@export("keras.metrics.FalsePositives")
class FalsePositives(_Count):
    """How many positives should be negatives (the sum of their weights).

    Args:
        thresholds: a number or several in [0, 1]; predictions above count as positive. Default 0.5.
        name: default is made from the class' name.
        dtype: see `Metric`.

    Example:
        >>> metric = FalsePositives()
        >>> metric.update_state([0, 1, 1, 0, 0, 0], [0.9, 0.8, 0.7, 0.6, 0.8, 0.1])
        >>> float(metric.result())
        3.0
    """

    kind = "false_positives"


@export("keras.metrics.TrueNegatives")
class TrueNegatives(_Count):
    """How many negatives are rightly so (the sum of their weights).

    Args:
        thresholds: a number or several in [0, 1]; predictions above count as positive. Default 0.5.
        name: default is made from the class' name.
        dtype: see `Metric`.

    Example:
        >>> metric = TrueNegatives()
        >>> metric.update_state([0, 1, 1, 0, 0, 0], [0.9, 0.8, 0.7, 0.6, 0.8, 0.1])
        >>> float(metric.result())
        1.0
    """

    kind = "true_negatives"


@export("keras.metrics.FalseNegatives")
class FalseNegatives(_Count):
    """How many negatives should be positives (the sum of their weights).

    Args:
        thresholds: a number or several in [0, 1]; predictions above count as positive. Default 0.5.
        name: default is made from the class' name.
        dtype: see `Metric`.

    Example:
        >>> metric = FalseNegatives()
        >>> metric.update_state([0, 1, 1, 0, 0, 0], [0.9, 0.8, 0.7, 0.6, 0.8, 0.1])
        >>> float(metric.result())
        0.0
    """

    kind = "false_negatives"


class _OfThoseFound(ConfusionMetric):
    """What precision and recall take."""

    def __init__(
        self,
        thresholds: float | Sequence[float] | None = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: DTypeLike | None = None,
    ):
        super().__init__(name=name, dtype=dtype)
        self.top_k, self.class_id = top_k, class_id
        self.cutoffs = threshold_list(thresholds, 0.5 if top_k is None else NEVER)
        self.evenly = evenly_spaced(self.cutoffs)


@export("keras.metrics.Precision")
class Precision(_OfThoseFound):
    """Which share of the positives is rightly so: `TP / (TP + FP)`, 0 without positives.

    Args:
        thresholds: a number or several in [0, 1]; predictions above count as positive. Default 0.5, or none with top_k.
        top_k: only the k largest predictions of a row may be positive.
        class_id: look at this class of `(samples, classes)` only.
        name: default is made from the class' name.
        dtype: see `Metric`.

    Example:
        >>> metric = Precision()
        >>> metric.update_state([0, 1, 1, 1], [1, 0, 1, 1])
        >>> round(float(metric.result()), 4)
        0.6667
    """

    kinds = ("true_positives", "false_positives")

    def compute(self, state: State) -> Array:
        """`TP / (TP + FP)`."""
        found = state["true_positives"]
        return self._single(divide_or_zero(found, found + state["false_positives"]))


@export("keras.metrics.Recall")
class Recall(_OfThoseFound):
    """Which share of what should be positive is: `TP / (TP + FN)`, 0 where nothing should.

    Args:
        thresholds: a number or several in [0, 1]; predictions above count as positive. Default 0.5, or none with top_k.
        top_k: only the k largest predictions of a row may be positive.
        class_id: look at this class of `(samples, classes)` only.
        name: default is made from the class' name.
        dtype: see `Metric`.

    Example:
        >>> metric = Recall()
        >>> metric.update_state([0, 1, 1, 1], [1, 0, 1, 1])
        >>> round(float(metric.result()), 4)
        0.6667
    """

    kinds = ("true_positives", "false_negatives")

    def compute(self, state: State) -> Array:
        """`TP / (TP + FN)`."""
        found = state["true_positives"]
        return self._single(divide_or_zero(found, found + state["false_negatives"]))
