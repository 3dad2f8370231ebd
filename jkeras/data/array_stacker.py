"""Batch stacks: what a compiled loop runs over.

A batch stack is a number of batches, one array per leaf of shape `(capacity, batch size, ...)`. Its shape depends on the shape of
a batch alone, so one program serves data of any length, and results do not depend on how a run is cut into dispatches.

| data                              | where a stack is made                                                        |
|-----------------------------------|------------------------------------------------------------------------------|
| arrays, on a CPU                  | on the host: rows are copied there faster than any compiled gather would     |
| arrays, on an accelerator         | on the device, where the arrays lie whole; only row numbers travel           |
| arrays too large for it           | on the host, copied to the device while the last stack is computed           |
| arrays, for many devices          | on the host; each device gets its rows                                       |
| streams of batches                | from a background thread, see `stream_stacker.py`                                    |
"""

from __future__ import annotations

import math
from collections.abc import Generator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jkeras._base.aligned import aligned_empty, is_aligned
from jkeras._base.config import settings
from jkeras._base.types import Array, Batch, Tree
from jkeras.data.array_source import ArraySource
from jkeras.state.placement import Placement
from jkeras.state.spread import put_rows

# Long enough to hide the cost of a dispatch, short enough for the caches and the memory.
_STACK_BYTES, _STACK_BYTES_ON_ACCELERATORS = 16 << 20, 64 << 20
_MOST_BATCHES = 1024


class BatchStack(NamedTuple):
    """Stacked batches.

    Attributes:
        data: `(x, y, sample_weight)`, each leaf `(capacity, batch size, ...)`.
        batches: how many it holds; the places behind them are empty.
        rows: rows of data in these batches; the last batch may be padded behind them.
    """

    data: Batch
    batches: int
    rows: int


def batches_per_stack(batch_bytes: int, platform: str) -> int:
    """How many batches of this size make a stack.

    Example:
        >>> batches_per_stack(64 * 32 * 32 * 3 * 4, "cpu"), batches_per_stack(40, "cpu")
        (21, 1024)
    """
    budget = _STACK_BYTES if platform == "cpu" else _STACK_BYTES_ON_ACCELERATORS
    return max(1, min(_MOST_BATCHES, budget // max(batch_bytes, 1)))


class ArrayStacker:
    """Batch stacks of arrays.

    Args:
        source: the arrays and their order.
        on_device: whether to gather on the device; None decides by platform and size.
        beside: shapes of what the program keeps beside each batch, such as its outputs.
        joins_epochs: whether to leave room for many epochs in a stack, where epochs are short.
        placement: where the rows of batches lie; None for one device.

    Example:
        >>> stacker = ArrayStacker(ArraySource(np.arange(5), batch_size=2))
        >>> [(stack.data[0][: stack.batches].tolist(), stack.rows) for stack in stacker.stacks()]
        [([[0, 1], [2, 3]], 4), ([[4]], 1)]
        >>> [(stack.data[0][: stack.batches].tolist(), stack.rows) for stack in stacker.padded_stacks()]
        [([[0, 1], [2, 3], [4, 0]], 5)]
    """

    def __init__(
        self,
        source: ArraySource,
        on_device: bool | None = None,
        beside: Tree = None,
        joins_epochs: bool = False,
        placement: Placement | None = None,
    ):
        device = default_device()
        self.source, self.batch_size, self.placement = source, source.batch_size, placement
        row = sum(math.prod(a.shape[1:]) * a.dtype.itemsize for a in jax.tree.leaves(source.arrays))
        self.capacity = batches_per_stack(row * self.batch_size + bytes_of(beside), device.platform)
        if placement is not None:
            on_device = False
        elif on_device is None:
            on_device = device.platform != "cpu" and row * source.num_samples <= resident_limit(device)
        self.on_device = on_device
        self.arrays = jax.tree.map(jax.device_put if on_device else np.asarray, source.arrays)
        self.joins_epochs = joins_epochs and self.epochs_per_stack > 1

    @property
    def epochs_per_stack(self) -> int:
        """How many whole epochs fit into a stack; 0 where an epoch is cut short or has batches of two shapes."""
        rows, size = self.source.num_samples, self.batch_size
        whole = self.source.steps is None and (rows <= size or rows % size == 0)
        return self.capacity // self.source.total_batches if whole else 0

    def epochs(self, first: int, count: int, seed: int) -> Batch:
        """The data of a stack that holds whole epochs, one after the other.

        Args:
            first: number of the first one.
            count: how many, `epochs_per_stack` at most.
            seed: of their order.
        """
        order = np.concatenate([self.source.order(epoch, seed) for epoch in range(first, first + count)])
        return self._take(order, self.capacity, min(self.batch_size, self.source.num_samples))

    def stacks(self, epoch: int = 0, seed: int = 0, start: int = 0) -> Generator[BatchStack]:
        """The stacks of an epoch from batch `start` on; leftover rows are a last stack of one shorter batch."""
        order, size = self.source.order(epoch, seed), self.batch_size
        full = len(order) // size
        with self.source.reading():
            for at in range(start, full, self.capacity):
                count = min(self.capacity, full - at)
                yield BatchStack(self._take(order[at * size : (at + count) * size], self.capacity, size), count, count * size)
            rest = len(order) - full * size
            if rest and start <= full:
                capacity = self.capacity if self.joins_epochs and not full else 1
                yield BatchStack(self._take(order[full * size :], capacity, rest), 1, rest)

    def padded_stacks(self) -> Generator[BatchStack]:
        """The stacks of one pass in which every batch is full: a row is repeated behind the last one."""
        size, order = self.batch_size, self.source.order()
        for at in range(0, len(order), size * self.capacity):
            rows = order[at : at + size * self.capacity]
            count = -(-len(rows) // size)
            padded = np.append(rows, rows[:1].repeat(count * size - len(rows)))
            yield BatchStack(self._take(padded, self.capacity, size), count, len(rows))

    def _take(self, rows: np.ndarray, capacity: int, size: int) -> Batch:
        if self.on_device:
            numbers = np.zeros(capacity * size, np.int32)
            numbers[: len(rows)] = rows
            return _gather(self.arrays, numbers.reshape(capacity, size))
        whole = len(rows) == capacity * size and not self.source.shuffle and int(rows[-1]) - int(rows[0]) == len(rows) - 1

        def take(array: np.ndarray) -> np.ndarray:
            if whole:  # rows in sequence are a view, with nothing copied
                view = array[int(rows[0]) : int(rows[-1]) + 1].reshape(capacity, size, *array.shape[1:])
                if is_aligned(view):
                    return view
            stack = aligned_empty((capacity * size, *array.shape[1:]), array.dtype)
            np.take(array, rows, axis=0, out=stack[: len(rows)], mode="clip")
            return stack.reshape(capacity, size, *array.shape[1:])

        if self.placement is not None:
            return self._deal_out(rows, capacity, size, self.placement)
        return to_device(jax.tree.map(take, self.arrays))

    def _deal_out(self, rows: np.ndarray, capacity: int, size: int, placement: Placement) -> Batch:
        """A stack for many devices; each process copies the rows of its own."""
        grid = rows.reshape(-1, size)

        def deal(array: np.ndarray) -> jax.Array:
            shape = (capacity, size, *array.shape[1:])

            def take(part: slice) -> np.ndarray:
                numbers = grid[:, part]
                stack = np.empty((capacity, *numbers.shape[1:], *array.shape[1:]), array.dtype)
                np.take(array, numbers, axis=0, out=stack[: len(grid)], mode="clip")
                return stack

            return put_rows(take, shape, placement.stack_sharding(size))

        return jax.tree.map(deal, self.arrays)


def bytes_of(tree: Tree) -> int:
    """Bytes of arrays, or of shapes, together.

    Example:
        >>> bytes_of((np.zeros((2, 3), np.float32), None, jax.ShapeDtypeStruct((5,), np.int16)))
        34
    """
    return sum(math.prod(a.shape) * a.dtype.itemsize for a in jax.tree.leaves(tree))


@jax.jit
def _gather(arrays: Tree, rows: Array) -> Tree:
    return jax.tree.map(lambda a: jnp.take(a, rows, axis=0, mode="clip"), arrays)


def to_device(tree: Tree) -> Tree:
    """Start the copy to an accelerator; on a CPU a compiled program reads the host's memory itself."""
    return tree if default_device().platform == "cpu" else jax.device_put(tree)


def resident_limit(device: jax.Device) -> int:
    """Bytes of data that may stay on a device: as configured, else half of its memory."""
    if settings.resident_data_limit is not None:
        return settings.resident_data_limit
    stats = device.memory_stats() or {}
    return int(stats.get("bytes_limit", 8 << 30)) // 2


def default_device() -> jax.Device:
    """Where programs run: the device, or the first one of the platform, that `jax.default_device` names, else JAX's first."""
    chosen: Any = jax.config.jax_default_device  # type: ignore[attr-defined]
    return jax.local_devices(backend=chosen)[0] if chosen is None or isinstance(chosen, str) else chosen
