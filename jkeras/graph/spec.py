"""`Spec`: the shape and dtype of an array, with None for axes of unknown size."""

from __future__ import annotations

import operator
from collections.abc import Iterable

import jax
from jax import export
from jax.typing import DTypeLike

from jkeras._base.dtypes import dtype_of_values
from jkeras._base.errors import MisfitError
from jkeras._base.plain_numbers import INTEGERS
from jkeras._base.types import Tree


class Shape(tuple[int | None, ...]):
    """Base of tuples that are the shape of one array, where a plain tuple may also be the sizes of several."""


class Spec:
    """Shape and dtype of an array, with None for axes of unknown size."""

    __slots__ = ("dtype", "shape")

    def __init__(self, shape: Iterable[int | None], dtype: DTypeLike):
        self.shape, self.dtype = tuple(shape), dtype_of_values(dtype)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __repr__(self) -> str:
        return f"Spec({self.shape}, {self.dtype})"


def is_spec(value: object) -> bool:
    """Whether a value stands for an array by its shape and dtype alone: a spec, or a symbolic tensor."""
    return isinstance(value, (jax.ShapeDtypeStruct, Spec)) or hasattr(value, "_stands_for_array")


def checked_shape(shape: object) -> tuple[int | None, ...]:
    """A shape as a tuple of numbers, with None for axes of unknown size.

    Raises:
        ValueError: it is no shape.

    Example:
        >>> checked_shape([None, 3])
        (None, 3)
    """
    if isinstance(shape, Iterable):
        sizes = [None if n is None or export.is_symbolic_dim(n) else _number(n) for n in shape]
        if all(n is None or n >= 0 for n in sizes):
            return tuple(sizes)
    raise ValueError(f"A shape is a tuple of sizes, with None for unknown ones. Received: {shape!r}.")


def _number(size: object) -> int:
    try:
        return operator.index(size)  # type: ignore[arg-type]
    except TypeError:
        return -1


def check_index(shape: tuple[Tree, ...], index: Tree) -> None:
    """Raise MisfitError for a number outside of its axis: JAX would move it to the axis' end.

    Args:
        shape: of the array; sizes that are no numbers are unknown.
        index: as in `x[index]`; one with arrays in it is not looked at.
    """
    parts = [part for part in (index if isinstance(index, tuple) else (index,)) if part is not None]
    if not all(part is Ellipsis or isinstance(part, (slice, *INTEGERS)) for part in parts):
        return
    if Ellipsis in parts:
        at = parts.index(Ellipsis)
        parts[at : at + 1] = [slice(None)] * (len(shape) - len(parts) + 1)
    for axis, (size, part) in enumerate(zip(shape, parts)):
        is_number = isinstance(part, INTEGERS) and not isinstance(part, bool)
        if is_number and isinstance(size, int) and not -size <= part < size:
            raise MisfitError(f"The index {part} is outside of axis {axis}, whose size is {size}. Received: {index!r}.")
