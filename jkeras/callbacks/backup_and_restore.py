"""`BackupAndRestore`: a killed training run resumes the next time the same script runs.

The backup is one file, written under a temporary name and moved into place when it is complete, so that a kill at any moment
leaves either the last backup or the new one. It holds the weights, the optimizer, and the progress of the run to the batch, so
the run ends with the same bits as if it had never been interrupted.
"""

from __future__ import annotations

import os
import shutil

from jkeras._base.errors import unexpected_arguments
from jkeras._base.old_arguments import Gone, leave_out
from jkeras._base.processes import check_same, is_first, together
from jkeras._base.registry import export
from jkeras.callbacks.base import Callback, Logs
from jkeras.callbacks.batch_counter import BatchCounter, check_frequency

_NAME = "latest.weights.h5"
_GONE = {"save_before_preemption": Gone((False,), "Back up often enough instead: save_freq=100, for example.")}
_NO_FOLDER = "BackupAndRestore needs a folder of its own, such as backup_dir='backup'. Received: {given!r}."

_NO_TRAINING = """{path} holds no training run that this model could resume; it was compiled with another optimizer. Compile it
as it was compiled then, or remove {folder} to start over."""


@export("keras.callbacks.BackupAndRestore")
class BackupAndRestore(Callback):
    """Backs up training regularly, and resumes from the backup when `fit` is called again after an interruption.

    Unlike Keras', it resumes within an epoch too, with the same order of data, the same dropout, the same metrics, and the state
    of the other callbacks. It is called after all other callbacks, wherever it stands in the list.

    Args:
        backup_dir: a folder for this training run alone; created if missing.
        save_freq: `"epoch"`, or a number of batches. With a number, training goes step by step.
        double_checkpoint: accepted for compatibility with Keras. A backup replaces the last one only when it is complete.
        delete_checkpoint: remove the folder when training ends.
        kwargs: Keras 2's `save_before_preemption=False`.

    Raises:
        ValueError: no folder, or `save_freq` is neither; in `fit`, the backup was made in the middle of an epoch on other data,
            or with another optimizer.
        FileFormatError: in `fit`, the backup belongs to another model.

    Example:
        >>> import tempfile, numpy as np, jkeras
        >>> folder = os.path.join(tempfile.mkdtemp(), "backup")
        >>> def train(epochs, interrupt=()):
        ...     model = jkeras.Sequential([jkeras.Input((2,)), jkeras.layers.Dense(1)])
        ...     model.compile("adam", "mse")
        ...     backup = BackupAndRestore(folder, delete_checkpoint=not interrupt)
        ...     return model.fit(np.ones((8, 2)), np.ones((8, 1)), epochs=epochs, verbose=0, callbacks=[*interrupt, backup])
        >>> def stop(epoch, logs):
        ...     if epoch == 2:
        ...         raise KeyboardInterrupt
        >>> try:
        ...     train(5, [jkeras.callbacks.LambdaCallback(on_epoch_end=stop)])
        ... except KeyboardInterrupt:
        ...     print(os.listdir(folder))
        ['latest.weights.h5']
        >>> train(5).epoch, os.path.exists(folder)
        ([2, 3, 4], False)
    """

    acts_last = True
    exact_batches = True

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: str | int = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
        **kwargs: object,
    ):
        if left := leave_out("BackupAndRestore", kwargs, _GONE):
            raise unexpected_arguments("BackupAndRestore", left, ("backup_dir", "save_freq", "delete_checkpoint"))
        if not backup_dir:
            raise ValueError(_NO_FOLDER.format(given=backup_dir))
        check_frequency("save_freq", save_freq)
        self.backup_dir = os.fspath(backup_dir)
        self.save_freq = save_freq
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        self._path = os.path.join(self.backup_dir, _NAME)
        self._counter = BatchCounter(save_freq)
        if save_freq != "epoch":
            # Listen to batches only if needed: a callback that does makes training go step by step.
            self.on_train_batch_begin = self._counter.before  # type: ignore[method-assign]
            self.on_train_batch_end = self._after_batch  # type: ignore[method-assign]

    def on_train_begin(self, logs: Logs = None) -> None:
        self._counter.reset()
        self.resumes = os.path.exists(self._path)
        check_same("backups (the folder must be one that all of them see)", int(self.resumes))
        if self.resumes:
            self.model.load_weights(self._path)
            if not self.model.snapshot_notes():
                raise ValueError(_NO_TRAINING.format(path=self._path, folder=self.backup_dir))

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._counter.begin_epoch()

    def _after_batch(self, batch: int, logs: Logs = None) -> None:
        if self._counter.is_due(batch):
            self._save()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if self.save_freq == "epoch":
            self._save()

    def _save(self) -> None:
        self.model.save_weights(self._path, overwrite=True)

    def on_train_end(self, logs: Logs = None) -> None:
        with together("removing the backup"):
            if self.delete_checkpoint and is_first() and os.path.exists(self.backup_dir):
                shutil.rmtree(self.backup_dir)
