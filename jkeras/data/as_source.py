"""`as_source`: turns what you pass to `fit`, `evaluate` and `predict` into a source of batches."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from jkeras._base.errors import describe
from jkeras._base.plain_numbers import plain
from jkeras._base.types import Tree
from jkeras.data.array_source import ArraySource
from jkeras.data.arrays import is_arrays, to_arrays, to_host_arrays, to_rows
from jkeras.data.batch_reader import BatchReader
from jkeras.data.indexed_source import IndexedSource
from jkeras.data.iterable_source import IterableSource, is_endless
from jkeras.data.later_rows import MakeDense, any_later_rows
from jkeras.data.prepared import Preparation, prepared
from jkeras.data.sample_weights import Weighing
from jkeras.data.source import Source


def as_source(
    x: Tree,
    y: Tree = None,
    sample_weight: Tree = None,
    *,
    batch_size: int | None = None,
    shuffle: bool | str = False,
    steps: int | None = None,
    class_weight: object = None,
    output_names: Sequence[str] | None = None,
    prepare: Preparation | None = None,
) -> Source:
    """Turn what a user passes as data into a `Source`.

    Args:
        x: arrays (numpy, jax, pandas, sparse matrices, lists of numbers, nests of them); or a generator, an iterable of batches,
            a `PyDataset`, which yield `x`, `(x, y)` or `(x, y, sample_weight)`; or a `Source`, which is returned as it is.
        y: targets, for arrays only.
        sample_weight: weights, for arrays only.
        batch_size: rows per batch, for arrays; None takes 32. Data that yield batches ignore it, with a warning.
        shuffle: True, False or `"batch"`; data with an order of their own (generators, iterables) keep it.
        steps: batches of an epoch; None for one pass over the data.
        class_weight: class number -> weight, or such a table per output, multiplied into the sample weights.
        output_names: of the model, for weights by output.
        prepare: makes the inputs of a batch, on the host, of those that the data have.

    Raises:
        ValueError: arguments that do not fit together; the text says what to write.

    Example:
        >>> source = as_source([1.0, 2.0, 3.0], [0, 1, 0], batch_size=2)
        >>> source.num_samples, source.num_batches, source.spec
        (3, 2, Spec((None,), float32))
    """
    if x is None:
        raise ValueError("There is no data: `x` is None. Pass arrays, a generator or a dataset.")
    batch_size, steps = plain(batch_size), plain(steps)
    _check_count("batch_size", batch_size)
    if isinstance(steps, float) and steps > 0 and steps < float("inf"):
        steps = math.ceil(steps)  # `steps_per_epoch=len(x) / 32` stands in many scripts; Keras 2 continues until it is reached
    _check_count("steps", steps)
    if shuffle not in (True, False, None, "batch"):
        raise ValueError(f"`shuffle` must be True, False or 'batch'. Received {shuffle!r}.")
    weighing = Weighing(class_weight, output_names)
    if is_arrays(x) and prepare is not None:
        x, y, sample_weight = to_host_arrays(x, "x"), to_arrays(y, "y"), to_arrays(sample_weight, "sample_weight")
        raw = ArraySource(x, y, weighing(y, sample_weight), batch_size=batch_size, shuffle=shuffle or False, steps=steps)
        return prepared(raw, prepare)
    if is_arrays(x):
        x, y, sample_weight = to_rows(x, "x"), to_arrays(y, "y"), to_arrays(sample_weight, "sample_weight")
        rows = ArraySource(x, y, weighing(y, sample_weight), batch_size=batch_size, shuffle=shuffle or False, steps=steps)
        return prepared(rows, MakeDense()) if any_later_rows(x) else rows
    _refuse(x, y=y, sample_weight=sample_weight)
    if batch_size is not None and getattr(x, "batch_size", None) != batch_size:
        warnings.warn(f"batch_size={batch_size} is ignored: {type(x).__name__} yields whole batches. Leave it out.", stacklevel=5)
    if isinstance(x, Source):
        return x
    return _stream(x, shuffle or False, steps, BatchReader(weighing, prepare))


@runtime_checkable
class HasSource(Protocol):
    """Data that bring their own `Source`."""

    def __jkeras_source__(self, steps: int | None, read: BatchReader) -> Source:
        """The source.

        Args:
            steps: batches of an epoch; None for one pass over the data.
            read: called with what would be a batch, `(x, y)` and so on; returns the batch with its inputs prepared, and weighted.
        """


def _stream(x: Tree, shuffle: bool | str, steps: int | None, read: BatchReader) -> Source:
    kind = type(x).__name__
    if any(f"{c.__module__}.{c.__name__}".startswith("torch.utils.data.dataset.") for c in type(x).__mro__):
        raise ValueError(f"{kind} gives single samples, not batches. Write torch.utils.data.DataLoader(dataset, batch_size=32).")
    indexed = hasattr(x, "__getitem__") and (hasattr(x, "num_batches") or hasattr(x, "__len__"))
    if isinstance(x, (list, tuple, Mapping)) or not (indexed or hasattr(x, "__iter__")):
        raise ValueError(
            f"Received x={describe(x)} of type {kind}. Expected arrays, lists of numbers, a generator, an iterable of batches, "
            "or an object with `__getitem__` and `__len__` that gives batches."
        )
    source: Source
    if isinstance(x, HasSource) and not (is_endless(x) and steps is None):
        return x.__jkeras_source__(steps, read)
    if indexed:
        source = IndexedSource(x, shuffle=shuffle, steps=steps, read=read)
    else:
        source = IterableSource(x, steps=steps, read=read)
    endless = source.total_batches is None if isinstance(source, IndexedSource) else is_endless(x)
    if endless and steps is None:
        raise ValueError(
            f"{kind} never ends, so an epoch has no length. Say how many batches: `steps_per_epoch=...` or `steps=...`."
        )
    return source


def _refuse(x: Tree, **given: object) -> None:
    """Refuse arguments that only arrays take."""
    words = {
        "y": "Let it yield the targets: (x, y).",
        "sample_weight": "Let it yield the weights: (x, y, sample_weight).",
    }
    for name, value in given.items():
        if value is not None:
            raise ValueError(f"`{name}` must not be passed with x={describe(x)} of type {type(x).__name__}. {words[name]}")


def _check_count(name: str, value: Any) -> None:
    whole = value is None or (not isinstance(value, bool) and hasattr(value, "__index__"))
    if not whole or (value is not None and value < 1):
        raise ValueError(f"`{name}` must be a positive whole number. Received {value!r}.")
