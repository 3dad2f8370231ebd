"""`CSVLogger`: every epoch's results as a line in a CSV file."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from typing import Any

import numpy as np

from jkeras._base.processes import is_first
from jkeras._base.registry import export
from jkeras.callbacks.base import Callback, Logs


@export("keras.callbacks.CSVLogger")
class CSVLogger(Callback):
    """Appends a line per epoch to a CSV file: `epoch`, then the results in alphabetical order. Each line is on disk at once.

    If the first epoch has no validation results, columns `val_...` are kept for them; missing values are `NA`.

    Args:
        filename: path of the file.
        separator: between the columns.
        append: append to an existing file, keeping its header, rather than overwrite it.

    Example:
        >>> import os, tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "log.csv")
        >>> log = CSVLogger(path)
        >>> log.on_train_begin()
        >>> log.on_epoch_end(0, {"loss": 0.5, "val_loss": 0.75})
        >>> log.on_train_end()
        >>> print(open(path).read().strip())
        epoch,loss,val_loss
        0,0.5,0.75
    """

    def __init__(self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False):
        self.filename = os.fspath(filename)
        self.sep = separator
        self.append = append
        self.keys: list[str] | None = None
        self.csv_file: Any = None
        self.writer: Any = None

    def on_train_begin(self, logs: Logs = None) -> None:
        self._close()
        self.csv_file = open(self.filename if is_first() else os.devnull, "a" if self.append else "w", newline="")  # noqa: SIM115 - closed in on_train_end
        self.keys = None

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        logs = logs or {}
        if self.keys is None:
            self._begin(sorted(logs))
        self.writer.writerow([epoch, *(_cell(logs.get(key, "NA")) for key in self.keys or ())])
        self.csv_file.flush()

    def _begin(self, keys: list[str]) -> None:
        validated = any(key.startswith("val_") for key in keys)
        self.keys = keys if validated else [*keys, *(f"val_{key}" for key in keys)]
        self.writer = csv.writer(self.csv_file, delimiter=self.sep)
        if not self.csv_file.tell():
            self.writer.writerow(["epoch", *self.keys])

    def on_train_end(self, logs: Logs = None) -> None:
        self._close()

    def _close(self) -> None:
        if self.csv_file is not None:
            self.csv_file.close()


def _cell(value: object) -> object:
    """Lists and arrays as one cell, `"[1, 2]"`."""
    if isinstance(value, str) or not isinstance(value, Iterable) or (isinstance(value, np.ndarray) and value.ndim == 0):
        return value
    return f'"[{", ".join(map(str, value))}]"'
