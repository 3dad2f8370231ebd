"""AUC: the area under a curve that is drawn by letting a threshold run through [0, 1]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from jkeras._base import config
from jkeras._base.errors import unknown_name
from jkeras._base.registry import export
from jkeras._base.types import Array, Config, CustomObjects, Tree
from jkeras.metrics.base import State
from jkeras.metrics.confusion import ConfusionMetric, check_number, threshold_list
from jkeras.nn.losses_align import divide_or_zero
from jkeras.nn.metrics_confusion import KINDS, area_under_curve, count, decisions, evenly_spaced

_CURVES = ("ROC", "PR", "PRGAIN")
_METHODS = ("interpolation", "majoring", "minoring")


@export("keras.metrics.AUC")
class AUC(ConfusionMetric):
    """The area under the ROC or precision-recall curve, from the counts at fixed thresholds.

    Args:
        num_thresholds: how many thresholds, two of them at the ends of [0, 1]; default 200.
        curve: `ROC` (default), `PR` or `PRGAIN`.
        summation_method: `interpolation` (default; the mean height of each strip, the exact area for PR), `minoring`, `majoring`.
        name: default is made from the class' name.
        dtype: see `Metric`.
        thresholds: the inner thresholds, in place of num_thresholds.
        multi_label: whether each column of `(samples, labels)` has its own curve; the result is the mean of their areas.
        num_labels: how many columns, if known.
        label_weights: one weight per column.
        from_logits: whether predictions are logits rather than probabilities.

    Raises:
        ValueError: an unknown curve or method, fewer than two thresholds, num_labels without multi_label.

    Example:
        >>> metric = AUC(num_thresholds=3)
        >>> metric.update_state([0, 0, 1, 1], [0, 0.5, 0.3, 0.9])
        >>> float(metric.result())
        0.75
    """

    kinds = KINDS

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: DTypeLike | None = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Sequence[float] | np.ndarray | None = None,
        from_logits: bool = False,
    ):
        super().__init__(name=name, dtype=dtype)
        if thresholds is None:
            check_number("AUC", num_thresholds, 2)
        if num_labels and not multi_label:
            raise ValueError(f"AUC takes num_labels only with multi_label=True. Received: num_labels={num_labels}.")
        self.curve = _choice("curve", str(getattr(curve, "value", curve)).upper(), _CURVES)
        method = str(getattr(summation_method, "value", summation_method)).lower()
        self.summation_method = _choice("summation_method", method, _METHODS)
        inner = (
            np.arange(1, num_thresholds - 1) / (num_thresholds - 1) if thresholds is None else sorted(threshold_list(thresholds))
        )
        self.num_thresholds = len(inner) + 2
        self.evenly = thresholds is None or evenly_spaced(np.array([0.0, *inner, 1.0]))
        self.cutoffs = np.array([-config.epsilon(), *inner, 1.0 + config.epsilon()])
        self.multi_label, self.from_logits = multi_label, from_logits
        self.label_weights = None if label_weights is None else np.asarray(label_weights, self.dtype)
        self._columns, self.needs_shapes = num_labels, bool(multi_label and not num_labels)

    @classmethod
    def from_config(cls, config: Config, custom_objects: CustomObjects = None) -> AUC:
        """Make a metric from what `get_config` gave; Keras' files keep label weights as a tagged tensor."""
        weights = config.get("label_weights")
        plain = weights["config"]["value"] if isinstance(weights, Mapping) else weights
        return super().from_config({**config, "label_weights": plain}, custom_objects)

    def build(self, y_true: Tree, y_pred: Tree) -> None:
        """Learn the number of labels.

        Raises:
            ValueError: predictions of several labels that are not `(samples, labels)`.
        """
        if self.multi_label and len(y_pred.shape) != 2:
            raise ValueError(
                f"AUC(multi_label=True) takes predictions of shape (samples, labels). Received: {tuple(y_pred.shape)}."
            )
        if self.multi_label:
            self._columns = y_pred.shape[1]
        self.built = True

    def init(self) -> State:
        """A count of 0 of each kind at each threshold, and for each label."""
        if self.needs_shapes and not self.built:
            raise ValueError("AUC(multi_label=True) does not know the number of labels yet. Write num_labels=..., or call build.")
        shape = (self.num_thresholds, self._columns) if self.multi_label else (self.num_thresholds,)
        return {kind: jnp.zeros(shape, self.accumulator_dtype) for kind in KINDS}

    def update(self, state: State, y_true: Tree, y_pred: Tree, sample_weight: Tree = None) -> State:
        """Add the decisions of one batch."""
        if self.from_logits:
            y_pred = jax.nn.sigmoid(jnp.asarray(y_pred, self.accumulator_dtype))
        labels, y_pred, weight = decisions(y_true, y_pred, sample_weight, dtype=self.accumulator_dtype)
        if self.label_weights is not None and not self.multi_label:
            weight = weight * self.label_weights
        counts = count(labels, y_pred, weight, self.cutoffs, self.evenly, per_label=self.multi_label)
        return {kind: state[kind] + counts[kind] for kind in KINDS}

    def compute(self, state: State) -> Array:
        """The area, or the weighted mean of the labels' areas."""
        area = area_under_curve(state, self.curve, self.summation_method)
        if not self.multi_label:
            return area
        if self.label_weights is None:
            return jnp.mean(area)
        return divide_or_zero(jnp.sum(area * self.label_weights), jnp.sum(self.label_weights))


def _choice(what: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise unknown_name(what, value, known)
    return value
