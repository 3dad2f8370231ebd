"""The same numbers in another arrangement: reshape, transpose, join, cut, repeat, pad, shift."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jkeras._base.plain_numbers import INTEGERS
from jkeras._base.types import Tree
from jkeras.ops.families import Axis, Shape, band, define, diagonals, joined, optional_axes, parted, parted_along, unary
from jkeras.ops.wrapper import Tensor, axes, operand, operation

define(unary, jnp, "fliplr flipud ravel")
define(band, jnp, "diag diagflat tril triu")
define(diagonals, jnp, "diagonal trace")
define(joined, jnp, "dstack hstack vstack")
define(parted, jnp, "dsplit hsplit vsplit")
define(parted_along, jnp, "array_split split")
define(optional_axes, jnp, "flip squeeze")


@operation("numpy")
def reshape(x: Tensor, newshape: Shape) -> Tensor:
    """The entries in another shape; one size may be -1, which is what the others leave.

    Example:
        >>> reshape([1, 2, 3, 4], (2, -1)).tolist()
        [[1, 2], [3, 4]]

    Raises:
        ValueError: several sizes, or others than -1, are below 0.
    """
    below = [n for n in ([newshape] if isinstance(newshape, INTEGERS) else newshape) if isinstance(n, INTEGERS) and n < 0]
    if below not in ([], [-1]):
        raise ValueError(f"The sizes of a shape are not negative; one of them may be -1. Received: newshape={newshape!r}.")
    return jnp.reshape(operand(x), axes(newshape))


@operation("numpy")
def transpose(x: Tensor, axes: Sequence[int] | None = None) -> Tensor:
    """The axes in another order, reversed by default."""
    return jnp.transpose(operand(x), axes)


@operation("numpy")
def swapaxes(x: Tensor, axis1: int, axis2: int) -> Tensor:
    """Two axes exchanged."""
    return jnp.swapaxes(operand(x), axis1, axis2)


@operation("numpy")
def moveaxis(x: Tensor, source: Shape, destination: Shape) -> Tensor:
    """Some axes moved to other positions, the others in their order."""
    return jnp.moveaxis(operand(x), axes(source), axes(destination))


@operation("numpy")
def expand_dims(x: Tensor, axis: Shape) -> Tensor:
    """New axes of size 1.

    Example:
        >>> expand_dims([1, 2], -1).shape
        (2, 1)
    """
    return jnp.expand_dims(operand(x), axes(axis))


@operation("numpy")
def broadcast_to(x: Tensor, shape: Shape) -> Tensor:
    """The entries repeated to fill a shape that x broadcasts to."""
    return jnp.broadcast_to(operand(x), axes(shape))


@operation("numpy")
def concatenate(xs: Sequence[Tensor], axis: int | None = 0) -> Tensor:
    """Arrays joined along an axis.

    Example:
        >>> concatenate([[1, 2], [3]]).tolist()
        [1, 2, 3]
    """
    return jnp.concatenate([operand(x) for x in xs], axis=axis)


@operation("numpy")
def stack(x: Sequence[Tensor], axis: int = 0) -> Tensor:
    """Arrays of one shape joined along a new axis.

    Example:
        >>> stack([[1, 2], [3, 4]], axis=1).tolist()
        [[1, 3], [2, 4]]
    """
    return jnp.stack([operand(t) for t in x], axis=axis)


@operation("numpy")
def append(x1: Tensor, x2: Tensor, axis: int | None = None) -> Tensor:
    """x2 appended to x1 along an axis; both flattened if it is None."""
    return jnp.append(operand(x1), operand(x2), axis=axis)


@operation()
def unstack(x: Tensor, num: int | None = None, axis: int = 0) -> list[Tensor]:
    """The slices along an axis as a list.

    Args:
        x: an array.
        num: the size of the axis, if the shape does not tell it.
        axis: along which.

    Example:
        >>> [t.tolist() for t in unstack([[1, 2], [3, 4]])]
        [[1, 2], [3, 4]]
    """
    x = jnp.moveaxis(operand(x), axis, 0)
    return [x[i] for i in range(x.shape[0] if num is None else num)]


@operation("numpy")
def repeat(x: Tensor, repeats: Tensor, axis: int | None = None) -> Tensor:
    """Each entry several times in a row.

    Args:
        x: an array.
        repeats: how often, one number or one for each position along the axis.
        axis: along which; None for the flattened array.
    """
    if not isinstance(repeats, jax.Array):  # known numbers, which must stay so in traced code: they are a shape
        repeats = int(repeats) if isinstance(repeats, INTEGERS) else np.asarray(repeats)
    return jnp.repeat(operand(x), repeats, axis=axis)


@operation("numpy")
def tile(x: Tensor, repeats: Shape) -> Tensor:
    """The whole array repeated along each axis."""
    return jnp.tile(operand(x), axes(repeats))


@operation("numpy")
def pad(x: Tensor, pad_width: Tree, mode: str = "constant", constant_values: Tensor | None = None) -> Tensor:
    """The array with a margin.

    Args:
        x: an array.
        pad_width: `(before, after)` for each axis, or one pair or number for all.
        mode: `"constant"`, `"reflect"`, `"symmetric"`, `"edge"`, `"wrap"` or another of `jax.numpy.pad`'s.
        constant_values: what a constant margin holds, 0 by default.

    Raises:
        ValueError: constant values for another mode.
    """
    if constant_values is None:
        return jnp.pad(operand(x), pad_width, mode=mode)
    if mode != "constant":
        raise ValueError(f'constant_values are for mode="constant", received mode={mode!r}: leave one of them out.')
    return jnp.pad(operand(x), pad_width, mode=mode, constant_values=operand(constant_values))


@operation("numpy")
def roll(x: Tensor, shift: Shape, axis: Axis = None) -> Tensor:
    """The entries shifted along axes; what is pushed off one end comes back at the other."""
    return jnp.roll(operand(x), axes(shift), axis=axes(axis))


@operation("numpy")
def rot90(array: Tensor, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Tensor:
    """k quarter turns in the plane of two axes, from the first towards the second."""
    return jnp.rot90(operand(array), k=k, axes=axes)
