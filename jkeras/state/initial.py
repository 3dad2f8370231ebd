"""Initial values: described when a weight is made, drawn all together when first needed.

A box holds an `InitialValue` until somebody asks for its array. `draw_together` makes the values of many boxes in one compiled
program that is kept by description, so that the second model of an architecture compiles nothing.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


@dataclasses.dataclass(frozen=True)
class InitialValue:
    """How to make a weight's first value.

    Args:
        make: `(shape, dtype[, key]) -> array`, an initializer.
        shape: of the weight.
        dtype: of the weight.
        token: equal tokens, shapes and dtypes mean equal programs; None when that cannot be known.
    """

    make: Callable[..., Any] = dataclasses.field(compare=False)
    shape: tuple[int, ...]
    dtype: str
    token: str | int

    def draw(self, key: Any) -> jax.Array:
        """The value for a key, with its shape checked."""
        if accepts_key(self.make):
            value = self.make(self.shape, dtype=self.dtype, key=key)
        else:
            value = self.make(self.shape, dtype=self.dtype)
        value = jnp.asarray(value, self.dtype)
        if value.shape != self.shape:
            raise ValueError(f"The initializer {self.make!r} gave shape {value.shape} for a weight of shape {self.shape}.")
        return value


def accepts_key(make: Callable[..., Any]) -> bool:
    """Whether an initializer takes the PRNG key as `key=`; Keras' own protocol has no such argument."""
    try:
        parameters = inspect.signature(make).parameters
    except (TypeError, ValueError):
        return False
    return "key" in parameters


@functools.lru_cache(maxsize=256)
def _program(initials: tuple[InitialValue, ...]) -> Callable[..., list[jax.Array]]:
    def draw_all(keys: jax.Array) -> list[jax.Array]:
        return [initial.draw(keys[i]) for i, initial in enumerate(initials)]

    return jax.jit(draw_all)


def draw_together(initials: Sequence[InitialValue], keys: jax.Array) -> list[jax.Array]:
    """All values in one compiled call.

    An initializer that takes no key has its own source of numbers; compiled, it would give the same ones for ever. It is drawn
    by itself, and so is one that JAX cannot trace (numpy inside).

    Args:
        initials: descriptions of n weights.
        keys: n keys.
    """
    together = [i for i, initial in enumerate(initials) if accepts_key(initial.make)]
    values: list[Any] = [None] * len(initials)
    if together:
        with contextlib.suppress(jax.errors.TracerArrayConversionError, jax.errors.ConcretizationTypeError):
            drawn = _program(tuple(initials[i] for i in together))(keys[jnp.array(together)])
            for i, value in zip(together, drawn):
                values[i] = value
    return [initial.draw(keys[i]) if value is None else value for i, (initial, value) in enumerate(zip(initials, values))]


def constant(value: Any, dtype: str) -> InitialValue:
    """A description whose value is the given array."""
    array = np.asarray(value)
    return InitialValue(lambda shape, dtype=None: jnp.asarray(array, dtype), array.shape, dtype, id(array))
