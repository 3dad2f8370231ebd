"""Initial values: described when a weight is made, drawn together when first needed.

A variable holds an `InitialValue` until somebody asks for its array. `draw_together` makes the values of many variables in one
compiled program, which is kept under their descriptions, so the second model of an architecture compiles nothing.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import inspect
import math
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Sharding
from jax.typing import ArrayLike, DTypeLike

from jkeras._base.compiling import compiled_quickly
from jkeras._base.types import Tree

_SMALL = 4 << 20  # elements of a kind that a badly compiled program draws in the time that compiling it well would take


@dataclasses.dataclass(frozen=True)
class InitialValue:
    """How to make a weight's first value.

    Args:
        make: `(shape, dtype[, key]) -> array`, an initializer.
        shape: of the weight.
        dtype: of the weight.
        token: equal tokens, shapes and dtypes mean equal programs.
    """

    make: Callable[..., Tree] = dataclasses.field(compare=False)
    shape: tuple[int, ...]
    dtype: str
    token: str | int

    def draw(self, key: jax.Array | None) -> jax.Array:
        """The value for a key, of a checked shape."""
        if accepts_key(self.make):
            value = self.make(self.shape, dtype=self.dtype, key=key)
        else:
            value = self.make(self.shape, dtype=self.dtype)
        value = jnp.asarray(value, self.dtype)
        if value.shape != self.shape:
            raise ValueError(f"The initializer {self.make!r} gave shape {value.shape} for a weight of shape {self.shape}.")
        return value


def argument_names(function: Callable[..., Tree]) -> tuple[str, ...]:
    """The names of a function's arguments; none where it has no signature, like some functions written in C."""
    try:
        return tuple(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return ()


def accepts_key(make: Callable[..., Tree]) -> bool:
    """Whether an initializer takes the PRNG key as `key=`; Keras' own protocol has no such argument."""
    return "key" in argument_names(make)


def numbered_keys(seeds: jax.Array | np.ndarray, numbers: jax.Array | np.ndarray) -> jax.Array:
    """One key for each seed and number: key `number` of the stream that the seed starts."""
    return jax.vmap(lambda seed, number: jax.random.fold_in(jax.random.key(seed), number))(seeds, numbers)


@functools.lru_cache(maxsize=256)
def _program(initials: tuple[InitialValue, ...], shardings: tuple[Sharding, ...] | None = None) -> Callable[..., list[jax.Array]]:
    def draw_all(keys: Tree) -> list[jax.Array]:
        keys = numbered_keys(*keys) if isinstance(keys, tuple) else keys
        values: dict[int, jax.Array] = {}
        for initial, places in alike.items():
            if len(places) == 1 or math.prod(initial.shape) > _SMALL:
                values.update((i, initial.draw(keys[i])) for i in places)
            else:
                values.update(zip(places, jax.vmap(initial.draw)(keys[np.array(places)])))
        return [values[i] for i in range(len(initials))]

    # A random draw makes a long program, so those of a kind are made by one piece of it.
    alike: dict[InitialValue, list[int]] = {}
    for i, initial in enumerate(initials):
        alike.setdefault(initial, []).append(i)
    if shardings is not None:
        return jax.jit(draw_all, out_shardings=list(shardings))
    quick = sum(math.prod(initial.shape) for initial in initials) <= _SMALL * len(alike)
    return compiled_quickly(draw_all) if quick else jax.jit(draw_all)


def draw_together(initials: Sequence[InitialValue], keys: Tree, shardings: Sequence[Sharding] | None = None) -> list[jax.Array]:
    """All values in one compiled call.

    An initializer that takes no key has its own source of numbers; compiled, it would give the same ones forever. It is drawn by
    itself, and so is one that JAX cannot trace because it uses numpy.

    Args:
        initials: descriptions of n weights.
        keys: n keys, or the `(seeds, numbers)` of `numbered_keys`, which then makes them in the program.
        shardings: where the values shall lie, as far as one program draws them; None for the default device.
    """
    together = np.array([i for i, initial in enumerate(initials) if accepts_key(initial.make)], int)
    values: list[jax.Array | None] = [None] * len(initials)
    if len(together):
        with contextlib.suppress(jax.errors.TracerArrayConversionError, jax.errors.ConcretizationTypeError):
            chosen = jax.tree.map(lambda a: a if len(together) == len(initials) else a[together], keys)
            places = None if shardings is None else tuple(shardings[i] for i in together)
            for i, value in zip(together, _program(tuple(initials[i] for i in together), places)(chosen)):
                values[i] = value
    missing = [i for i, value in enumerate(values) if value is None]
    if missing and isinstance(keys, tuple):
        keys = numbered_keys(*keys) if any(accepts_key(initials[i].make) for i in missing) else [None] * len(initials)
    for i in missing:
        values[i] = initials[i].draw(keys[i])
    return [value for value in values if value is not None]


@dataclasses.dataclass(frozen=True, eq=False)
class _Constant:
    array: np.ndarray

    def __call__(self, shape: tuple[int, ...], dtype: DTypeLike | None = None) -> jax.Array:
        return jnp.asarray(self.array, dtype)


def constant(value: ArrayLike, dtype: str) -> InitialValue:
    """A description whose value is the given array."""
    make = _Constant(np.asarray(value))
    return InitialValue(make, make.array.shape, dtype, id(make))
