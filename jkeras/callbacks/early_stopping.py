"""`EarlyStopping`: end training when a result has stopped improving."""

from __future__ import annotations

import numpy as np

from jkeras._base.registry import export
from jkeras._base.types import Tree
from jkeras.callbacks.base import Logs
from jkeras.callbacks.monitor import MonitorCallback
from jkeras.callbacks.printing import say


@export("keras.callbacks.EarlyStopping")
class EarlyStopping(MonitorCallback):
    """Stops training after `patience` epochs without an improvement.

    Args:
        monitor: name of the result to watch.
        min_delta: a smaller change than this is no improvement.
        patience: how many epochs without improvement end the training.
        verbose: 1 prints when it stops and what it restores.
        mode: `"min"`, `"max"` or `"auto"` (by the name of the result).
        baseline: a value that must also be beaten before the count of epochs restarts.
        restore_best_weights: at the end give the model the weights of the best epoch, even if training was not stopped early.
        start_from_epoch: epochs before this one (from 0) are not watched.

    Attributes:
        stopped_epoch: the epoch, from 0, after which training stopped; 0 if it did not.
        best, best_epoch: the best value and its epoch, from 0.

    Example:
        >>> from types import SimpleNamespace
        >>> stop = EarlyStopping(monitor="loss", patience=2)
        >>> stop.set_model(SimpleNamespace(stop_training=False))
        >>> stop.on_train_begin()
        >>> for epoch, loss in enumerate([1.0, 0.5, 0.6, 0.7]):
        ...     stop.on_epoch_end(epoch, {"loss": loss})
        >>> stop.model.stop_training, stop.stopped_epoch, stop.best
        (True, 3, 0.5)

    Source: L. Prechelt, "Early Stopping - But When?", in Neural Networks: Tricks of the Trade, 1998.
    """

    _remembers = ("best", "best_epoch", "wait")

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ):
        super().__init__(monitor, mode, min_delta=min_delta)
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self._reset()

    def _reset(self) -> None:
        self.wait = 0
        self.stopped_epoch = 0
        self.best: float | None = None
        self.best_weights: Tree = None
        self.best_epoch = 0

    def get_arrays(self) -> dict[str, Tree]:
        """The best weights so far, by number: a training run that resumes in another process needs them."""
        return {str(number): np.asarray(weight) for number, weight in enumerate(self.best_weights or ())}

    def set_arrays(self, arrays: dict[str, Tree]) -> None:
        """Restore what `get_arrays` returned; does nothing if the best weights are not wanted.

        Raises:
            ValueError: they belong to another model.
        """
        if not self.restore_best_weights:
            return
        found = [np.shape(arrays[name]) for name in sorted(arrays, key=int)]
        expected = [np.shape(weight) for weight in self.model.get_weights()]
        if found != expected:
            raise ValueError(
                f"EarlyStopping: the training was saved with best weights of shapes {found}, but the model's weights have "
                f"the shapes {expected}. Resume with the model of the first run."
            )
        self.best_weights = [arrays[name] for name in sorted(arrays, key=int)]

    def on_train_begin(self, logs: Logs = None) -> None:
        self._reset()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        value = self.get_monitor_value(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        self.wait += 1
        if self.is_improvement(value, self.best):
            self._keep(value, epoch)
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def _keep(self, value: float, epoch: int) -> None:
        self.best, self.best_epoch = value, epoch
        if self.restore_best_weights:
            self.best_weights = self.model.get_weights()
        if self.baseline is None or self.is_improvement(value, self.baseline):
            self.wait = 0

    def on_train_end(self, logs: Logs = None) -> None:
        if self.stopped_epoch > 0 and self.verbose > 0:
            say(f"Epoch {self.stopped_epoch + 1:05d}: early stopping")
        if self.best_weights is not None:
            if self.verbose > 0:
                say(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)
