"""`ArrayShape`: the shapes of arrays where scripts for TensorFlow run."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Self

import jax

from jkeras.graph.spec import Shape


@jax.tree_util.register_pytree_node_class  # its numbers are leaves, as those of a tuple are
class ArrayShape(Shape):
    """A tuple with the sizes of an array, with TensorFlow's methods.

    Example:
        >>> ArrayShape((2, 3)).as_list(), ArrayShape((2, 3)).rank, ArrayShape((2, 3)) == (2, 3)
        ([2, 3], 2, True)
    """

    @property
    def rank(self) -> int | None:
        """The number of axes."""
        return len(self)

    @property
    def ndims(self) -> int | None:
        """The number of axes, as `rank`."""
        return self.rank

    def as_list(self) -> list[int | None]:
        """The sizes as a list."""
        return list(self)

    @property
    def dims(self) -> list[int | None] | None:
        """The sizes as a list; None where nothing is known."""
        return None if self.rank is None else list(self)

    def num_elements(self) -> int | None:
        """The product of all sizes; None where one is not fixed."""
        return math.prod(n for n in self if n is not None) if self.is_fully_defined() else None

    def is_fully_defined(self) -> bool:
        """Whether all sizes are fixed."""
        return self.rank is not None and None not in self

    def tree_flatten(self) -> tuple[tuple[int | None, ...], None]:
        """For JAX."""
        return tuple(self), None

    @classmethod
    def tree_unflatten(cls, aux: None, sizes: Iterable[int | None]) -> Self:
        """For JAX."""
        return cls(sizes)
