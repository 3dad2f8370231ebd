"""Kernels and tables in other forms than arrays: small integers with scales, 8-bit floats, and sums with a low-rank update.

| kernel          | `x @ kernel`                                                                      |
|-----------------|-----------------------------------------------------------------------------------|
| `ScaledKernel`  | `(x @ q) / scale`; or `(r @ q) / (scale r_scale)`, where `r` are the inputs as integers |
| `Float8Kernel`  | the product of both, rounded to 8-bit floats                                      |
| `UpdatedKernel` | `x @ kernel + factor (x @ a) @ b`                                                 |

A scale is the same for all entries that one sum runs over, so the product is divided by it instead of the kernel. Rounding has
no useful derivative: that of a `ScaledKernel` is the derivative of the product with the numbers that the integers stand for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp

from jkeras._base.types import Array
from jkeras.nn.einsum import Equation, einsum_dense, read_equation
from jkeras.nn.embedding import embedding
from jkeras.nn.float8 import Amax, float8_gradients, float8_values
from jkeras.nn.kernel import Kernel, Table

Quantizer = Callable[..., tuple[Array, Array]]  # (x, axis=axes) -> (integers, scale)


def aligned(scale: Array, letters: str, others: str) -> Array:
    """A scale of an array with some axes, in the form that broadcasts against an array with others.

    Args:
        scale: with the axes `letters`, of size 1 where `others` lacks them.
        letters, others: names of axes.

    Example:
        >>> aligned(jnp.ones((1, 2, 3)), "dnh", "btnh").shape
        (1, 1, 2, 3)
    """
    scale = jnp.squeeze(scale, tuple(i for i, letter in enumerate(letters) if letter not in others))
    left = [letter for letter in letters if letter in others]
    scale = jnp.transpose(scale, [left.index(letter) for letter in others if letter in left])
    return jnp.expand_dims(scale, tuple(i for i, letter in enumerate(others) if letter not in left))


def _floating(x: Array, like: Array) -> Array:
    """An array of floats as it is, integers as floats like others."""
    return x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(like.dtype)


class ScaledKernel(Kernel):
    """Integers `q` with scales: `q / scale` are the numbers that they stand for.

    Args:
        values: the integers, or floats that have no scale, in the shape of the kernel.
        scale: with the axes that the equation gives its result, of size 1 or left out where the kernel lacks them.
        quantizer: makes integers of the inputs; None leaves them as they are.
    """

    def __init__(self, values: Array, scale: Array, quantizer: Quantizer | None = None):
        self.values, self.scale, self.quantizer = values, scale, quantizer

    def product(self, x: Array, equation: str) -> Array:
        """`(x @ q) / scale`."""
        return _scaled(equation, self.quantizer, _floating(x, self.scale), self.values, self.scale)


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _scaled(equation: str, quantizer: Quantizer | None, x: Array, values: Array, scale: Array) -> Array:
    if quantizer is None:
        return _of_floats(equation, x, values, scale)
    inputs, _, outputs = _explicit(read_equation(equation), x.ndim)
    integers, input_scale = quantizer(x, axis=tuple(i for i, letter in enumerate(inputs) if letter not in outputs))
    if jnp.issubdtype(values.dtype, jnp.integer):
        y = jnp.einsum(equation, integers, values, preferred_element_type=jnp.int32)
    else:
        y = einsum_dense(integers.astype(values.dtype), values, equation=equation)
    return y.astype(x.dtype) / (_trailing(scale, equation, x) * aligned(input_scale, inputs, outputs))


@_scaled.defjvp
def _(equation: str, quantizer: Quantizer | None, primals: tuple[Array, ...], tangents: tuple[Array, ...]) -> tuple[Array, Array]:
    x, values, scale = primals
    return _scaled(equation, quantizer, x, values, scale), _of_floats(equation, tangents[0], values, scale)


def _of_floats(equation: str, x: Array, values: Array, scale: Array) -> Array:
    return einsum_dense(x, values.astype(x.dtype), equation=equation) / _trailing(scale, equation, x)


def _trailing(scale: Array, equation: str, x: Array) -> Array:
    """The scale with axes for those of an ellipsis on the right."""
    terms = read_equation(equation)
    return scale.reshape(*scale.shape, *(1,) * (x.ndim - len(terms.input))) if terms.ellipsis == "right" else scale


def _explicit(terms: Equation, ndim: int) -> tuple[str, str, str]:
    """The terms with a letter for each axis of an ellipsis."""
    free = (letter for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if letter not in terms.input + terms.kernel + terms.output)
    hidden = "".join(letter for letter, _ in zip(free, range(ndim - len(terms.input))))
    if terms.ellipsis == "right":
        return terms.input + hidden, terms.kernel, terms.output + hidden
    return hidden + terms.input, terms.kernel, hidden + terms.output


class Float8Kernel(Kernel):
    """A kernel whose products are those of 8-bit floats. Gradients of the result are rounded to 8-bit floats as well.

    Args:
        kernel: floats.
        kept: scales of the inputs, of the kernel, and of the gradients of the result.
        hand_on: takes those that a later product in the same step uses.
    """

    def __init__(self, kernel: Array, kept: tuple[Amax, ...], hand_on: Callable[[tuple[Amax, ...]], None]):
        self.kernel, self.kept, self.hand_on = kernel, kept, hand_on

    def product(self, x: Array, equation: str) -> Array:
        """The product of both, rounded."""
        inputs, values, gradients = self.kept
        x, inputs = float8_values(_floating(x, self.kernel), inputs)
        kernel, values = float8_values(self.kernel, values)
        y, gradients = float8_gradients(einsum_dense(x, kernel, equation=equation), gradients)
        self.kept = inputs, values, gradients
        self.hand_on(self.kept)
        return y


class UpdatedKernel(Kernel):
    """A kernel plus `factor a @ b`, whose product is never formed.

    Args:
        kernel: to which the update is added.
        a: the kernel's shape, with the rank in place of its last axis.
        b: `(rank, size of the kernel's last axis)`.
        factor: of the update.
    """

    def __init__(self, kernel: Kernel, a: Array, b: Array, factor: float):
        self.kernel, self.a, self.b, self.factor = kernel, a, b, factor

    def product(self, x: Array, equation: str) -> Array:
        """`x @ kernel + factor (x @ a) @ b`."""
        x = _floating(x, self.a)
        inputs, kernel, outputs = _explicit(read_equation(equation), x.ndim)
        rank = next(letter for letter in "zyxwvutsrqponmlkjihgfedcba" if letter not in inputs + kernel + outputs)
        update = jnp.einsum(f"{inputs},{kernel[:-1]}{rank},{rank}{kernel[-1]}->{outputs}", x, self.a, self.b)
        return (self.kernel.product(x, equation) + self.factor * update).astype(x.dtype)


class QuantizedTable(Table):
    """A table that is kept by rows in another form; only the rows that are looked up become floats.

    Args:
        kept: arrays with an entry for each row.
        floats: makes the rows of what is kept of them.
        transposed: makes the transposed table.
    """

    def __init__(self, kept: tuple[Array, ...], floats: Callable[..., Array], transposed: Callable[[], Kernel]):
        self.kept, self.floats, self.transposed = kept, floats, transposed

    def rows(self, indices: Array) -> Array:
        """The rows as floats."""
        return self.floats(*(embedding(array, indices) for array in self.kept))

    @property
    def T(self) -> Kernel:
        """The transposed table."""
        return self.transposed()


class UpdatedTable(Table):
    """A table plus `factor a @ b`.

    Args:
        table: to which the update is added.
        a: `(rows, rank)`.
        b: `(rank, width)`.
        factor: of the update.
    """

    def __init__(self, table: Table, a: Array, b: Array, factor: float):
        self.table, self.a, self.b, self.factor = table, a, b, factor

    def rows(self, indices: Array) -> Array:
        """The rows, each with its update."""
        rows = self.table.rows(indices)
        return (rows + self.factor * embedding(self.a, indices) @ self.b).astype(rows.dtype)

    @property
    def T(self) -> Kernel:
        """The transposed table, with the transposed update."""
        return UpdatedKernel(self.table.T, self.b.T, self.a.T, self.factor)
