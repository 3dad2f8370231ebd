"""`tf.random`: the seed, and random arrays."""

from __future__ import annotations

from typing import Any

from jax.typing import DTypeLike

from jkeras import random
from jkeras._base.types import Tree
from jkeras.utils import set_random_seed

__all__ = [
    "normal",
    "random_normal",
    "random_uniform",
    "set_seed",
    "shuffle",
    "random_shuffle",
    "truncated_normal",
    "uniform",
    "categorical",
]


def set_seed(seed: int) -> None:
    """Seed everything, Python's and NumPy's numbers too, so that a run is reproducible."""
    set_random_seed(seed)


def normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: DTypeLike | None = None, seed: Any = None, name: Any = None
) -> Any:
    """Normal numbers. The argument `name`, here and in all functions below, is for graphs.

    Example:
        >>> normal((2, 3)).shape
        (2, 3)
    """
    return random.normal(_shape(shape), mean, stddev, dtype, seed)


def uniform(
    shape: Any, minval: Any = 0, maxval: Any = None, dtype: DTypeLike | None = None, seed: Any = None, name: Any = None
) -> Any:
    """Numbers between `minval` and `maxval`, by default 1; integers if the dtype says so."""
    return random.uniform(_shape(shape), minval, 1 if maxval is None else maxval, dtype, seed)


def truncated_normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: DTypeLike | None = None, seed: Any = None, name: Any = None
) -> Any:
    """Normal numbers within two standard deviations."""
    return random.truncated_normal(_shape(shape), mean, stddev, dtype, seed)


def shuffle(value: Any, seed: Any = None, name: Any = None) -> Any:
    """The rows in another order."""
    return random.shuffle(value, seed=seed)


def categorical(logits: Tree, num_samples: int, dtype: DTypeLike | None = "int32", seed: Any = None, name: Any = None) -> Any:
    """Draws of classes, `(batch, num_samples)`."""
    return random.categorical(logits, num_samples, dtype, seed)


random_normal, random_uniform, random_shuffle = normal, uniform, shuffle


def _shape(shape: Any) -> tuple[int, ...]:
    return tuple(int(n) for n in shape)
