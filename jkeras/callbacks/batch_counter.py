"""`BatchCounter`: says when something is due every n batches, across epochs and in chunks of any length."""

from __future__ import annotations

_FREQUENCY = """{name} is "epoch" or a number of batches, 1 or more. Received: {given!r}."""


def check_frequency(name: str, given: object) -> None:
    """Refuse a frequency that is neither `"epoch"` nor a positive number.

    Raises:
        ValueError: it is not.
    """
    if given != "epoch" and (isinstance(given, bool) or not isinstance(given, int) or given < 1):
        raise ValueError(_FREQUENCY.format(name=name, given=given))


class BatchCounter:
    """Counts batches.

    Args:
        every: number of batches, or `"epoch"`, for which no batch is ever due.

    Example:
        >>> counter = BatchCounter(3)
        >>> counter.begin_epoch()
        >>> [batch for batch in range(8) if counter.is_due(batch)]
        [2, 5]
        >>> counter.begin_epoch()
        >>> [batch for batch in range(8) if counter.is_due(batch)]
        [0, 3, 6]
    """

    def __init__(self, every: str | int):
        self.every = every
        self.reset()

    def reset(self) -> None:
        """Begin a training run."""
        self.waiting = 0  # batches since it was last due
        self._last: int | None = None

    def begin_epoch(self) -> None:
        """Begin an epoch."""
        self._last = None

    def before(self, batch: int, logs: object = None) -> None:
        """Note the batch that comes next: not 0 if a training run resumes within an epoch. Serves as `on_train_batch_begin`."""
        if self._last is None:
            self._last = batch - 1

    def is_due(self, batch: int) -> bool:
        """Note that the batches up to this one are done; returns whether it is time."""
        self.waiting += batch - (batch - 1 if self._last is None else self._last)
        self._last = batch
        due = self.every != "epoch" and self.waiting >= int(self.every)
        if due:
            self.waiting = 0
        return due
