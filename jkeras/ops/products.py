"""Products of arrays: matrix products, contractions, distances, correlations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax.typing import DTypeLike

from jkeras._base.errors import describe
from jkeras._base.types import Tree
from jkeras.ops.families import binary, define, unary
from jkeras.ops.wrapper import Tensor, as_array, operand, operation

define(binary, jnp, "dot inner kron outer vdot")
define(unary, jnp, "corrcoef")


def _accumulator(*xs: Tensor) -> DTypeLike | None:
    """int32 for products of int8 arrays, which would overflow in int8; else None, for JAX's choice."""
    return jnp.int32 if all(getattr(x, "dtype", None) == jnp.int8 for x in xs) else None


@operation("numpy")
def matmul(x1: Tensor, x2: Tensor) -> Tensor:
    """The matrix product over the last two axes; int8 matrices give int32.

    Example:
        >>> matmul([[1, 2]], [[3], [4]]).tolist()
        [[11]]
    """
    x1, x2 = operand(x1), operand(x2)
    return jnp.matmul(x1, x2, preferred_element_type=_accumulator(x1, x2))


@operation("numpy")
def einsum(subscripts: str, *operands: Tensor, **kwargs: Any) -> Tensor:
    """A sum of products by Einstein's convention; int8 operands give int32.

    Args:
        subscripts: the axes of the operands and, after `->`, of the result, such as `"ij,jk->ik"`.
        operands: arrays.
        kwargs: further arguments of `jax.numpy.einsum`.

    Example:
        >>> einsum("ij->j", [[1, 2], [3, 4]]).tolist()
        [4, 6]
    """
    arrays = [operand(x) for x in operands]
    kwargs.setdefault("preferred_element_type", _accumulator(*arrays))
    return jnp.einsum(subscripts, *arrays, **kwargs)


@operation("numpy")
def tensordot(x1: Tensor, x2: Tensor, axes: int | Sequence[Tree] = 2) -> Tensor:
    """The product summed over pairs of axes: the last `axes` of x1 with the first of x2, or two lists of axes."""
    return jnp.tensordot(operand(x1), operand(x2), axes=axes)


@operation("numpy")
def cross(x1: Tensor, x2: Tensor, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Tensor:
    """The vector product of vectors of two or three entries.

    Args:
        x1, x2: arrays of vectors.
        axisa, axisb, axisc: the vectors' axes in x1, x2 and the result.
        axis: one axis for all three, instead.
    """
    return jnp.cross(operand(x1), operand(x2), axisa=axisa, axisb=axisb, axisc=axisc, axis=axis)


@operation("numpy")
def correlate(x1: Tensor, x2: Tensor, mode: str = "valid") -> Tensor:
    """The cross-correlation of two vectors: sums of products for each shift; mode `"valid"`, `"same"` or `"full"`."""
    return jnp.correlate(operand(x1), operand(x2), mode=mode)


@operation()
def cdist(x: Tensor, y: Tensor) -> Tensor:
    """Euclidean distances between all rows of x and all rows of y.

    Args:
        x: `(..., m, d)`.
        y: `(..., n, d)`.

    Returns:
        `(..., m, n)`.

    Example:
        >>> cdist([[0.0, 0.0]], [[3.0, 4.0], [0.0, 1.0]]).tolist()
        [[5.0, 1.0]]
    """
    x, y = as_array(x), as_array(y)
    if x.ndim < 2 or y.ndim < 2 or x.shape[-1] != y.shape[-1]:
        raise ValueError(f"cdist takes (..., m, d) and (..., n, d), received {describe(x)} and {describe(y)}.")
    return jnp.sqrt(jnp.sum(jnp.square(x[..., :, None, :] - y[..., None, :, :]), axis=-1))
