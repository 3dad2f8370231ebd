"""From what users and files write for an initializer to the object, and back; and the one way to draw from any of them.

A name, a class, a config dict, a function `f(shape, dtype)`, a function of `jax.nn.initializers` and an array all stand for an
initializer. `draw` hides their differences from whoever makes weights.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax

from jkeras._base import configurable
from jkeras._base.configurable import resolve
from jkeras._base.dtypes import standardize_dtype
from jkeras._base.errors import describe
from jkeras.initializers.base import Initializer
from jkeras.initializers.constants import Constant
from jkeras.state.initial import InitialValue


def get(identifier: Any) -> Any:
    """The initializer that an identifier stands for.

    Args:
        identifier: None (gives None), a name such as `"he_normal"`, a class, a config dict, a callable, or an array, which fits
            weights of just its shape.

    Raises:
        ValueError: an unknown name, or something that stands for no initializer.

    Example:
        >>> get("ones")((2,)).tolist()
        [1.0, 1.0]
    """
    return deserialize(identifier)


def serialize(initializer: Any) -> Any:
    """The config dict of an initializer, or the name of a function.

    Example:
        >>> serialize(get("he_normal"))["class_name"]
        'HeNormal'
    """
    return configurable.serialize(initializer)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The initializer for what `serialize` gave.

    Args:
        config: as for `get`.
        custom_objects: the user's own initializers by name.

    Raises:
        ValueError: an unknown name, or something that stands for no initializer.

    Example:
        >>> deserialize({"class_name": "Constant", "config": {"value": 3.0}})((1,)).tolist()
        [3.0]
    """
    found = resolve("initializers", config, custom_objects)
    if found is None:
        return None
    if callable(found):
        return _shape_first(found) if not isinstance(found, Initializer) and _takes_key_first(found) else found
    if hasattr(found, "shape") and hasattr(found, "dtype"):
        return Constant.exactly(found)
    raise ValueError(
        f"Not an initializer: {describe(config)}. Expected a name such as 'glorot_uniform', a config dict, an array or a "
        "function of shape and dtype."
    )


def draw(initializer: Any, key: jax.Array | None, shape: Sequence[int], dtype: Any = None) -> jax.Array:
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


def _takes_key_first(function: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False
    return next(iter(parameters), None) == "key"


def _shape_first(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of `jax.nn.initializers`, (key, shape, dtype), in the order of this library."""

    @functools.wraps(function)
    def initializer(shape: Sequence[int], dtype: Any = None, *, key: jax.Array) -> jax.Array:
        return function(key, tuple(shape), standardize_dtype(dtype))

    return initializer
