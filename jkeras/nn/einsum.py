"""A product of an input and a kernel over any axes, written as an equation: `abc,cde->abde`.

The equation names the axes of input, kernel and output by letters. An ellipsis stands for further axes of the input that the
output keeps, before the named ones or after them: `...ab,bc->...ac`, `ab...,bc->ac...`. With the sizes of the input and of the
output all other sizes follow. Where the kernel's first axes are the input's last ones, the product is one of two matrices.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp

from jkeras._base.types import Array, Float
from jkeras.nn.kernel import Kernel
from jkeras.nn.product import product

_FORM = re.compile(r"(?P<left>\.\.\.)?([a-zA-Z]+)(?P<right>\.\.\.)?,([a-zA-Z]+)->(\.\.\.)?([a-zA-Z]+)(\.\.\.)?")
_NOT_AN_EQUATION = "An equation is of the form 'ab,bc->ac', '...ab,bc->...ac' or 'ab...,bc->ac...'. Received: {equation!r}."

Sizes = tuple[int | None, ...]


class Equation(NamedTuple):
    """An equation's three terms, and where an ellipsis stands in the first and the last: `"left"`, `"right"`, or None."""

    input: str
    kernel: str
    output: str
    ellipsis: str | None


class EinsumShapes(NamedTuple):
    """What follows from an equation and the sizes of input and output; None for a size that stays unknown.

    Args:
        kernel, bias: shapes; no bias if there are no axes for it.
        input_axes, output_axes: the axes of the kernel that are summed over, and the others.
    """

    kernel: Sizes
    bias: Sizes | None
    input_axes: list[int]
    output_axes: list[int]


def read_equation(equation: str) -> Equation:
    """The terms of an equation.

    Raises:
        ValueError: it is not of one of the three forms.

    Example:
        >>> read_equation("...x,xy->...y")
        Equation(input='x', kernel='xy', output='y', ellipsis='left')
    """
    found = _FORM.fullmatch(equation)
    if found is None:
        raise ValueError(_NOT_AN_EQUATION.format(equation=equation))
    left, inputs, right, kernel, left_out, outputs, right_out = found.groups()
    if (left, right) != (left_out, right_out) or (left and right) or len({*inputs}) < len(inputs):
        raise ValueError(_NOT_AN_EQUATION.format(equation=equation))
    return Equation(inputs, kernel, outputs, "left" if left else "right" if right else None)


def einsum_shapes(
    equation: str, input_shape: Sequence[int | None], output_shape: Sequence[int | None], bias_axes: str | None = None
) -> EinsumShapes:
    """The shapes of kernel and bias.

    Args:
        equation: of the product.
        input_shape: with None for unknown sizes.
        output_shape: without the batch axis and the axes of an ellipsis; None for sizes that the input gives.
        bias_axes: the letters of the output's axes that a bias has; None for no bias.

    Raises:
        ValueError: the equation is malformed, or sizes or letters do not fit.

    Example:
        >>> einsum_shapes("abc,cde->abde", (None, 5, 8), (None, 2, 4), "de")
        EinsumShapes(kernel=(8, 2, 4), bias=(2, 4), input_axes=[0], output_axes=[1, 2])
    """
    terms = read_equation(equation)
    hidden = len(input_shape) - len(terms.input)
    if hidden < 0 or (hidden and terms.ellipsis is None):
        raise ValueError(
            f"The equation {equation!r} is for {len(terms.input)} axes. Received an input of shape {tuple(input_shape)}."
        )
    known = dict(zip(terms.input, input_shape[hidden:] if terms.ellipsis == "left" else input_shape))
    sizes = _output_sizes(equation, terms, known, input_shape[0], hidden, tuple(output_shape))
    for letter in terms.output:
        if letter not in known and letter not in terms.kernel:
            raise ValueError(f"The equation {equation!r} has {letter!r} in the output only. Give the kernel this axis too.")
    for letter in terms.kernel:
        if letter not in known and letter not in sizes:
            raise ValueError(
                f"The equation {equation!r} has {letter!r} in the kernel only. Give the input or the output this axis."
            )
    kernel = tuple(sizes[letter] if letter in sizes else known[letter] for letter in terms.kernel)
    split = [[i for i, letter in enumerate(terms.kernel) if (letter in sizes) is kept] for kept in (False, True)]
    after = hidden if terms.ellipsis == "right" else 0
    return EinsumShapes(kernel, None if bias_axes is None else _bias_shape(equation, terms, sizes, bias_axes, after), *split)


def _output_sizes(
    equation: str, terms: Equation, known: dict[str, int | None], batch: int | None, hidden: int, given: Sizes
) -> dict[str, int | None]:
    """The sizes of the output's named axes. The batch axis is the first of all; an ellipsis on the left may hold it."""
    letters = terms.output if terms.ellipsis == "left" and hidden else terms.output[1:]
    if len(letters) != len(given):
        raise ValueError(
            f"The equation {equation!r} needs {len(letters)} sizes as output_shape, one for each of {', '.join(letters)}. "
            f"Received: output_shape={given}."
        )
    sizes = dict(zip(letters, given))
    if len(letters) < len(terms.output):
        sizes[terms.output[0]] = batch
    for letter, size in known.items():
        if sizes.get(letter) is not None and sizes[letter] != size:
            raise ValueError(
                f"The equation {equation!r} has {letter!r} in input and output, but of sizes {size} and {sizes[letter]}. "
                "Give None as the output's size to take the input's."
            )
    return {letter: known.get(letter) if size is None else size for letter, size in sizes.items()}


def _bias_shape(equation: str, terms: Equation, sizes: dict[str, int | None], axes: str, after: int) -> Sizes:
    if not axes or not {*axes} <= {*terms.output}:
        raise ValueError(f"bias_axes are letters of the output {terms.output!r} of {equation!r}. Received: bias_axes={axes!r}.")
    first = min(terms.output.index(letter) for letter in axes)
    return (*(sizes[letter] if letter in axes else 1 for letter in terms.output[first:]), *(1,) * after)


def einsum_dense(
    x: Float[Array, " ..."], kernel: Float[Array, " ..."] | Kernel, bias: Float[Array, " ..."] | None = None, *, equation: str
) -> Float[Array, " ..."]:
    """The product of an equation, plus a bias that broadcasts.

    Args:
        x: the axes that the equation's first term names, and those of an ellipsis.
        kernel: the axes of the second term, or what stands for such an array.
        bias: broadcasts to the product, or None.
        equation: such as `"abc,cde->abde"`.

    Returns:
        The axes of the last term, in the common dtype of the operands.

    Example:
        >>> import jax.numpy as jnp
        >>> einsum_dense(jnp.ones((2, 3, 4)), jnp.ones((4, 5)), jnp.ones(5), equation="...x,xy->...y").shape
        (2, 3, 5)
    """
    if isinstance(kernel, Kernel):
        y = kernel.product(x, equation)
    elif count := _last_axes(read_equation(equation)):
        lead, units = x.shape[: x.ndim - count], kernel.shape[count:]
        y = product(x.reshape(*lead, math.prod(kernel.shape[:count])), kernel.reshape(-1, math.prod(units))).reshape(
            *lead, *units
        )
    else:
        y = jnp.einsum(equation, x, kernel)
    return y if bias is None else y + bias


def _last_axes(terms: Equation) -> int:
    """How many of the input's last axes are summed against the kernel's first ones, all else in its order; 0 for other forms."""
    count = next((i for i, letter in enumerate(terms.kernel) if letter not in terms.input), len(terms.kernel))
    summed, units = terms.kernel[:count], terms.kernel[count:]
    kept = terms.input.removesuffix(summed)
    fits = terms.ellipsis != "right" and terms.input.endswith(summed) and not {*summed} & {*terms.output}
    return count if fits and terms.output == kept + units and len({*terms.kernel}) == len(terms.kernel) else 0
