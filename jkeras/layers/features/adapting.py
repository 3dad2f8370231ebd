"""The batches that `adapt` reads, from data in any form."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import numpy as np

from jkeras._base.errors import describe
from jkeras._base.types import Tree
from jkeras.layer.host_layer import host_array


def batches_to_adapt(data: Tree, steps: int | None, name: str) -> Iterator[Tree]:
    """The batches of what `adapt` takes: an array or a list is one; a dataset's tuples begin with the inputs.

    Raises:
        ValueError: there are no data.
    """
    whole = hasattr(data, "shape") or hasattr(data, "to_numpy") or isinstance(data, (str, bytes))
    if whole or (isinstance(data, (list, tuple)) and not any(hasattr(part, "shape") for part in data)):
        array = np.atleast_1d(host_array(data, name))
        if not array.size:
            raise ValueError(f"{name!r}: adapt received no data.")
        yield array[:, None] if array.ndim == 1 else array  # each entry is a document
        return
    if not isinstance(data, Iterable) and not hasattr(data, "__getitem__"):
        raise TypeError(f"{name!r}: adapt takes an array, a list, or an iterable of batches. Received: {describe(data)}.")
    items = iter(data) if isinstance(data, Iterable) else (data[i] for i in range(len(data)))
    empty = True
    for batch in itertools.islice(items, steps):
        empty = False
        yield host_array(batch[0] if isinstance(batch, tuple) else batch, name)
    if empty:
        raise ValueError(f"{name!r}: adapt received no data.")
