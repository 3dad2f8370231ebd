"""Small functions of Keras 3 that packages on top of it call, and that nothing else in jkeras needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import index
from typing import Any, SupportsIndex, TypeVar

from jax.typing import DTypeLike

from jkeras._base.configurable import object_config
from jkeras._base.dtypes import DTypePolicy, dtype_of_values, get_policy
from jkeras.graph.keras_tensor import KerasTensor

Function = TypeVar("Function", bound=Callable[..., Any])


def is_float_dtype(dtype: DTypeLike) -> bool:
    """Whether it is a float dtype, bfloat16 included.

    Example:
        >>> is_float_dtype("bfloat16"), is_float_dtype("int32")
        (True, False)
    """
    return dtype_of_values(dtype).startswith(("float", "bfloat"))


def is_int_dtype(dtype: DTypeLike) -> bool:
    """Whether it is an integer dtype, unsigned ones included.

    Example:
        >>> is_int_dtype("uint8"), is_int_dtype("bool")
        (True, False)
    """
    return dtype_of_values(dtype).startswith(("int", "uint"))


def standardize_shape(shape: Iterable[SupportsIndex | None]) -> tuple[int | None, ...]:
    """A shape as a tuple of Python's ints, None for an open axis.

    Raises:
        ValueError: it is not a list of sizes, or one of them is no whole number of 0 or more.

    Example:
        >>> standardize_shape([None, 3])
        (None, 3)
    """
    try:
        sizes = tuple(None if size is None else index(size) for size in shape)
    except TypeError:
        sizes = (-1,)
    if any(size is not None and size < 0 for size in sizes):
        raise ValueError(f"A shape is a tuple with a whole number of 0 or more, or None, for each axis. Received: {shape!r}.")
    return sizes


def is_keras_tensor(x: object) -> bool:
    """Whether x is a symbolic tensor; Keras 2's function of this name, in `backend`, takes only arrays and tensors."""
    return isinstance(x, KerasTensor)


def serialize(dtype_policy: DTypePolicy) -> dict[str, Any]:
    """The config of a dtype policy: `keras.dtype_policies.serialize`."""
    return object_config(dtype_policy)


def deserialize(config: dict[str, Any], custom_objects: object = None) -> DTypePolicy:
    """The dtype policy of a config.

    Example:
        >>> deserialize(serialize(DTypePolicy("mixed_bfloat16")))
        <DTypePolicy "mixed_bfloat16">
    """
    return get_policy(config)


def no_automatic_dependency_tracking(fn: Function) -> Function:
    """The function itself: jkeras does not replace the lists and dicts that a layer is given, so there is nothing to prevent.

    Layers among them are found all the same.
    """
    return fn
