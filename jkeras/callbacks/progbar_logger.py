"""`ProgbarLogger`: the progress of `fit`, `evaluate` and `predict` on standard output."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jkeras._base.registry import export
from jkeras.callbacks.base import Callback, Logs
from jkeras.callbacks.printing import say
from jkeras.callbacks.progress import Progbar


@export("keras.callbacks.ProgbarLogger")
class ProgbarLogger(Callback):
    """Prints a line per epoch; the validation in `fit` has no line of its own.

    It takes `verbose`, `epochs` and `steps` from the run's parameters. It does not need every batch, and reads results only when
    it writes.

    Args:
        count_mode: accepted as in Keras 2; steps are counted.
        stateful_metrics: accepted as in Keras 2; nothing is averaged here, since all results are averages already.

    Example:
        >>> progress = ProgbarLogger()
        >>> progress.set_params({"verbose": 2, "epochs": 30, "steps": 210})
        >>> progress.on_train_begin()
        >>> progress.on_epoch_begin(0)
        Epoch 1/30
        >>> progress.on_epoch_end(0, {"accuracy": 0.529, "loss": 0.6635})
        210/210 - 0s - loss: 0.6635 - accuracy: 0.5290
    """

    every_batch = False
    may_lag = True
    exact_batches = True

    def __init__(self, count_mode: str = "steps", stateful_metrics: Iterable[str] | None = None) -> None:
        self.verbose = 1
        self.epochs = 1
        self.target: int | None = None
        self.seen = 0
        self.progbar: Progbar | None = None
        self._in_fit = False

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params
        verbose = params.get("verbose", 1)
        self.verbose = 1 if verbose == "auto" else int(verbose)
        self.epochs = params.get("epochs") or 1
        self.target = params.get("steps")

    def on_train_begin(self, logs: Logs = None) -> None:
        self._in_fit = True

    def on_train_end(self, logs: Logs = None) -> None:
        self._in_fit = False

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        if self.verbose and self.epochs > 1:
            say(f"Epoch {epoch + 1}/{self.epochs}")
        self.target = (self.params or {}).get("steps") or self.target
        self._begin()

    def on_test_begin(self, logs: Logs = None) -> None:
        if not self._in_fit:
            self._begin()

    def on_predict_begin(self, logs: Logs = None) -> None:
        self._begin()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._update(batch, logs)

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        if not self._in_fit:
            self._update(batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._update(batch, None)

    def backdate(self, seconds: float) -> None:
        """Say that the epoch that has just begun was already computed.

        Args:
            seconds: how long that took.
        """
        if self.progbar is not None:
            self.progbar.backdate(seconds)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self._finish(logs)

    def on_test_end(self, logs: Logs = None) -> None:
        if not self._in_fit:
            self._finish(logs)

    def on_predict_end(self, logs: Logs = None) -> None:
        self._finish(None)

    def _begin(self) -> None:
        self.seen = 0
        # Results already cover the epoch so far: nothing is averaged here.
        self.progbar = Progbar(self.target, verbose=self.verbose, stateless_metrics=())

    def _update(self, batch: int, logs: Logs) -> None:
        self.seen = batch + 1
        if self.target is not None and self.progbar is not None and self.seen > self.target:
            self.target = self.progbar.target = self.seen  # the data became longer within the epoch
        if self.verbose == 1 and self.progbar is not None:
            self.progbar.update(self.seen, display_order(logs), finalize=False)

    def _finish(self, logs: Logs) -> None:
        if not self.verbose or self.progbar is None:
            return
        if self.target is None:
            self.target = self.progbar.target = self.seen
        self.progbar.update(self.seen or self.target, display_order(logs), finalize=True)


def display_order(logs: Logs) -> list[tuple[str, object]]:
    """Results in the order to show them: the loss, the others as they come, those of the validation last.

    Example:
        >>> display_order({"val_loss": 3, "accuracy": 2, "loss": 1})
        [('loss', 1), ('accuracy', 2), ('val_loss', 3)]
    """
    return sorted((logs or {}).items(), key=lambda item: (item[0].startswith("val_"), item[0] not in ("loss", "val_loss")))
