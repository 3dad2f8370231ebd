"""`validation_split`: the last rows of the arrays, taken before anything is shuffled."""

from __future__ import annotations

import math

import jax

from jkeras._base.errors import describe
from jkeras._base.types import Tree
from jkeras.data.arrays import common_length, is_arrays, to_rows


def train_validation_split(arrays: Tree, validation_split: float) -> tuple[Tree, Tree]:
    """Split arrays into the first rows for training and the last for validation.

    Of `n` rows the first `floor(n * (1 - validation_split))` train.

    Args:
        arrays: a nest of arrays with one number of rows, such as `(x, y, sample_weight)`; None entries stay None.
        validation_split: the fraction for validation, between 0 and 1.

    Returns:
        `(training, validation)`, each in the structure of `arrays`.

    Raises:
        ValueError: the data are not arrays, the fraction is not between 0 and 1, or one side would be empty.

    Example:
        >>> import numpy as np
        >>> train_validation_split(np.arange(10), 0.2)
        (array([0, 1, 2, 3, 4, 5, 6, 7], dtype=int32), array([8, 9], dtype=int32))
    """
    if not is_arrays(arrays):
        raise ValueError(
            f"`validation_split` works on arrays only. Received {describe(arrays)}. Split the data yourself and pass "
            "`validation_data=(x_val, y_val)`, or a second generator."
        )
    if not 0 < validation_split < 1:
        raise ValueError(f"`validation_split` must lie between 0 and 1, such as 0.1. Received {validation_split!r}.")
    if isinstance(arrays, tuple) and len(arrays) <= 3:
        arrays = tuple(to_rows(a, name) for a, name in zip(arrays, ("x", "y", "sample_weight")))
        count = common_length(*arrays)
    else:
        arrays = to_rows(arrays, "x")
        count = common_length(arrays)
    at = math.floor(count * (1.0 - validation_split))
    if at in (0, count):
        raise ValueError(
            f"validation_split={validation_split} of {count} samples leaves {at} for training and {count - at} for validation. "
            "Pass more data or another fraction, or give `validation_data=(x_val, y_val)`."
        )
    return jax.tree_util.tree_map(lambda a: a[:at], arrays), jax.tree_util.tree_map(lambda a: a[at:], arrays)
