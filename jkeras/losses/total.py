"""Several losses of one output, as one."""

from __future__ import annotations

from collections.abc import Sequence

from jkeras._base.types import Array, Tree
from jkeras.losses.base import Loss


class TotalLoss(Loss):
    """The sum of losses.

    Args:
        losses: two or more.

    Example:
        >>> from jkeras.losses import MeanAbsoluteError, MeanSquaredError
        >>> float(TotalLoss([MeanSquaredError(), MeanAbsoluteError()])([[0.0]], [[3.0]]))
        12.0
    """

    def __init__(self, losses: Sequence[Loss]):
        super().__init__(name="_".join(loss.name for loss in losses))
        self.losses = losses

    def __call__(self, y_true: Tree, y_pred: Tree, sample_weight: Tree = None) -> Array:
        """The sum."""
        first, *others = (loss(y_true, y_pred, sample_weight) for loss in self.losses)
        return sum(others, first)

    def check_targets(self, y_true: Tree, y_pred_spec: Tree) -> None:
        """Raise ValueError where targets cannot belong to such predictions."""
        for loss in self.losses:
            loss.check_targets(y_true, y_pred_spec)
