"""`BatchReader`: from what data yield to a batch: arrays, with prepared inputs and the weights of the samples."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from jkeras._base.types import Batch, Tree
from jkeras.data.arrays import common_length, to_arrays, to_host_arrays
from jkeras.data.batch import unpack_x_y_sample_weight
from jkeras.data.prepared import Preparation
from jkeras.data.sample_weights import Weighing


@dataclasses.dataclass(frozen=True)
class BatchReader:
    """Makes a batch of `x`, `(x,)`, `(x, y)` or `(x, y, sample_weight)`.

    Args:
        weighing: makes the weights, of targets and of the weights that came with them.
        prepare: makes the inputs, on the host; None takes them as arrays.

    Example:
        >>> x, y, weights = BatchReader(Weighing({1: 5.0}))(([0.5, 1.5], [0, 1]))
        >>> weights.tolist()
        [1.0, 5.0]
    """

    weighing: Callable[[Tree, Tree], Tree] = dataclasses.field(default_factory=Weighing)
    prepare: Preparation | None = None

    def __call__(self, item: object) -> Batch:
        """The batch: checked, cast and weighted."""
        x, y, sample_weight = unpack_x_y_sample_weight(item)
        x = to_arrays(x, "x") if self.prepare is None else self.prepare(to_host_arrays(x, "x"))
        y, sample_weight = to_arrays(y, "y"), to_arrays(sample_weight, "sample_weight")
        sample_weight = self.weighing(y, sample_weight)
        common_length(x, y, sample_weight)
        return x, y, sample_weight
