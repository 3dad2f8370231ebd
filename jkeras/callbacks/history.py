"""`History`: what every epoch's results were; `fit` returns it."""

from __future__ import annotations

from typing import Any

from jkeras._base.registry import export
from jkeras.callbacks.base import Callback, Logs


@export("keras.callbacks.History")
class History(Callback):
    """Records the results of every epoch.

    Attributes:
        history: name of a result -> its value at the end of each epoch.
        epoch: the numbers of the epochs, from 0.

    Example:
        >>> history = History()
        >>> history.on_train_begin()
        >>> history.on_epoch_end(0, {"loss": 0.5})
        >>> history.history, history.epoch
        ({'loss': [0.5]}, [0])
    """

    def __init__(self) -> None:
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs: Logs = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
