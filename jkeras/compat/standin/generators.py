"""`tf.random.Generator`: random numbers from a state of their own. They are not TensorFlow's numbers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import SupportsInt

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from jkeras import random
from jkeras._base.types import Array, Tree
from jkeras.compat.standin import defaults
from jkeras.state.random import next_seed
from jkeras.state.variable import Variable

__all__ = ["Generator", "get_global_generator", "set_global_generator"]


class Generator:
    """A stream of random numbers, whose state is a Variable, so that compiled functions may draw from it.

    Args:
        state: two integers.
        alg: has no effect.

    Example:
        >>> one, other = Generator.from_seed(3), Generator.from_seed(3)
        >>> bool((one.normal((2,)) == other.normal((2,))).all()), bool((one.normal((2,)) == one.normal((2,))).all())
        (True, False)
    """

    def __init__(self, state: Tree = (0, 0), alg: object = None):
        self.state = Variable(jnp.asarray(state, jnp.uint32).reshape(-1)[:2], dtype="uint32", trainable=False, name="generator")

    @classmethod
    def from_seed(cls, seed: int, alg: object = None) -> Generator:
        """The stream of a seed."""
        return cls((int(seed) & 0xFFFFFFFF, 0))

    @classmethod
    def from_non_deterministic_state(cls, alg: object = None) -> Generator:
        """A stream that the global seed decides."""
        return cls((next_seed(), 0))

    def reset_from_seed(self, seed: int) -> None:
        """Begin the stream of a seed."""
        self.state.assign(jnp.array([int(seed) & 0xFFFFFFFF, 0], jnp.uint32))

    def _key(self) -> Array:
        seed, count = self.state.array
        self.state.assign(jnp.stack([seed, count + 1]))
        return jax.random.fold_in(jax.random.key(seed), count)

    def normal(
        self,
        shape: Iterable[SupportsInt],
        mean: Tree = 0.0,
        stddev: Tree = 1.0,
        dtype: DTypeLike = "float32",
        name: object = None,
    ) -> Array:
        """Normal numbers."""
        return random.normal(_shape(shape), mean, stddev, dtype, self._key())

    def truncated_normal(
        self,
        shape: Iterable[SupportsInt],
        mean: Tree = 0.0,
        stddev: Tree = 1.0,
        dtype: DTypeLike = "float32",
        name: object = None,
    ) -> Array:
        """Normal numbers within two standard deviations."""
        return random.truncated_normal(_shape(shape), mean, stddev, dtype, self._key())

    def uniform(
        self,
        shape: Iterable[SupportsInt],
        minval: Tree = 0,
        maxval: Tree = None,
        dtype: DTypeLike = "float32",
        name: object = None,
    ) -> Array:
        """Numbers between `minval` and `maxval`, by default 1; integers if the dtype says so."""
        return random.uniform(_shape(shape), minval, 1 if maxval is None else maxval, dtype, self._key())

    def make_seeds(self, count: int = 1) -> Array:
        """Seeds for `tf.random.stateless_...`, `(2, count)`."""
        return jax.random.randint(self._key(), (2, count), 0, 2**31 - 1)

    def split(self, count: int = 1) -> list[Generator]:
        """Independent streams."""
        return [Generator(seed) for seed in self.make_seeds(count).T]


def get_global_generator() -> Generator:
    """The generator that was set, or one that the global seed decides."""
    if defaults.process.generator is None:
        defaults.process.generator = Generator.from_non_deterministic_state()
    return defaults.process.generator


def set_global_generator(generator: Generator) -> None:
    """Let `get_global_generator` return this one."""
    defaults.process.generator = generator


def _shape(shape: Iterable[SupportsInt]) -> tuple[int, ...]:
    return tuple(int(n) for n in shape)
