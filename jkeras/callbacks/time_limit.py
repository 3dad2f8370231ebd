"""`TimeLimit`: end training in an orderly way when its time is up."""

from __future__ import annotations

import datetime
import math
import time

from jkeras._base.errors import describe
from jkeras.callbacks.base import Callback, Logs
from jkeras.callbacks.printing import say

_NO_TIME = """TimeLimit takes a number of seconds, or a timedelta:

    TimeLimit(3600)
    TimeLimit(datetime.timedelta(hours=1))

Received: {given}."""


class TimeLimit(Callback):
    """Stops training after a given time. (Keras has none.)

    It looks at the clock between chunks of steps, about ten times a second, and costs nothing else. The current epoch ends there:
    its results are those of the batches so far, it is validated, and the other callbacks are told of its end. The weights stay
    as they are then.

    Args:
        limit: seconds, or a `datetime.timedelta`, from the start of `fit`; at least one chunk is computed.
        verbose: 1 prints where it stopped.

    Attributes:
        stopped_epoch, stopped_batch: where it stopped, from 0; None if it did not.

    Raises:
        TypeError: the limit is neither.
        ValueError: it is negative or NaN.

    Example:
        >>> from types import SimpleNamespace
        >>> limit = TimeLimit(datetime.timedelta(seconds=0))
        >>> limit.set_model(SimpleNamespace(stop_training=False))
        >>> limit.on_train_begin()
        >>> limit.on_epoch_begin(0)
        >>> limit.on_train_batch_end(24)
        Epoch 00001: the time limit of 0:00:00 was reached after batch 25; training stops.
        >>> limit.model.stop_training
        True
    """

    every_batch = False
    prompt = False
    exact_batches = True

    def __init__(self, limit: float | datetime.timedelta, verbose: int = 1):
        if isinstance(limit, datetime.timedelta):
            limit = limit.total_seconds()
        if isinstance(limit, bool) or not isinstance(limit, (int, float)):
            raise TypeError(_NO_TIME.format(given=describe(limit)))
        if math.isnan(limit) or limit < 0:
            raise ValueError(_NO_TIME.format(given=limit))
        self.seconds = float(limit)
        self.verbose = verbose
        self.stopped_epoch: int | None = None
        self.stopped_batch: int | None = None
        self._began = 0.0
        self._epoch = 0

    def on_train_begin(self, logs: Logs = None) -> None:
        self._began = time.monotonic()
        self.stopped_epoch = self.stopped_batch = None

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._look(self._epoch, batch)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self._look(epoch, None)  # the validation takes time too

    def _look(self, epoch: int, batch: int | None) -> None:
        if self.stopped_epoch is not None or time.monotonic() - self._began < self.seconds:
            return
        self.stopped_epoch, self.stopped_batch = epoch, batch
        self.model.stop_training = True
        if self.verbose > 0:
            limit = datetime.timedelta(seconds=self.seconds) if self.seconds < 1e9 else f"{self.seconds} seconds"
            where = "at its end" if batch is None else f"after batch {batch + 1}"
            say(f"Epoch {epoch + 1:05d}: the time limit of {limit} was reached {where}; training stops.")
