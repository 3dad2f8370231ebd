"""`SeedGenerator`: a source of keys with a seed of its own; and the key of anything that functions take as a seed."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras._base.errors import UnexpectedArgumentError, describe, unexpected_arguments
from jkeras._base.registry import export
from jkeras._base.types import Config
from jkeras.state.random import draw_key, follow_generators, next_seed, scope_key, taking_nothing
from jkeras.state.scope import Scope, current
from jkeras.state.variable import Variable


@export("keras.random.SeedGenerator")
class SeedGenerator:
    """A source of keys for layers that draw random numbers.

    In eager code each `next()` counts up from the seed; inside a pure call it derives from the call's key, so a compiled program
    draws new numbers at each step. Code in Keras' form, which hands `state` through a `StatelessScope`, counts in that.

    Args:
        seed: an integer, or None for one from the global stream.
        name: for error messages.
        kwargs: none.

    Raises:
        UnexpectedArgumentError: any other argument; a TypeError and a ValueError.

    Example:
        >>> generator = SeedGenerator(seed=1)
        >>> bool((jax.random.key_data(generator.next()) != jax.random.key_data(generator.next())).any())
        True
    """

    def __init__(self, seed: int | None = None, name: str | None = None, **kwargs: object):
        if kwargs:
            raise UnexpectedArgumentError(str(unexpected_arguments("SeedGenerator", kwargs, ("seed", "name"))))
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0):
            raise ValueError(f"SeedGenerator takes a non-negative integer or None as seed. Received: {seed!r}.")
        if seed is None:
            follow_generators()
        self.seed = next_seed() if seed is None else int(seed)
        self.name = name or "seed_generator"
        self._taken = 0
        self._state: Variable | None = None

    @property
    def state(self) -> Variable:
        """The seed, and how many keys were taken, as a Variable of two integers.

        Code that gives it a value in a `StatelessScope` takes the keys from there, and finds the new count there too.

        Example:
            >>> from jkeras import StatelessScope
            >>> generator = SeedGenerator(seed=1)
            >>> with StatelessScope([(generator.state, np.array([1, 5]))]) as scope:
            ...     _ = generator.next()
            >>> scope.get_current_value(generator.state).tolist(), generator.state.value.tolist()
            ([1, 6], [1, 0])
        """
        if self._state is None:
            with taking_nothing():
                value = np.array([self.seed & 0xFFFFFFFF, self._taken], np.uint32)
                self._state = Variable(value, trainable=False, autocast=False, name="seed_generator_state")
                self._state.path = f"{self.name}/seed_generator_state"
        return self._state

    def next(self, ordered: bool = True) -> jax.Array:
        """A new key. `ordered` is Keras' argument: draws are always ordered here."""
        scope = current()
        given = self._state is not None and _is_given(self._state)
        if not given and (scope.rng is not None or scope.functional):
            return jax.random.fold_in(scope_key(scope, self), self.seed)
        if self._state is not None:
            seed, taken = self._state.array
            self._state.assign(self._state.array.at[1].add(1))
            return jax.random.fold_in(jax.random.key(seed), taken + 1)
        self._taken += 1
        return jax.random.fold_in(jax.random.key(self.seed), self._taken)

    def get_config(self) -> dict[str, int | str]:
        """The seed and the name."""
        return {"seed": self.seed, "name": self.name}

    @classmethod
    def from_config(cls, config: Config) -> SeedGenerator:
        """A generator with this seed, at its start."""
        return cls(**config)


def _is_given(variable: Variable) -> bool:
    """Whether the code around has a value of its own for a variable."""
    scope: Scope | None = current()
    while scope is not None and (scope.values is None or id(variable) not in scope.values):
        scope = scope.parent
    return scope is not None


class _Draw:
    """Stands for draws outside of any layer, in keys and in error texts."""

    name = "jkeras.random"


_NO_LAYER = _Draw()


def key_of(seed: Any) -> jax.Array:
    """The key that a seed stands for; `jkeras/random.py` has the table.

    Raises:
        ValueError: it is no integer, `SeedGenerator`, key or None.
    """
    if seed is None:
        layer = current().layer
        return draw_key(_NO_LAYER if layer is None else layer)
    if isinstance(seed, SeedGenerator):
        return seed.next()
    if isinstance(seed, jax.Array):
        return seed
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        raise ValueError(f"seed is an integer, a SeedGenerator, a JAX key or None. Received: {describe(seed)}.")
    # Keras puts the seed into the first word of the key, `jax.random.key` into the second.
    words = np.array([int(seed) & 0xFFFFFFFF, 0], np.uint32)
    return jax.random.wrap_key_data(jnp.asarray(words), impl="threefry2x32")
