"""Randomness: one global stream for what happens outside compiled programs, one key per step inside.

Outside: initial values, the seed of a `fit` and an eager dropout draw come from a counter-based stream, which `set_random_seed`
restarts. Until you call it, the stream restarts from Python's `random` whenever you make something that will draw (a weight, a
Dropout layer, a SeedGenerator), and NumPy's global generator decides the order of data in `fit`. So `random.seed` and
`np.random.seed` do what they do in Keras.

Inside a functional scope, or another that has a key, every draw is `fold_in(fold_in(scope key, layer position), call index)`. So
a result depends neither on what ran before it nor on how many steps a program holds.
"""

from __future__ import annotations

import contextlib
import random as python_random
import secrets
from collections.abc import Iterator

import jax
import numpy as np

from jkeras._base.types import Tree
from jkeras.state.scope import Scope, current, is_traced

_NO_KEY = """{who} needs random numbers, but no key was given to this pure call. Write

    y, state = model.apply(params, state, x, training=True, rng=jax.random.key(0))
"""


_SAME_EACH_TIME = """{who} draws random numbers in a function that JAX traces, without a key: every run of the compiled function
would draw the same ones. Hand a key in, to a model or to a function,

    jax.jit(lambda params, state, x, key: model.apply(params, state, x, training=True, rng=key))
    jax.jit(lambda key: random.normal((2, 3), seed=key))
"""


class Outside:
    """Stands in for a layer in code that belongs to none, and counts the draws of one seed."""

    name = "code outside of layers"


class _Stream:
    """A stream of keys.

    Attributes:
        seed: what it started from.
        taken: how many keys it has given.
        python: the state in which `set_random_seed` left Python's `random`; None where the stream follows the global generators.
        outside: by seeds of draws outside of layers, which count up whatever else is drawn.
    """

    def __init__(self) -> None:
        self.seed = secrets.randbits(31)
        self.taken = 0
        self.python: tuple[Tree, ...] | None = None
        self.outside: dict[int | None, Outside] = {}


_NOTHING_TAKEN = 624  # the last number of the state of a generator that was just seeded
_stream = _Stream()


def set_random_seed(seed: int) -> None:
    """Seed Python's `random`, numpy and jkeras: weights, shuffling, dropout.

    Args:
        seed: a non-negative integer below 2**32.

    Raises:
        ValueError: for anything else.
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**32:
        raise ValueError(f"A seed is an integer from 0 to 2**32 - 1. Received: {seed!r}.")
    python_random.seed(int(seed))
    np.random.seed(int(seed))
    _stream.seed, _stream.taken = int(seed), 0
    _stream.python = python_random.getstate()


def stream_position() -> tuple[int, int]:
    """The seed of the global stream, and how many keys it has given."""
    return _stream.seed, _stream.taken


def next_numbers() -> tuple[int, int]:
    """The seed of the global stream, and a new integer at each call: how many keys it has given, this one included."""
    _stream.taken += 1
    return stream_position()


def continue_stream(seed: int, taken: int) -> None:
    """Let the global stream continue where another one stopped.

    Args:
        seed: of the other stream.
        taken: how many keys it had given.
    """
    _stream.seed, _stream.taken = int(seed), int(taken)


@contextlib.contextmanager
def taking_nothing() -> Iterator[None]:
    """What is made here takes no key of the global stream, so that looking at an object changes no later draw."""
    taken = _stream.taken
    try:
        yield
    finally:
        _stream.taken = taken


def follow_generators() -> None:
    """Restart the stream from Python's `random`, for something that will draw.

    After `set_random_seed` it stays as it is, unless `random` was seeded since.
    """
    if _stream.python is not None:
        state = python_random.getstate()
        if state[1][-1] != _NOTHING_TAKEN or state == _stream.python:
            return
        _stream.python = None
    _stream.seed, _stream.taken = python_random.getrandbits(31), 0


def order_seed(own: int) -> int:
    """The seed of the order of data in a training run: NumPy's where the stream follows the global generators, else `own`."""
    return own if _stream.python is not None else int(np.random.randint(2**31))


def next_key() -> jax.Array:
    """The next key of the global stream."""
    seed, number = next_numbers()
    return jax.random.fold_in(jax.random.key(seed), number)


def next_key_numbers() -> np.ndarray:
    """The `(seed, number)` of the next key of the global stream, for a compiled program that makes the key itself."""
    return np.array(next_numbers(), np.uint32)


def next_seed() -> int:
    """The next 31-bit integer of the global stream: the same after the same `set_random_seed`, or `random.seed`."""
    return int(np.random.SeedSequence(next_numbers()).generate_state(1)[0] >> 1)


def drawing_owner(seed: int | None = None) -> object:
    """The running layer, or what stands in for it where none runs."""
    layer = current().layer
    return _stream.outside.setdefault(seed, Outside()) if layer is None else layer


def draw_key(owner: object, seed: int | None = None) -> jax.Array:
    """The key for one draw by a layer or seed generator, by the rule in this file's docstring.

    In eager code a layer with its own seed counts up from that seed, whatever else is drawn.

    Raises:
        ValueError: inside a pure call that was given no key.
    """
    scope = current()
    if seed is not None and scope.rng is None and not scope.functional:
        drawn = owner.__dict__.get("_draws", 0)
        owner.__dict__["_draws"] = drawn + 1
        return jax.random.fold_in(jax.random.key(seed), drawn)
    key = scope_key(scope, owner)
    return key if seed is None else jax.random.fold_in(key, seed)


def scope_key(scope: Scope, owner: object) -> jax.Array:
    """The key for one draw in a scope, by the same rule; the next one of the stream outside of pure calls."""
    if scope.rng is None and not scope.functional:
        key = next_key()
        if is_traced(key):
            raise ValueError(_SAME_EACH_TIME.format(who=f"{type(owner).__name__} {getattr(owner, 'name', '')!r}"))
        return key
    if scope.abstract and scope.rng is None:
        return jax.random.key(0)
    if scope.rng is None:
        raise ValueError(_NO_KEY.format(who=f"{type(owner).__name__} {getattr(owner, 'name', '')!r}"))
    index = scope.counts.get(id(owner), 0)
    scope.counts[id(owner)] = index + 1
    position = scope.positions.get(id(owner), 0)
    # On its own, the compiled function takes a fraction of the time of two calls of JAX. A program needs no program within it.
    fold = _fold_twice if is_traced(scope.rng) else _folded_twice
    return fold(scope.rng, position, index)


def _fold_twice(key: jax.Array, position: int, index: int) -> jax.Array:
    return jax.random.fold_in(jax.random.fold_in(key, position), index)


_folded_twice = jax.jit(_fold_twice)


class PositionsByUse(dict[int, int]):
    """Positions for draws in code that belongs to no model: each layer gets the next number when it first draws."""

    def get(self, key: int, default: object = None) -> int:  # type: ignore[override]
        """The number of a layer."""
        return self.setdefault(key, len(self) + 1)
