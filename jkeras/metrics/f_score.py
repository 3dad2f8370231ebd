"""F-scores: one number out of precision and recall, per class or averaged."""

from __future__ import annotations

import jax.numpy as jnp
from jax.typing import DTypeLike

from jkeras._base import config
from jkeras._base.errors import unknown_name
from jkeras._base.registry import export
from jkeras._base.types import Array, Tree
from jkeras.metrics.base import Metric, State
from jkeras.nn.losses_align import align_left

_AVERAGES = ("micro", "macro", "weighted")
_ENTRIES = ("true_positives", "false_positives", "false_negatives", "intermediate_weights")


@export("keras.metrics.FBetaScore")
class FBetaScore(Metric):
    """`(1 + b^2) precision recall / (b^2 precision + recall)`: recall counts b times as much as precision.

    Args:
        average: None for one score per class, `micro` to count all classes together, `macro` for the mean over classes,
            `weighted` for the mean by how often each class occurs.
        beta: b > 0.
        threshold: predictions above are positive; None makes the largest of each row positive.
        name: default `fbeta_score`.
        dtype: see `Metric`.

    Raises:
        ValueError: an unknown average, beta <= 0, a threshold outside (0, 1].

    Example:
        >>> metric = FBetaScore(beta=2.0, threshold=0.5)
        >>> metric.update_state([[1, 1, 1], [1, 0, 0], [1, 1, 0]], [[0.2, 0.6, 0.7], [0.2, 0.6, 0.6], [0.6, 0.8, 0.0]])
        >>> metric.result().round(4).tolist()
        [0.3845999836921692, 0.9090999960899353, 0.833299994468689]
    """

    needs_shapes = True

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: DTypeLike | None = None,
    ):
        super().__init__(name=name, dtype=dtype)
        if average is not None and average not in _AVERAGES:
            raise unknown_name("average", average, _AVERAGES)
        if not (isinstance(beta, (int, float)) and beta > 0):
            raise ValueError(f"FBetaScore takes beta > 0. Received: beta={beta!r}.")
        if threshold is not None and not (isinstance(threshold, float) and 0 < threshold <= 1):
            raise ValueError(f"FBetaScore takes a float in (0, 1] as threshold, or None. Received: threshold={threshold!r}.")
        self.average, self.beta, self.threshold = average, beta, threshold

    def build(self, y_true: Tree, y_pred: Tree) -> None:
        """Learn the number of classes.

        Raises:
            ValueError: inputs that are not `(samples, classes)`.
        """
        if len(y_true.shape) != 2 or len(y_pred.shape) != 2 or y_pred.shape[1] is None:
            raise ValueError(
                f"{type(self).__name__} takes targets and predictions of shape (samples, classes). Received: y_true "
                f"{tuple(y_true.shape)}, y_pred {tuple(y_pred.shape)}. For integer labels write keras.utils.to_categorical(y)."
            )
        self._classes = y_pred.shape[1]
        self.built = True

    def init(self) -> State:
        """Counts of 0, per class or for all."""
        if not self.built:
            raise ValueError(f"{type(self).__name__} does not know the number of classes yet. Call build(y_true, y_pred) first.")
        shape = () if self.average == "micro" else (self._classes,)
        return {name: jnp.zeros(shape, self.accumulator_dtype) for name in _ENTRIES}

    def update(self, state: State, y_true: Tree, y_pred: Tree, sample_weight: Tree = None) -> State:
        """Add one batch."""
        dtype = self.accumulator_dtype
        y_true, y_pred = jnp.asarray(y_true, dtype), jnp.asarray(y_pred, dtype)
        if self.threshold is None:
            chosen = (y_pred >= jnp.max(y_pred, axis=-1, keepdims=True)) & (jnp.abs(y_pred) > 1e-9)
        else:
            chosen = y_pred > self.threshold
        chosen = chosen.astype(dtype)
        weight = 1.0 if sample_weight is None else align_left(jnp.asarray(sample_weight, dtype), y_true)[0]
        axis = None if self.average == "micro" else 0
        batch = (chosen * y_true, chosen * (1 - y_true), (1 - chosen) * y_true, y_true)
        return {name: state[name] + jnp.sum(entry * weight, axis=axis) for name, entry in zip(_ENTRIES, batch)}

    def compute(self, state: State) -> Array:
        """The score, averaged as asked."""
        tp, fp, fn, weights = (state[name] for name in _ENTRIES)
        tiny, b2 = config.epsilon(), self.beta**2
        precision, recall = tp / (tp + fp + tiny), tp / (tp + fn + tiny)
        score = (1 + b2) * (precision * recall / (b2 * precision + recall + tiny))
        if self.average == "weighted":
            return jnp.sum(score * weights / (jnp.sum(weights) + tiny))
        return score if self.average is None else jnp.mean(score)


@export("keras.metrics.F1Score")
class F1Score(FBetaScore):
    """`2 precision recall / (precision + recall)`, per class or averaged.

    Args:
        average: see `FBetaScore`.
        threshold: see `FBetaScore`.
        name: default `f1_score`.
        dtype: see `Metric`.

    Example:
        >>> metric = F1Score(average="macro")
        >>> metric.update_state([[1, 0], [0, 1]], [[0.9, 0.1], [0.6, 0.4]])
        >>> round(float(metric.result()), 4)
        0.3333
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: DTypeLike | None = None,
    ):
        super().__init__(average=average, beta=1.0, threshold=threshold, name=name, dtype=dtype)
