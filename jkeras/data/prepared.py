"""Data whose inputs a function on the host prepares, such as texts that become numbers.

Where the results of all rows are small and none depends on the other rows of its batch, they are computed once, and the run gets
arrays. Otherwise each batch is prepared when it is made, in every epoch anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import jax
import numpy as np

from jkeras._base.types import Batch, Tree
from jkeras.data.array_source import ArraySource
from jkeras.data.arrays import common_length, spec_of
from jkeras.data.source import Source

_MOST_BYTES = 1 << 30  # of rows that are computed at once and kept
_ROWS = 1 << 16  # at a time, for what comes in between


class Preparation(Protocol):
    """A function of the inputs of a batch."""

    def __call__(self, x: Tree) -> Tree:
        """The prepared inputs of some rows."""

    def bytes_per_row(self, x: Tree) -> int | None:
        """Bytes of one prepared row; None where it depends on the other rows.

        Args:
            x: inputs, or their shapes and dtypes.
        """


def prepared(source: ArraySource, prepare: Preparation) -> Source:
    """The data of a source with prepared inputs.

    Args:
        source: of the inputs as they are.
        prepare: the function.
    """
    x, y, weights = source.arrays
    settings = {"batch_size": source.batch_size, "shuffle": source.shuffle, "steps": source.steps}
    if source.total_batches == 1:
        return ArraySource(prepare(x), y, weights, **settings)  # type: ignore[arg-type]
    if not fits(prepare, x, source.num_samples):
        return PreparedBatches(source, prepare)
    parts = [prepare(_rows(x, at, at + _ROWS)) for at in range(0, source.num_samples, _ROWS)]
    whole = parts[0] if len(parts) == 1 else jax.tree.map(lambda *pieces: np.concatenate(pieces), *parts)
    return ArraySource(whole, y, weights, **settings)  # type: ignore[arg-type]


def fits(prepare: Preparation, x: Tree, rows: int) -> bool:
    """Whether so many prepared rows may be made at once and kept.

    Args:
        prepare: the function.
        x: inputs, or their shapes and dtypes.
        rows: how many.
    """
    size = prepare.bytes_per_row(x)
    return size is not None and size * rows <= _MOST_BYTES


class PreparedBatches(Source):
    """Batches of arrays, prepared one by one.

    Args:
        source: of the inputs as they are.
        prepare: the function.
    """

    def __init__(self, source: ArraySource, prepare: Preparation):
        self._source, self._prepare = source, prepare
        self.num_samples, self.batch_size, self.steps = source.num_samples, source.batch_size, source.steps

    @property
    def num_batches(self) -> int:
        """Batches of an epoch."""
        return self._source.num_batches

    def look(self) -> tuple[Batch, int]:
        """Shapes and dtypes of the first batch in the order of the arrays, and its rows."""
        x, y, weights = (_rows(part, 0, self._source.batch_size) for part in self._source.arrays)
        batch = self._prepare(x), y, weights
        return spec_of(batch), common_length(*batch)

    def batches(self, epoch: int = 0, seed: int = 0, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch from number `start` on."""
        for x, y, weights in self._source.batches(epoch, seed, start):
            yield self._prepare(x), y, weights


def _rows(tree: Tree, start: int, stop: int) -> Tree:
    return jax.tree.map(lambda a: a[start:stop], tree)
