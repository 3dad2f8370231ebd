"""Upper limits that `config` sets for all runs: a quick look whether a script works, without a change in it.

KERAS_MAX_EPOCHS=1 KERAS_MAX_STEPS_PER_EPOCH=5 python train.py
"""

from __future__ import annotations

import warnings
from typing import Any

from jkeras._base.config import settings
from jkeras._base.plain_numbers import plain
from jkeras._base.types import Tree
from jkeras.data import as_source
from jkeras.data.arrays import is_arrays
from jkeras.data.source import Source


def limited_epochs(epochs: int) -> int:
    """A number of epochs, or `config.max_epochs()` if that is lower, with a warning."""
    limit = settings.max_epochs
    if limit is None or plain(epochs) <= limit:
        return epochs
    warnings.warn(f"config.set_max_epochs({limit}) limits this run to {limit} of {epochs} epochs.", stacklevel=4)
    return limit


def limited_source(*data: Tree, steps: int | None = None, **options: Any) -> Source:
    """`as_source`, with epochs of at most `config.max_steps_per_epoch()` batches; a warning says where that cuts.

    Args:
        data: x, y, sample_weight.
        steps: batches of an epoch; None for one pass over the data.
        options: of `as_source`.
    """
    limit = settings.max_steps_per_epoch
    if limit is None or (steps is not None and plain(steps) <= limit):
        return as_source(*data, steps=steps, **options)
    # One batch more than the limit shows whether it cuts: an endless stream has no length, and `steps` sets the rows of a batch.
    longer = as_source(*data, steps=steps if is_arrays(data[0]) else limit + 1, **options)
    if longer.num_batches is not None and longer.num_batches <= limit:
        return as_source(*data, steps=steps, **options)
    source = as_source(*data, steps=limit, **options)
    warnings.warn(f"config.set_max_steps_per_epoch({limit}) limits an epoch to {limit} batches.", stacklevel=5)
    return source
