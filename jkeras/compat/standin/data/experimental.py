"""`tf.data.experimental`: older names of methods of `Dataset`, as functions for `dataset.apply(...)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jkeras._base.types import Array, Tree
from jkeras.compat.standin.data.dataset import AUTOTUNE, INFINITE_CARDINALITY, UNKNOWN_CARDINALITY, Dataset
from jkeras.compat.standin.data.options import Options

__all__ = [
    "AUTOTUNE",
    "Counter",
    "INFINITE_CARDINALITY",
    "Options",
    "RandomDataset",
    "UNKNOWN_CARDINALITY",
    "assert_cardinality",
    "bucket_by_sequence_length",
    "cardinality",
    "choose_from_datasets",
    "enumerate_dataset",
    "get_single_element",
    "get_structure",
    "group_by_window",
    "ignore_errors",
    "map_and_batch",
    "parallel_interleave",
    "prefetch_to_device",
    "sample_from_datasets",
    "scan",
    "shuffle_and_repeat",
    "take_while",
    "unbatch",
    "unique",
]

Step = Callable[[Dataset], Dataset]

Counter = Dataset.counter
RandomDataset = Dataset.random
choose_from_datasets = Dataset.choose_from_datasets
sample_from_datasets = Dataset.sample_from_datasets


def cardinality(dataset: Dataset) -> Array:
    """The number of elements; see `Dataset.cardinality`."""
    return dataset.cardinality()


def get_single_element(dataset: Dataset) -> Tree:
    """The only element."""
    return dataset.get_single_element()


def get_structure(dataset: Dataset) -> Tree:
    """The `element_spec`."""
    return dataset.element_spec


def bucket_by_sequence_length(*args: Any, **keywords: Any) -> Step:
    """`Dataset.bucket_by_sequence_length` for `apply`."""
    return lambda dataset: dataset.bucket_by_sequence_length(*args, **keywords)


def enumerate_dataset(start: int = 0) -> Step:
    """`Dataset.enumerate` for `apply`."""
    return lambda dataset: dataset.enumerate(start)


def group_by_window(
    key_func: Callable[..., Tree],
    reduce_func: Callable[[Tree, Dataset], Dataset],
    window_size: int | None = None,
    window_size_func: Callable[[Tree], Tree] | None = None,
) -> Step:
    """`Dataset.group_by_window` for `apply`."""
    return lambda dataset: dataset.group_by_window(key_func, reduce_func, window_size, window_size_func)


def ignore_errors(log_warning: bool = False) -> Step:
    """`Dataset.ignore_errors` for `apply`."""
    return lambda dataset: dataset.ignore_errors(log_warning)


def map_and_batch(
    map_func: Callable[..., Tree],
    batch_size: int,
    num_parallel_batches: int | None = None,
    drop_remainder: bool = False,
    num_parallel_calls: int | None = None,
) -> Step:
    """`Dataset.map`, then `Dataset.batch`, for `apply`."""
    return lambda dataset: dataset.map(map_func, num_parallel_calls or num_parallel_batches).batch(batch_size, drop_remainder)


def parallel_interleave(
    map_func: Callable[..., Dataset],
    cycle_length: int,
    block_length: int = 1,
    sloppy: object = None,
    buffer_output_elements: object = None,
    prefetch_input_elements: object = None,
) -> Step:
    """`Dataset.interleave` for `apply`."""
    return lambda dataset: dataset.interleave(map_func, cycle_length, block_length)


def prefetch_to_device(device: object, buffer_size: int | None = None) -> Step:
    """The dataset itself, for `apply`: `fit` copies batches to the device ahead."""
    return lambda dataset: dataset.prefetch(buffer_size)


def scan(initial_state: Tree, scan_func: Callable[[Tree, Tree], Tree]) -> Step:
    """`Dataset.scan` for `apply`."""
    return lambda dataset: dataset.scan(initial_state, scan_func)


def shuffle_and_repeat(buffer_size: int, count: int | None = None, seed: int | None = None) -> Step:
    """`Dataset.shuffle`, then `Dataset.repeat`, for `apply`."""
    return lambda dataset: dataset.shuffle(buffer_size, seed).repeat(count)


def take_while(predicate: Callable[..., Tree]) -> Step:
    """`Dataset.take_while` for `apply`."""
    return lambda dataset: dataset.take_while(predicate)


def unbatch() -> Step:
    """`Dataset.unbatch` for `apply`."""
    return lambda dataset: dataset.unbatch()


def unique() -> Step:
    """`Dataset.unique` for `apply`."""
    return lambda dataset: dataset.unique()


def assert_cardinality(expected_cardinality: int) -> Step:
    """For `apply`: the dataset, with a length that it may not know itself."""
    return lambda dataset: dataset.assert_cardinality(expected_cardinality)
