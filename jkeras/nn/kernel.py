"""What stands for an array where a layer multiplies by it or looks up its rows.

The products of `product.py` and `einsum.py` take a `Kernel` in place of an array, and `embedding.py` takes a `Table`. So a layer
need not know that its kernel is kept as small integers, or as a sum that is never formed.
"""

from __future__ import annotations

from typing import Self

from jkeras._base.types import Array, DTypeLike


class Kernel:
    """Stands for an array in products."""

    def product(self, x: Array, equation: str) -> Array:
        """`einsum(equation, x, kernel)`, in the dtype of `x`."""
        raise NotImplementedError

    def astype(self, dtype: DTypeLike) -> Self:
        """The same kernel: its products have the dtype of the inputs."""
        return self


class Table:
    """Stands for a matrix whose rows are looked up."""

    def rows(self, indices: Array) -> Array:
        """`table[indices]`."""
        raise NotImplementedError

    @property
    def T(self) -> Kernel:
        """The transposed matrix, for products with all rows."""
        raise NotImplementedError
