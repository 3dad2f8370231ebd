"""`ModelCheckpoint`: write the model during training, every so often or whenever it improves.

A file written in the middle of an epoch, or at its end, holds all that `fit(resume=True)` needs to resume bit for bit. Put this
callback after those that change the learning rate or count epochs: a file holds what happened before it was written.
"""

from __future__ import annotations

import math
import os
from typing import Any

from jkeras._base.config import settings
from jkeras._base.errors import unexpected_arguments
from jkeras._base.old_arguments import Gone, leave_out
from jkeras._base.registry import export
from jkeras.callbacks.base import Logs
from jkeras.callbacks.batch_counter import BatchCounter, check_frequency
from jkeras.callbacks.monitor import MonitorCallback
from jkeras.callbacks.printing import say

_SUFFIX = """ModelCheckpoint cannot tell the format of {path!r}. Give the path a suffix: {known}."""
_PLACE = """The path {path!r} asks for {name}, which is not among the results: {there}. {hint}"""
_GONE = {
    "load_weights_on_restart": Gone((False, None), "Write BackupAndRestore('folder'), which resumes where a run ended."),
    "options": Gone((None,), "They are for TensorFlow's file formats."),
}
_WHOLE, _WEIGHTS = (".keras", ".h5", ".hdf5"), (".weights.h5", ".weights.json", ".h5", ".hdf5")


@export("keras.callbacks.ModelCheckpoint")
class ModelCheckpoint(MonitorCallback):
    """Writes the model, or its weights, to a file.

    Args:
        filepath: `"best.keras"`; may have fields for the epoch (from 1), the batch (from 1) and the results:
            `"weights/{epoch:02d}-{val_loss:.2f}.h5"`. Folders are created.
        monitor: name of the result that `save_best_only` watches.
        verbose: 1 prints what is written.
        save_best_only: write only when the result has improved. If it is missing (an epoch without validation), nothing is
            written, as in Keras 2; Keras 3 overwrites the best file then.
        save_weights_only: write weights (`.weights.h5`, `.weights.json`, `.h5`) rather than the whole model (`.keras`, `.h5`).
        mode: `"min"`, `"max"` or `"auto"` (by the name of the result).
        save_freq: `"epoch"`, or a number of batches; then training goes step by step, and files are also written in the middle
            of epochs.
        initial_value_threshold: what counts as the best so far before the first epoch.
        kwargs: Keras 2's `period`, a number of epochs, and arguments that have no effect.

    Raises:
        ValueError: the suffix belongs to no format that can be written, or `save_freq` is not a number. (Where old scripts run,
            under `jkeras.compat`, a name without a suffix is allowed, as in `model.save`.)

    Example:
        >>> from types import SimpleNamespace
        >>> keep = ModelCheckpoint("runs/{epoch:02d}-{loss:.1f}.keras", monitor="loss", save_best_only=True)
        >>> keep.set_model(SimpleNamespace(save=lambda path, **_: print(path), metrics=[]))
        >>> for epoch, loss in enumerate([1.0, 2.0, 0.5]):
        ...     keep.on_epoch_end(epoch, {"loss": loss})
        runs/01-1.0.keras
        runs/03-0.5.keras
    """

    exact_batches = True

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
        **kwargs: Any,
    ):
        super().__init__(monitor, mode, baseline=initial_value_threshold)
        kwargs = leave_out("ModelCheckpoint", kwargs, _GONE)
        self.period = kwargs.pop("period", 1)
        if kwargs:
            known = ("filepath", "monitor", "verbose", "save_best_only", "save_weights_only", "mode", "save_freq")
            raise unexpected_arguments("ModelCheckpoint", kwargs, (*known, "initial_value_threshold", "period"))
        self.filepath = os.fspath(filepath)
        suffixes: tuple[str, ...] = _WEIGHTS if save_weights_only else _WHOLE
        if not self.filepath.endswith(suffixes) and not settings.keras2_files:
            raise ValueError(_SUFFIX.format(path=self.filepath, known=", ".join(suffixes)))
        check_frequency("save_freq", save_freq)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = save_freq
        self.epochs_since_last_save = 0
        self._current_epoch = 0
        self._counter = BatchCounter(save_freq)
        if save_freq != "epoch":
            # Listen to batches only if needed: a callback that does makes training go step by step.
            self.on_train_batch_begin = self._counter.before  # type: ignore[method-assign]
            if type(self).on_train_batch_end is ModelCheckpoint.on_train_batch_end:  # a subclass may do more than this
                self.on_train_batch_end = self._after_batch  # type: ignore[method-assign]

    _remembers = ("best", "epochs_since_last_save", "batches_since_last_save")

    @property
    def batches_since_last_save(self) -> int:
        """Batches since the last file was due."""
        return self._counter.waiting

    @batches_since_last_save.setter
    def batches_since_last_save(self, count: int) -> None:
        self._counter.waiting = count

    def on_train_begin(self, logs: Logs = None) -> None:
        self.epochs_since_last_save = 0
        self._counter.reset()

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._current_epoch = epoch
        self._counter.begin_epoch()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if self.save_freq != "epoch":
            return
        self.epochs_since_last_save += 1
        if self.epochs_since_last_save >= self.period:
            self.epochs_since_last_save = 0
            self._save_model(epoch, logs=logs)

    def _after_batch(self, batch: int, logs: Logs = None) -> None:
        if self._should_save_on_batch(batch):
            self._save_model(self._current_epoch, batch, logs)

    # Subclasses elsewhere, such as Weights & Biases', call the following three by Keras' names.

    def _should_save_on_batch(self, batch: int) -> bool:
        return self._counter.is_due(batch)

    def _get_file_path(self, epoch: int, batch: int | None = None, logs: Logs = None) -> str:
        return self._path(logs or {}, _places(epoch, batch))

    def _save_model(self, epoch: int, batch: int | None = None, logs: Logs = None) -> None:
        logs, places = logs or {}, _places(epoch, batch)
        if not self.save_best_only:
            self._save(logs, places, "")
            return
        value = self.get_monitor_value(logs)
        if value is None:
            return
        number = float(value)
        if math.isnan(number) or not self.is_improvement(number, self.best):
            if self.verbose > 0:
                say(f"\nEpoch {places['epoch']:05d}: {self.monitor} did not improve from {self._shown(self.best)}")
            return
        before, self.best = self.best, number
        self._save(logs, places, f" {self.monitor} improved from {self._shown(before)} to {number:.5f},")

    def _save(self, logs: dict[str, object], places: dict[str, int], why: str) -> None:
        path = self._path(logs, places)
        if self.verbose > 0:
            say(f"\nEpoch {places['epoch']:05d}:{why} saving model to {path}")
        if self.save_weights_only:
            self.model.save_weights(path, overwrite=True)
        else:
            self.model.save(path, overwrite=True)

    def _path(self, logs: dict[str, object], places: dict[str, int]) -> str:
        try:
            return self.filepath.format(**{**logs, **places})
        except KeyError as error:
            name = str(error.args[0])
            hint = (
                "`batch` is known where save_freq is a number." if name == "batch" else "A name with val_ needs validation data."
            )
            there = ", ".join([*places, *logs])
            raise KeyError(_PLACE.format(path=self.filepath, name=name, there=there, hint=hint)) from error

    def _shown(self, value: float | None) -> str:
        """A number, or the infinity that Keras 2 starts from."""
        if value is None:
            return "-inf" if self.is_improvement(1.0, 0.0) else "inf"
        return f"{value:.5f}"


def _places(epoch: int, batch: int | None) -> dict[str, int]:
    """What the fields of a path stand for: both count from 1 there."""
    return {"epoch": epoch + 1} | ({} if batch is None else {"batch": batch + 1})
