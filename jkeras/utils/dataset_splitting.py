"""Data in two parts: `split_dataset`."""

from __future__ import annotations

import numbers
import random

import jax
import numpy as np

from jkeras._base.errors import describe
from jkeras._base.registry import export
from jkeras._base.types import Tree
from jkeras.data.arrays import to_host_arrays

Share = int | float | None


@export("keras.utils.split_dataset")
def split_dataset(
    dataset: Tree,
    left_size: Share = None,
    right_size: Share = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[Tree, Tree]:
    """Split data into two parts, such as for training and for tests.

    Args:
        dataset: an array or a table of pandas, or a tuple, list or dict of these with one number of rows. Under
            `jkeras.compat` also a `tf.data.Dataset`.
        left_size: rows of the first part, or as a float their share; by default the rest.
        right_size: the same for the last part.
        shuffle: whether the rows are put into a random order first.
        seed: of that order, which is Keras'; by default from Python's `random`.
        preferred_backend: has no effect.

    Returns:
        Two parts in the structure of the data, for `fit(*left)`; under `jkeras.compat` two `tf.data.Dataset`s.

    Raises:
        TypeError: the data are something else, or a size is not a number.
        ValueError: no size, sizes that do not fit, or arrays with different numbers of rows.

    Example:
        >>> split_dataset(np.arange(5), left_size=0.6)
        (array([0, 1, 2]), array([3, 4]))
    """
    dataset = jax.tree.map(lambda part: to_host_arrays(part, "dataset") if hasattr(part, "to_numpy") else part, dataset)
    arrays = jax.tree.leaves(dataset, is_leaf=lambda part: part is None)
    if not arrays or not all(getattr(array, "shape", ()) for array in arrays):
        raise TypeError(
            f"split_dataset takes arrays with rows, alone or in a tuple, list or dict. Received: {describe(dataset)}. "
            "A dataset of PyTorch is split by torch.utils.data.random_split."
        )
    counts = {array.shape[0] for array in arrays}
    if len(counts) != 1:
        raise ValueError(f"The arrays have different numbers of rows: {sorted(counts)}. Each row of one belongs to a row of all.")
    left, right = split_rows(counts.pop(), left_size, right_size, shuffle, seed)
    return jax.tree.map(lambda array: array[left], dataset), jax.tree.map(lambda array: array[right], dataset)


def split_rows(count: int, left_size: Share, right_size: Share, shuffle: bool, seed: int | None) -> tuple[np.ndarray, np.ndarray]:
    """The row numbers of both parts; arguments as for `split_dataset`."""
    left, right = _sizes(count, left_size, right_size)
    order = list(range(count))
    if shuffle:
        random.Random(random.randint(0, 10**6) if seed is None else seed).shuffle(order)
    return np.array(order[:left]), np.array(order[count - right :])


def _sizes(count: int, left_size: Share, right_size: Share) -> tuple[int, int]:
    """Rows of both parts."""
    if left_size is None and right_size is None:
        raise ValueError("split_dataset takes left_size or right_size, or both. Received neither.")
    left, right = (_rows(count, name, size) for name, size in (("left_size", left_size), ("right_size", right_size)))
    left = count - (right or 0) if left is None else left
    right = count - left if right is None else right
    if left + right > count or min(left, right) < 1:
        raise ValueError(
            f"Of {count} rows, {left_size=} and {right_size=} would put {left} into the first part and {right} into the last. "
            f"Each part needs a row, and both have {count} at most."
        )
    return left, right


def _rows(count: int, name: str, size: Share) -> int | None:
    if size is None:
        return None
    if isinstance(size, bool) or not isinstance(size, numbers.Real):
        raise TypeError(f"{name} is a number of rows, or a share of them as a float. Received: {size!r}.")
    whole = isinstance(size, numbers.Integral)
    if not 0 < size < (count if whole else 1):
        raise ValueError(f"{name} is an int from 1 to {count - 1}, or a float between 0 and 1. Received: {size!r}.")
    return int(size) if whole else round(size * count)
