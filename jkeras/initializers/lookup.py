"""What users and files write for an initializer: to the object and back; and the one way to draw from any of them.

A name, a class, a config dict, a function `f(shape, dtype)`, a function of `jax.nn.initializers` and an array, for a weight of
just its shape, all stand for an initializer. `draw` hides the differences.

>>> get("ones")((2,)).tolist(), serialize(get("he_normal"))["class_name"]
([1.0, 1.0], 'HeNormal')
>>> deserialize({"class_name": "Constant", "config": {"value": 3.0}})((1,)).tolist()
[3.0]
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from jkeras._base.dtypes import standardize_dtype
from jkeras._base.family import family
from jkeras._base.types import Array, DTypeLike
from jkeras.initializers.base import Initializer
from jkeras.initializers.constants import Constant
from jkeras.state.initial import InitialValue, argument_names


def _as_initializer(found: Any) -> Callable[..., Array] | None:
    if callable(found):
        return _shape_first(found) if not isinstance(found, Initializer) and argument_names(found)[:1] == ("key",) else found
    return Constant.exactly(found) if hasattr(found, "shape") and hasattr(found, "dtype") else None


def _shape_first(function: Callable[..., Array]) -> Callable[..., Array]:
    """A function of `jax.nn.initializers`, (key, shape, dtype), in the order of this library."""

    @functools.wraps(function)
    def initializer(shape: Sequence[int], dtype: DTypeLike | None = None, *, key: Array) -> Array:
        return function(key, tuple(shape), standardize_dtype(dtype))

    return initializer


get, serialize, deserialize = family(
    "initializers",
    "initializer",
    "a name such as 'glorot_uniform', a config dict, an array or a function of shape and dtype",
    "he_normal",
    adapt=_as_initializer,
)


def draw(initializer: object, key: Array | None, shape: Sequence[int], dtype: DTypeLike | None = None) -> Array:
    """The first value of a weight, from anything that stands for an initializer.

    Args:
        initializer: as for `get`. The key is passed to those that have a parameter of that name.
        key: a JAX PRNG key, or None.
        shape: of the weight.
        dtype: of the weight; None means `floatx()`.

    Raises:
        ValueError: an unknown initializer, or one that gave another shape.

    Example:
        >>> draw(lambda shape, dtype: [0.5, 1.5], None, (2,)).tolist()
        [0.5, 1.5]
    """
    make = get(initializer)
    if make is None:
        raise ValueError("A weight needs an initializer, received None. Give a name such as 'zeros' or 'glorot_uniform'.")
    return InitialValue(make, tuple(shape), standardize_dtype(dtype), id(make)).draw(key)
