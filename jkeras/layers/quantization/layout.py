"""How a weight lies before integers: which of its axes share a scale, and the matrix that 4-bit integers are packed from.

A kernel is multiplied along some axes, which an equation names, and the numbers that one sum runs over share a scale. A table is
looked up, and the numbers of a row share a scale. As a matrix both have the shared axis first.
"""

from __future__ import annotations

import abc
import math
from dataclasses import dataclass

import jax.numpy as jnp

from jkeras._base.types import Array
from jkeras.nn.einsum import read_equation
from jkeras.nn.quantized_kernels import aligned

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Layout(abc.ABC):
    """The layout of a weight.

    Args:
        role: the weight's name.
    """

    role: str

    @abc.abstractmethod
    def shared(self, ndim: int) -> tuple[int, ...]:
        """The axes along which a scale is the same."""

    @abc.abstractmethod
    def placed(self, scale: Array) -> Array:
        """A scale with axes of size 1, in the form that is kept."""

    @abc.abstractmethod
    def spread(self, scale: Array) -> Array:
        """The opposite of `placed`: a scale that broadcasts against the weight."""

    @abc.abstractmethod
    def matrix(self, weight: Array) -> Array:
        """The weight as `(shared, others)`."""

    @abc.abstractmethod
    def weight(self, matrix: Array, shape: Shape) -> Array:
        """The opposite of `matrix`."""

    @abc.abstractmethod
    def turned(self, matrix: Array) -> Array:
        """A matrix `(shared, others)` as it is kept, or one that is kept as `(shared, others)`."""


@dataclass(frozen=True)
class KernelLayout(Layout):
    """The layout of a kernel.

    Args:
        equation: of its product, as `einsum` takes it.
        packed_axis: of the matrix, along which two 4-bit integers share a byte.
        zero_dtype: of zero points; None for the dtype of weights.
    """

    equation: str = "...i,io->...o"
    packed_axis: int = 1
    zero_dtype: str | None = "int8"

    def shared(self, ndim: int) -> tuple[int, ...]:
        """The axes that the product sums over."""
        _, kernel, outputs, _ = read_equation(self.equation)
        return tuple(i for i, letter in enumerate(kernel) if letter not in outputs)

    def placed(self, scale: Array) -> Array:
        """Broadcasts against the product."""
        _, kernel, outputs, _ = read_equation(self.equation)
        return aligned(scale, kernel, outputs)

    def spread(self, scale: Array) -> Array:
        """Broadcasts against the kernel."""
        _, kernel, outputs, _ = read_equation(self.equation)
        return aligned(scale, outputs, kernel)

    def matrix(self, weight: Array) -> Array:
        """As many rows as each sum has terms, the entries in their order, as Keras stores them."""
        return weight.reshape(math.prod(weight.shape[axis] for axis in self.shared(weight.ndim)), -1)

    def weight(self, matrix: Array, shape: Shape) -> Array:
        """The kernel."""
        return matrix.reshape(shape)

    def turned(self, matrix: Array) -> Array:
        """The matrix as it is."""
        return matrix


@dataclass(frozen=True)
class TableLayout(Layout):
    """The layout of a table `(rows, width)`, each of whose rows has scales of its own."""

    packed_axis = 1
    zero_dtype = "int8"

    def shared(self, ndim: int) -> tuple[int, ...]:
        """The width."""
        return (1,)

    def placed(self, scale: Array) -> Array:
        """A number for each row."""
        return scale[:, 0]

    def spread(self, scale: Array) -> Array:
        """A column."""
        return scale[:, None]

    def matrix(self, weight: Array) -> Array:
        """The transposed table."""
        return weight.T

    def weight(self, matrix: Array, shape: Shape) -> Array:
        """The table."""
        return matrix.T

    def turned(self, matrix: Array) -> Array:
        """The transposed matrix."""
        return jnp.transpose(matrix)
