"""The factors of random image layers: what a number or a pair stands for, and draws from the range.

Keras writes how strong a change is as `factor=0.2` or `factor=(0.1, 0.3)`. A pair is a range; a number stands for a range too, on
both sides of 0 or from 0 upwards. A factor may also be a probability, itself drawn from its range.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax

from jkeras._base.types import Array, DTypeLike
from jkeras.layer.base import Layer

Factor = float | Sequence[float]
Range = tuple[float, float]


def both_sides(layer: Layer, name: str, factor: Factor) -> Range:
    """The range that a factor stands for: `(-f, f)` for a number, the sorted pair for a pair; all within [-1, 1]."""
    pair = (-abs(factor), abs(factor)) if isinstance(factor, (int, float)) else checked_pair(layer, name, factor)
    return _bounded(layer, name, factor, pair, -1.0, 1.0)


def upwards(layer: Layer, name: str, factor: Factor, least: float = 0.0, start: float = 0.0, most: float = 1.0) -> Range:
    """The range of a share: `(start, f)` for a number, the sorted pair for a pair; all from `least` to `most`."""
    pair = (start, factor) if isinstance(factor, (int, float)) else checked_pair(layer, name, factor)
    return _bounded(layer, name, factor, pair, least, most)


def checked_pair(layer: Layer, name: str, value: object) -> Range:
    """Two numbers, the smaller first.

    Raises:
        ValueError: for anything else.
    """
    if not isinstance(value, (tuple, list)) or len(value) != 2 or not all(isinstance(v, (int, float)) for v in value):
        raise ValueError(f"{type(layer).__name__} takes a pair of numbers as {name}. Received: {name}={value!r}.")
    lower, upper = sorted(value)
    return lower, upper


def _bounded(layer: Layer, name: str, factor: Factor, pair: Sequence[float], least: float, most: float) -> Range:
    if pair[0] < least or pair[1] > most or pair[0] > pair[1]:
        raise ValueError(
            f"{type(layer).__name__} takes a number from {least:g} to {most:g}, or a pair of them, as {name}. "
            f"Received: {name}={factor!r}."
        )
    return pair[0], pair[1]


def uniform(rng: Array, shape: Sequence[int], within: Range, dtype: DTypeLike | None = None) -> Array:
    """Numbers that are equally likely everywhere in a range."""
    return jax.random.uniform(rng, tuple(shape), dtype or "float32", *within)


def chosen(rng: Array, batch: int, probability: Range) -> Array:
    """Whether something happens to each image, with a probability of its own from the range."""
    mine, threshold = jax.random.uniform(rng, (2, batch))
    return threshold < probability[0] + mine * (probability[1] - probability[0])
