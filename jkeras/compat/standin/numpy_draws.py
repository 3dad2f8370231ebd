"""`tf.experimental.numpy.random`: random arrays by NumPy's old names, from the same stream as `tf.random`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jax.typing import DTypeLike

from jkeras.compat.standin import randomness

__all__ = ["rand", "randint", "randn", "random", "seed", "standard_normal", "uniform"]

_Size = int | Sequence[int] | None


def seed(s: int) -> None:
    """Seed everything, as `tf.random.set_seed` does."""
    randomness.set_seed(s)


def randn(*args: int) -> Any:
    """Normal numbers of a shape."""
    return randomness.normal(args)


def standard_normal(size: _Size = None) -> Any:
    """Normal numbers."""
    return randomness.normal(_shape(size))


def rand(*size: int) -> Any:
    """Numbers in [0, 1) of a shape.

    Example:
        >>> rand(2, 3).shape, randint(5, size=(4,)).shape, standard_normal().shape
        ((2, 3), (4,), ())
    """
    return randomness.uniform(size)


def random(size: _Size = None) -> Any:
    """Numbers in [0, 1)."""
    return randomness.uniform(_shape(size))


def uniform(low: float = 0.0, high: float = 1.0, size: _Size = None) -> Any:
    """Numbers in [low, high)."""
    return randomness.uniform(_shape(size), low, high)


def randint(low: int, high: int | None = None, size: _Size = None, dtype: DTypeLike = "int32") -> Any:
    """Integers in [low, high), or in [0, low)."""
    lowest, above = (0, low) if high is None else (low, high)
    return randomness.uniform(_shape(size), lowest, above, dtype)


def _shape(size: _Size) -> Sequence[int]:
    return () if size is None else (size,) if isinstance(size, int) else size
