"""`RepeatedBatch`: the same kind of prediction again.

A script that serves a model calls `predict` with one small array after another. For a small model most of such a call would be
finding out again what the last call found out: what the data are, which program is theirs, which variables the model holds. So
the last single batch of a `predict` with `verbose=0` is remembered, and an array of its shape and dtype goes straight to its
program, as long as nothing has changed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from jkeras._base.config import floatx
from jkeras._base.types import Tree
from jkeras.callbacks import CallbackList
from jkeras.data.array_source import ArraySource
from jkeras.training import reading
from jkeras.training.programs.training import Program
from jkeras.training.steps import Steps

_DEFAULT_ROWS = ArraySource(np.zeros(1)).batch_size


class RepeatedBatch(NamedTuple):
    """What a prediction of a single batch found out.

    Attributes:
        shape, dtype: of its array.
        floatx: the dtype that floats had then.
        size: rows that the program computes.
        program: from `batch_program`.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    floatx: str
    size: int
    program: Program

    def fits(self, x: Tree, batch_size: object, program: Program) -> bool:
        """Whether data would be this kind of batch again.

        Args:
            x: as given to `predict`.
            batch_size: likewise.
            program: which the model has now.
        """
        most = _DEFAULT_ROWS if batch_size is None else batch_size
        return (
            type(x) is np.ndarray
            and x.shape == self.shape
            and x.dtype == self.dtype
            and type(most) is int
            and len(x) <= most
            and program is self.program
            and self.floatx == floatx()
        )

    def predict(self, model: Steps, x: np.ndarray, events: CallbackList) -> Tree:
        """The outputs for the rows of x."""
        return reading.predict_batch(model, (x, None, None), self.size, self.program, events)


def repeatable(source: ArraySource, size: int, program: Program) -> RepeatedBatch | None:
    """What to remember of a single batch; None where it is not one plain array."""
    x, y, sample_weight = source.arrays
    if type(x) is not np.ndarray or y is not None or sample_weight is not None:
        return None
    return RepeatedBatch(x.shape, x.dtype, floatx(), size, program)
