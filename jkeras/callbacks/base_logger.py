"""`BaseLogger`: Keras 2's averages over an epoch, for your own loops that report the results of each batch."""

from __future__ import annotations

from collections.abc import Iterable

from jkeras._base.registry import export
from jkeras.callbacks.base import Callback, Logs


@export("keras.callbacks.BaseLogger")
class BaseLogger(Callback):
    """Averages the results of batches, weighted by `logs["size"]`, and adds the averages to the results of the epoch.

    The results of `fit` are averages already and come without a `size`; there it does nothing. Keras 3 does not have it.

    Args:
        stateful_metrics: names of results that are running values; the last value is taken as it is.

    Example:
        >>> logger, logs = BaseLogger(), {}
        >>> logger.on_epoch_begin(0)
        >>> logger.on_batch_end(0, {"size": 3, "loss": 1.0})
        >>> logger.on_batch_end(1, {"size": 1, "loss": 5.0})
        >>> logger.on_epoch_end(0, logs)
        >>> logs
        {'loss': 2.0}
    """

    every_batch = False
    prompt = False

    def __init__(self, stateful_metrics: Iterable[str] | None = None):
        self.stateful_metrics = set(stateful_metrics or ())
        self.seen = 0
        self.totals: dict[str, float] = {}

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self.seen = 0
        self.totals = {}

    def on_batch_end(self, batch: int, logs: Logs = None) -> None:
        if not logs or "size" not in logs:
            return
        size = int(logs["size"])
        self.seen += size
        for name, value in logs.items():
            if name in ("size", "batch"):
                continue
            if name in self.stateful_metrics:
                self.totals[name] = float(value)
            else:
                self.totals[name] = self.totals.get(name, 0.0) + float(value) * size

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if logs is None or not self.seen:
            return
        for name, total in self.totals.items():
            logs[name] = total if name in self.stateful_metrics else total / self.seen
