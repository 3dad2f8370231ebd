"""`tf.distribute`: strategies, all of which run on one device here, as one replica."""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax

from jkeras import ops
from jkeras._base.types import Tree
from jkeras.compat.standin import defaults

__all__ = [
    "MirroredStrategy", "MultiWorkerMirroredStrategy", "OneDeviceStrategy", "ReduceOp", "Strategy", "get_replica_context",
    "get_strategy", "has_strategy", "in_cross_replica_context",
]  # fmt: skip


class ReduceOp(enum.Enum):
    """How the results of replicas become one."""

    SUM = "SUM"
    MEAN = "MEAN"


class Strategy:
    """One replica on JAX's default device; `scope()` is a plain block.

    Args:
        devices: must be one device or None.

    Raises:
        ValueError: several devices.

    Example:
        >>> strategy = Strategy()
        >>> with strategy.scope():
        ...     strategy.num_replicas_in_sync
        1
    """

    num_replicas_in_sync = 1

    def __init__(self, devices: Sequence[str] | str | None = None, cross_device_ops: object = None, **options: object):
        if devices is not None and not isinstance(devices, str) and len(devices) > 1:
            raise ValueError(
                f"A strategy runs on one device here. Received: {list(devices)}. For several write keras.distribution, or JAX's "
                "sharding around model.apply."
            )

    @contextlib.contextmanager
    def scope(self) -> Iterator[Strategy]:
        """A block in which models are made."""
        with defaults.within(strategies=(*defaults.current().strategies, self)):
            yield self

    def run(
        self, fn: Callable[..., Tree], args: Sequence[Tree] = (), kwargs: dict[str, Tree] | None = None, options: object = None
    ) -> Tree:
        """The function's result."""
        return fn(*args, **(kwargs or {}))

    experimental_run_v2 = run

    def reduce(self, reduce_op: ReduceOp | str, value: Tree, axis: int | None = None) -> Tree:
        """The value, summed or averaged along an axis, if one is given."""
        if axis is None:
            return value
        op = ops.sum if "SUM" in str(reduce_op).upper() else ops.mean
        return jax.tree.map(lambda leaf: op(leaf, axis=axis), value)

    def experimental_distribute_dataset(self, dataset: Any, options: object = None) -> Any:
        """The data set."""
        return dataset

    def distribute_datasets_from_function(self, dataset_fn: Callable[[Any], Any], options: object = None) -> Any:
        """What the function gives for the only replica."""
        return dataset_fn(InputContext())

    experimental_distribute_datasets_from_function = distribute_datasets_from_function

    def experimental_local_results(self, value: Tree) -> tuple[Tree]:
        """The result of the only replica."""
        return (value,)

    def gather(self, value: Tree, axis: int) -> Tree:
        """The value."""
        return value


class MirroredStrategy(Strategy):
    """A strategy; see `Strategy`."""


class OneDeviceStrategy(Strategy):
    """A strategy; see `Strategy`."""

    def __init__(self, device: str | None = None):
        super().__init__(device)


class MultiWorkerMirroredStrategy(Strategy):
    """A strategy; see `Strategy`."""


class InputContext:
    """Which part of the data a replica reads: all of it."""

    num_input_pipelines = num_replicas_in_sync = 1
    input_pipeline_id = 0

    def get_per_replica_batch_size(self, global_batch_size: int) -> int:
        """The batch size."""
        return global_batch_size


class ReplicaContext:
    """The only replica."""

    num_replicas_in_sync = 1
    replica_id_in_sync_group = 0

    def all_reduce(self, reduce_op: object, value: Tree, options: object = None) -> Tree:
        """The value."""
        return value


_default = Strategy()


def get_strategy() -> Strategy:
    """The strategy of the block around, or one that does nothing."""
    found = defaults.current().strategies
    return found[-1] if found else _default


def has_strategy() -> bool:
    """Whether there is a strategy's block around."""
    return bool(defaults.current().strategies)


def get_replica_context() -> ReplicaContext:
    """The only replica."""
    return ReplicaContext()


def in_cross_replica_context() -> bool:
    """Whether there is a strategy's block around."""
    return bool(defaults.current().strategies)
