"""`Spec`: the shape and dtype of an array, with None for axes of unknown size."""

from __future__ import annotations

from collections.abc import Iterable

import jax
from jax.typing import DTypeLike

from jkeras._base.dtypes import dtype_of_values


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
