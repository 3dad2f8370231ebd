"""`Source`: what training, evaluation and prediction read their batches from.

A source knows its size where that can be known, the shapes of a batch, and how to yield the batches of an epoch:

    for x, y, sample_weight in source.batches(epoch=3, seed=0):
        ...

Where the data allow it, the batches are a function of `(seed, epoch)` alone, so that a run resumed in the middle of an epoch sees
the batches it would have seen: `start` is the first batch wanted. With `steps`, an epoch is that many batches: epoch 0 begins at
the front, each epoch continues where the last one ended, and where the data end, the epoch ends early with a warning.
"""

from __future__ import annotations

import contextlib
import functools
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np

from jkeras._base.types import Batch, Tree


class Source(ABC):
    """Batches of `(x, y, sample_weight)`, epoch by epoch.

    Attributes:
        num_samples: rows in the data; None where unknown.
        batch_size: rows of a full batch; None where the data come in batches.
        steps: the number of batches that the user wants of an epoch; None for all.
        bare_inputs: whether inputs without targets come alone, and not in a tuple.
        fresh: whether each batch has arrays of its own, which nobody writes to any more.
    """

    num_samples: int | None = None
    batch_size: int | None = None
    steps: int | None = None
    bare_inputs: bool = True
    fresh: bool = False

    @property
    @abstractmethod
    def num_batches(self) -> int | None:
        """Batches of an epoch; None where it is not known before the end."""

    @abstractmethod
    def look(self) -> tuple[Batch, int]:
        """`specs` and `first_rows`; called once, when somebody asks for them."""

    @functools.cached_property
    def _seen(self) -> tuple[Batch, int]:
        return self.look()

    @property
    def specs(self) -> Batch:
        """Shapes and dtypes of one batch, `(x, y, sample_weight)`, with None for the batch dimension."""
        return self._seen[0]

    @property
    def first_rows(self) -> int:
        """How many rows the first batch has."""
        return self._seen[1]

    @property
    def spec(self) -> Tree:
        """Shapes and dtypes of `x`: a nest of `Spec` with None for the batch dimension."""
        return self.specs[0]

    @abstractmethod
    def batches(self, epoch: int = 0, seed: int = 0, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch from number `start` on, as host or device arrays."""

    def has_more(self) -> bool:
        """Whether there is a batch for another epoch. Only what is read but once may have none; it reads one ahead to know."""
        return True

    def begin_epoch(self) -> None:  # noqa: B027 - most sources have nothing to do
        """Tell the data that an epoch begins, before its first batch is made, in the thread that trains."""

    def end_epoch(self) -> None:  # noqa: B027
        """Tell the data that an epoch has ended, when its last batch has been used, in the thread that trains."""

    def seek(self, batches: int) -> None:  # noqa: B027
        """Tell data that can be read only once how many batches a resumed run has seen in the epochs before.

        Args:
            batches: their number. Data whose batches are a function of the epoch ignore it.
        """


def epoch_range(epoch: int, steps: int | None, total: int) -> tuple[int, int, int]:
    """Which part of the data an epoch is: `(pass over the data, first batch, one behind the last)`.

    Example:
        >>> [epoch_range(epoch, 4, 10) for epoch in range(4)]
        [(0, 0, 4), (0, 4, 8), (0, 8, 10), (1, 0, 4)]
    """
    if steps is None:
        return epoch, 0, total
    parts = -(-total // steps)
    first = epoch % parts * steps
    return epoch // parts, first, min(first + steps, total)


def generator(seed: int, number: int) -> np.random.Generator:
    """The random numbers of one pass over the data, a function of the seed and the pass alone."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, number])))


@contextlib.contextmanager
def naming(what: str) -> Iterator[None]:
    """Add a note to errors within it that says what they are about; they keep their type.

    Args:
        what: such as `batch 3 of Images`.
    """
    try:
        yield
    except Exception as error:
        error.add_note(f"Raised for {what}.")
        raise


def warn_ran_out(got: int, wanted: int) -> None:
    """Warn that an epoch ended before its `steps`."""
    warnings.warn(
        f"Your input ran out of data after {got} of {wanted} steps; the epoch ends here. Pass data for at least "
        "`steps_per_epoch * epochs` batches, or leave `steps_per_epoch` out to take one pass over the data as an epoch.",
        stacklevel=3,
    )
