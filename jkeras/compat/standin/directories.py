"""Folders of files, long series, and data in two parts, as `tf.data.Dataset`s, which scripts for Keras on TensorFlow expect."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import numpy as np

from jkeras._base.types import Tree
from jkeras.compat.standin.data.batching import Batch
from jkeras.compat.standin.data.dataset import Dataset
from jkeras.compat.standin.data.node import Block, Run, RunsPython
from jkeras.compat.standin.data.structure import as_element
from jkeras.compat.standin.tensor_spec import TensorSpec
from jkeras.preprocessing import directories, timeseries
from jkeras.preprocessing.views import BatchDataset, in_order
from jkeras.utils.dataset_splitting import Share
from jkeras.utils.dataset_splitting import split_dataset as split_arrays

__all__ = [
    "audio_dataset_from_directory",
    "image_dataset_from_directory",
    "split_dataset",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
]


@dataclass(frozen=True, eq=False)
class MadeBatches(RunsPython):
    """Batches that a function makes of row numbers.

    Attributes:
        make: the function.
        rows: how many there are.
        size: rows of a batch.
        shuffle: whether each pass has its own order.
        seed: of the orders.
        lengths: whether the second axis of what has one differs between batches.
    """

    make: Callable[[np.ndarray], Tree]
    rows: int
    size: int
    shuffle: bool
    seed: int
    lengths: bool = False

    @property
    def cardinality(self) -> int:
        return -(-self.rows // self.size)

    @cached_property
    def spec(self) -> Tree:
        one = as_element(self.make(np.arange(1)))
        first = min(self.size, self.rows)
        free = 2 if self.lengths else 1  # of an array `(batch, length, ...)`

        def spec(a: Any) -> TensorSpec:
            axes = free if a.ndim > 2 else 1
            return TensorSpec((*(None,) * axes, *a.shape[axes:]), a.dtype, sizes=(first, *a.shape[1:]))

        return jax.tree.map(spec, one)

    def blocks(self, run: Run, rows: int) -> Iterator[Block]:
        order = run.rng(self.seed, self.depth).permutation(self.rows) if self.shuffle else np.arange(self.rows)
        for batch in in_order(self.make, (order[at : at + self.size] for at in range(0, self.rows, self.size))):
            yield Block(jax.tree.map(lambda a: a[None], as_element(batch)), 1)


def _as_dataset(made: Any, single: bool, lengths: bool) -> Any:
    if isinstance(made, (tuple, list)):
        return type(made)(_as_dataset(part, single, lengths) for part in made)
    if not isinstance(made, BatchDataset):
        return made
    node = MadeBatches(made._make, made.rows, made.batch_size, made.shuffles, made._seed, lengths)
    dataset = Dataset(node)
    dataset = dataset.unbatch() if single else dataset
    for name in ("class_names", "file_paths"):
        if hasattr(made, name):
            setattr(dataset, name, getattr(made, name))
    return dataset


def _returning_datasets(function: Callable[..., Any], default: int, lengths: bool = False) -> Callable[..., Any]:
    """A function under Keras' name, with `batch_size=None` for single elements.

    Args:
        function: returns a `BatchDataset`, or a pair.
        default: its `batch_size`.
        lengths: whether its elements differ in length, so that a batch is padded.
    """

    @functools.wraps(function)
    def call(*args: Any, **keywords: Any) -> Any:
        single = keywords.get("batch_size", default) is None
        if single:
            keywords["batch_size"] = 1 if lengths else default
        return _as_dataset(function(*args, **keywords), single, lengths)

    call.__module__ = __name__
    call.__doc__ = (function.__doc__ or "").partition("\n\n    Example:")[0]  # which shows what only a `BatchDataset` can
    return call


audio_dataset_from_directory = _returning_datasets(directories.audio_dataset_from_directory, 32, lengths=True)
image_dataset_from_directory = _returning_datasets(directories.image_dataset_from_directory, 32)
text_dataset_from_directory = _returning_datasets(directories.text_dataset_from_directory, 32)
timeseries_dataset_from_array = _returning_datasets(timeseries.timeseries_dataset_from_array, 128)


def split_dataset(
    dataset: Any,
    left_size: Share = None,
    right_size: Share = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[Dataset, Dataset]:
    """Arrays or a dataset, which is read to its end, in two datasets of single elements, or of batches as before.

    Args:
        dataset: a dataset, or what `jkeras.utils.split_dataset` takes, as all that follows.
        left_size, right_size, shuffle, seed, preferred_backend: as there.

    Example:
        >>> left, right = split_dataset(Dataset.range(5).batch(2), left_size=3)
        >>> [x.tolist() for x in left], [x.tolist() for x in right]
        ([[0, 1], [2]], [[3, 4]])
    """
    size = None
    if isinstance(dataset, Dataset):
        node = dataset.__jkeras_node__()
        size = node.size if isinstance(node, (Batch, MadeBatches)) else None
        elements = list((dataset if size is None else dataset.unbatch()).as_numpy_iterator())
        if not elements:
            raise ValueError("The dataset has no elements to split.")
        dataset = jax.tree.map(lambda *rows: np.stack(rows), *elements)
    elif isinstance(dataset, list):
        dataset = tuple(dataset)  # a list of arrays is one array in `from_tensor_slices`
    parts = split_arrays(dataset, left_size, right_size, shuffle, seed, preferred_backend)
    left, right = (Dataset.from_tensor_slices(part) for part in parts)
    return (left, right) if size is None else (left.batch(size), right.batch(size))
