"""`tf.distribute`: the default strategy, with one replica, which is how jkeras trains: on JAX's first device."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

__all__ = ["Strategy", "get_strategy", "has_strategy"]


class Strategy:
    """One replica.

    Example:
        >>> with Strategy().scope() as strategy:
        ...     strategy.num_replicas_in_sync
        1
    """

    num_replicas_in_sync = 1

    @contextlib.contextmanager
    def scope(self) -> Iterator[Strategy]:
        """A block in which this is the strategy; there is no other."""
        yield self


_DEFAULT = Strategy()


def get_strategy() -> Strategy:
    """The default strategy."""
    return _DEFAULT


def has_strategy() -> bool:
    """Whether another strategy than the default is in use: never."""
    return False
