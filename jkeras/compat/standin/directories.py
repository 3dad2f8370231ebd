"""Folders of files, and long series, as `tf.data.Dataset`s: what scripts for Keras on TensorFlow expect of these functions."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import numpy as np

from jkeras._base.types import Tree
from jkeras.compat.standin.data.dataset import Dataset
from jkeras.compat.standin.data.node import Block, Run, RunsPython
from jkeras.compat.standin.data.structure import as_element
from jkeras.compat.standin.tensor_spec import TensorSpec
from jkeras.preprocessing import directories, timeseries
from jkeras.preprocessing.views import BatchDataset

__all__ = ["image_dataset_from_directory", "text_dataset_from_directory", "timeseries_dataset_from_array"]


@dataclass(frozen=True, eq=False)
class MadeBatches(RunsPython):
    """Batches that a function makes of row numbers.

    Attributes:
        make: the function.
        rows: how many there are.
        size: rows of a batch.
        shuffle: whether each pass has its own order.
        seed: of the orders.
    """

    make: Callable[[np.ndarray], Tree]
    rows: int
    size: int
    shuffle: bool
    seed: int

    @property
    def cardinality(self) -> int:
        return -(-self.rows // self.size)

    @cached_property
    def spec(self) -> Tree:
        one = as_element(self.make(np.arange(1)))
        first = min(self.size, self.rows)
        return jax.tree.map(lambda a: TensorSpec((None, *a.shape[1:]), a.dtype, sizes=(first, *a.shape[1:])), one)

    def blocks(self, run: Run, rows: int) -> Iterator[Block]:
        order = run.rng(self.seed, self.depth).permutation(self.rows) if self.shuffle else np.arange(self.rows)
        for at in range(0, self.rows, self.size):
            batch = as_element(self.make(order[at : at + self.size]))
            yield Block(jax.tree.map(lambda a: a[None], batch), 1)


def _as_dataset(made: Any, single: bool) -> Any:
    if isinstance(made, (tuple, list)):
        return type(made)(_as_dataset(part, single) for part in made)
    if not isinstance(made, BatchDataset):
        return made
    node = MadeBatches(made._make, made.rows, made.batch_size, made.shuffles, made._seed)
    dataset = Dataset(node)
    dataset = dataset.unbatch() if single else dataset
    for name in ("class_names", "file_paths"):
        if hasattr(made, name):
            setattr(dataset, name, getattr(made, name))
    return dataset


def _returning_datasets(function: Callable[..., Any], default: int) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **keywords: Any) -> Any:
        single = keywords.get("batch_size", default) is None
        if single:
            keywords["batch_size"] = default
        return _as_dataset(function(*args, **keywords), single)

    call.__module__ = __name__
    call.__doc__ = (function.__doc__ or "").partition("\n\n    Example:")[0]  # which shows what only a `BatchDataset` can
    return call


image_dataset_from_directory = _returning_datasets(directories.image_dataset_from_directory, 32)
text_dataset_from_directory = _returning_datasets(directories.text_dataset_from_directory, 32)
timeseries_dataset_from_array = _returning_datasets(timeseries.timeseries_dataset_from_array, 128)
