"""`tf.random`: the seed, and random arrays."""

from __future__ import annotations

from collections.abc import Iterable
from typing import SupportsInt

import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from jkeras import random, utils
from jkeras._base.dtypes import standardize_dtype
from jkeras._base.types import Array, Tree
from jkeras.compat.standin.image import random_changes
from jkeras.ops.wrapper import Tensor
from jkeras.state.random import draw_key
from jkeras.state.scope import current


def set_seed(seed: int) -> None:
    """Seed everything, Python's and NumPy's numbers too, so that a run is reproducible."""
    utils.set_random_seed(seed)


def normal(
    shape: Iterable[SupportsInt],
    mean: Tree = 0.0,
    stddev: Tree = 1.0,
    dtype: DTypeLike | None = None,
    seed: int | None = None,
    name: object = None,
) -> Tensor:
    """Normal numbers. The argument `name`, here and in all functions below, is for graphs.

    Example:
        >>> normal((2, 3)).shape
        (2, 3)
    """
    return random.normal(_shape(shape), mean, stddev, dtype, _seed(seed))


def uniform(
    shape: Iterable[SupportsInt],
    minval: Tree = 0,
    maxval: Tree = None,
    dtype: DTypeLike | None = None,
    seed: int | None = None,
    name: object = None,
) -> Tensor:
    """Numbers between `minval` and `maxval`, by default 1; integers if the dtype says so."""
    return _between(shape, minval, maxval, dtype, _seed(seed))


def truncated_normal(
    shape: Iterable[SupportsInt],
    mean: Tree = 0.0,
    stddev: Tree = 1.0,
    dtype: DTypeLike | None = None,
    seed: int | None = None,
    name: object = None,
) -> Tensor:
    """Normal numbers within two standard deviations."""
    return random.truncated_normal(_shape(shape), mean, stddev, dtype, _seed(seed))


def shuffle(value: Tree, seed: int | None = None, name: object = None) -> Tensor:
    """The rows in another order."""
    return random.shuffle(value, seed=_seed(seed))


def categorical(
    logits: Tree, num_samples: int, dtype: DTypeLike | None = "int32", seed: int | None = None, name: object = None
) -> Tensor:
    """Draws of classes, `(batch, num_samples)`."""
    return random.categorical(logits, num_samples, dtype, _seed(seed))


def gamma(
    shape: Iterable[SupportsInt],
    alpha: Tree,
    beta: Tree = None,
    dtype: DTypeLike = "float32",
    seed: int | None = None,
    name: object = None,
) -> Tensor:
    """Draws of gamma distributions with shape parameters `alpha` and rates `beta`, by default 1: `shape` draws of each.

    Example:
        >>> gamma((5,), [0.5, 1.5]).shape
        (5, 2)
    """
    kinds = np.broadcast_shapes(np.shape(alpha), () if beta is None else np.shape(beta))
    drawn = random.gamma((*_shape(shape), *kinds), jnp.asarray(alpha, dtype), dtype, _seed(seed))
    return drawn if beta is None else drawn / jnp.asarray(beta, dtype)


def stateless_uniform(
    shape: Iterable[SupportsInt],
    seed: Tree,
    minval: Tree = 0,
    maxval: Tree = None,
    dtype: DTypeLike | None = None,
    name: object = None,
    alg: object = None,
) -> Tensor:
    """The same from a seed of two integers alone; not TensorFlow's numbers."""
    return _between(shape, minval, maxval, dtype, random_changes.stateless_key(seed))


def stateless_normal(
    shape: Iterable[SupportsInt],
    seed: Tree,
    mean: Tree = 0.0,
    stddev: Tree = 1.0,
    dtype: DTypeLike | None = None,
    name: object = None,
    alg: object = None,
) -> Tensor:
    """The same from a seed of two integers alone; not TensorFlow's numbers."""
    return random.normal(_shape(shape), mean, stddev, dtype, random_changes.stateless_key(seed))


random_normal, random_uniform, random_shuffle = normal, uniform, shuffle


class _Draws:
    """Stands for draws with a seed in keys and in errors."""

    name = "tf.random"


_DRAWS = _Draws()


def _between(shape: Iterable[SupportsInt], low: Tree, high: Tree, dtype: DTypeLike | None, seed: int | Array | None) -> Tensor:
    draw = random.randint if jnp.issubdtype(standardize_dtype(dtype), jnp.integer) else random.uniform
    return draw(_shape(shape), low, 1 if high is None else high, dtype, seed)


def _seed(seed: int | None) -> int | Array | None:
    """The seed of a draw; inside `Dataset.map` a seed gives other numbers for each element."""
    return seed if seed is None or current().rng is None else draw_key(_DRAWS, int(seed))


def _shape(shape: Iterable[SupportsInt]) -> tuple[int, ...]:
    return tuple(int(n) for n in shape)
