"""Windows of a time series as batches: `TimeseriesGenerator` of Keras 2, `timeseries_dataset_from_array` of Keras 3."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from jkeras._base.registry import export
from jkeras._base.types import Tree
from jkeras.data.py_dataset import PyDataset
from jkeras.preprocessing.views import BatchDataset, check_format
from jkeras.state.random import next_seed


@export("keras.preprocessing.sequence.TimeseriesGenerator")
class TimeseriesGenerator(PyDataset):
    """Batches of windows, each with the target of the row after it.

    Args:
        data: `(steps, ...)`.
        targets: one for each step.
        length: how many steps a window reaches back.
        sampling_rate: steps between two entries of a window.
        stride: steps between the ends of two windows.
        start_index, end_index: the first and the last step to use.
        shuffle: draw windows at random.
        reverse: whether windows run backwards in time.
        batch_size: windows in a batch.

    Raises:
        ValueError: data and targets differ in length, or there is no room for a window.

    Example:
        >>> series = np.arange(6)
        >>> x, y = TimeseriesGenerator(series, series * 10, length=3, batch_size=2)[0]
        >>> x.tolist(), y.tolist()
        ([[0, 1, 2], [1, 2, 3]], [30, 40])
    """

    def __init__(
        self,
        data: Tree,
        targets: Tree,
        length: int,
        sampling_rate: int = 1,
        stride: int = 1,
        start_index: int = 0,
        end_index: int | None = None,
        shuffle: bool = False,
        reverse: bool = False,
        batch_size: int = 128,
    ):
        super().__init__()
        if len(data) != len(targets):
            raise ValueError(f"Data and targets must have one entry for each step. Received: {len(data)} and {len(targets)}.")
        self.data, self.targets = np.asarray(data), np.asarray(targets)
        self.length, self.sampling_rate, self.stride = length, sampling_rate, stride
        self.start_index = start_index + length
        self.end_index = len(data) - 1 if end_index is None else end_index
        self.shuffle, self.reverse, self.batch_size = shuffle, reverse, batch_size
        if self.start_index > self.end_index:
            raise ValueError(
                f"There is no room for a window of length={length} between start_index={start_index} and "
                f"end_index={self.end_index}. Use a shorter one, or more data."
            )
        self._seed = next_seed() if shuffle else 0
        self._epoch = 0

    def __len__(self) -> int:
        step = self.batch_size * self.stride
        return (self.end_index - self.start_index + step) // step

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Batch number `index`: windows `(batch, length / sampling_rate, ...)` and targets."""
        if self.shuffle:
            rng = np.random.default_rng((self._seed, self._epoch, index))
            rows = rng.integers(self.start_index, self.end_index + 1, self.batch_size)
        else:
            first = self.start_index + self.batch_size * self.stride * index
            rows = np.arange(first, min(first + self.batch_size * self.stride, self.end_index + 1), self.stride)
        windows = self.data[rows[:, None] + np.arange(-self.length, 0, self.sampling_rate)]
        return windows[:, ::-1] if self.reverse else windows, self.targets[rows]

    def on_epoch_end(self) -> None:
        """Draw new windows for the next epoch."""
        self._epoch += 1

    def get_config(self) -> dict[str, Any]:
        """The arguments, with data and targets as JSON, as in Keras."""
        names = ("length", "sampling_rate", "stride", "start_index", "end_index", "shuffle", "reverse", "batch_size")
        data = {name: json.dumps(getattr(self, name).tolist()) for name in ("data", "targets")}
        return {**data, **{name: getattr(self, name) for name in names}}

    def to_json(self, **kwargs: Any) -> str:
        """Class name and config as a JSON string; `kwargs` go to `json.dumps`."""
        return json.dumps({"class_name": type(self).__name__, "config": self.get_config()}, **kwargs)


@export("keras.utils.timeseries_dataset_from_array", "keras.preprocessing.timeseries_dataset_from_array")
def timeseries_dataset_from_array(
    data: Tree,
    targets: Tree,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
    format: str = "tf",
) -> BatchDataset:
    """Windows of a time series, each with the target at its first step.

    Args:
        data: `(steps, ...)`.
        targets: `targets[i]` belongs to the window that begins at step i; None for only windows.
        sequence_length: steps in a window.
        sequence_stride: steps between the beginnings of two windows.
        sampling_rate: steps between two entries of a window.
        batch_size: windows in a batch.
        shuffle, seed: whether to draw an order for each epoch, and from which seed.
        start_index, end_index: the part of the data to use, excluding the end.
        format: Keras' argument; `"tf"`.

    Returns:
        A dataset of batches `(windows, targets)`, for `fit`, `evaluate`, `predict` and for-loops.

    Raises:
        ValueError: a number is out of range, or `batch_size=None`, since a dataset always returns batches.

    Example:
        >>> series = np.arange(6)
        >>> x, y = timeseries_dataset_from_array(series, series[3:], sequence_length=3, batch_size=2)[1]
        >>> x.tolist(), y.tolist()
        ([[2, 3, 4]], [5])
    """
    check_format(format)
    numbers = {"sequence_length": sequence_length, "sequence_stride": sequence_stride, "sampling_rate": sampling_rate}
    for name, value in {**numbers, "batch_size": batch_size}.items():
        if value is None or value < 1:
            raise ValueError(f"{name} must be a positive integer. Received: {value!r}.")
    start, end = start_index or 0, len(data) if end_index is None else end_index
    if not 0 <= start < end <= len(data):
        raise ValueError(f"Expected 0 <= start_index < end_index <= {len(data)}. Received: {start_index!r} and {end_index!r}.")
    part = np.asarray(data)[start:end]
    count = len(part) - (sequence_length - 1) * sampling_rate
    goals = None if targets is None else np.asarray(targets)[start:end]
    count = count if goals is None else min(count, len(goals))
    if count < 1:
        raise ValueError(f"{len(part)} steps have no room for {sequence_length} entries, {sampling_rate} steps apart.")
    offsets = np.arange(sequence_length) * sampling_rate
    first = np.arange(0, count, sequence_stride)

    def batch(rows: np.ndarray) -> Tree:
        windows = part[first[rows][:, None] + offsets]
        return windows if goals is None else (windows, goals[first[rows]])

    return BatchDataset(batch, len(first), int(batch_size or 1), shuffle, seed)
