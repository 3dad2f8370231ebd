"""New arrays: constants, ranges, windows. Without a dtype they have the default float dtype."""

from __future__ import annotations

import jax.numpy as jnp
from jax.typing import DTypeLike

from jkeras._base.config import settings
from jkeras._base.dtypes import optional_dtype, standardize_dtype
from jkeras._base.types import Tree
from jkeras.ops.families import Function, Shape, alike, define
from jkeras.ops.wrapper import Tensor, axes, operand, operation

define(alike, jnp, "empty_like ones_like zeros_like")


@operation("numpy")
def full_like(x: Tensor, fill_value: Tensor, dtype: DTypeLike | None = None) -> Tensor:
    """An array of x's shape, filled with a value; of x's dtype unless one is given."""
    return jnp.full_like(operand(x), operand(fill_value), dtype=optional_dtype(dtype))


@operation("numpy")
def zeros(shape: Shape, dtype: DTypeLike | None = None) -> Tensor:
    """Zeros."""
    return jnp.zeros(axes(shape), standardize_dtype(dtype))


@operation("numpy")
def ones(shape: Shape, dtype: DTypeLike | None = None) -> Tensor:
    """Ones."""
    return jnp.ones(axes(shape), standardize_dtype(dtype))


@operation("numpy")
def empty(shape: Shape, dtype: DTypeLike | None = None) -> Tensor:
    """An array with arbitrary values; in JAX they are zeros."""
    return jnp.empty(axes(shape), standardize_dtype(dtype))


@operation("numpy")
def full(shape: Shape, fill_value: Tensor, dtype: DTypeLike | None = None) -> Tensor:
    """An array filled with a value."""
    return jnp.full(axes(shape), operand(fill_value), standardize_dtype(dtype))


@operation("numpy")
def eye(N: int, M: int | None = None, k: int = 0, dtype: DTypeLike | None = None) -> Tensor:
    """An N x M matrix (N x N by default) with ones on its k-th diagonal.

    Example:
        >>> eye(2, 3, k=1).tolist()
        [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    return jnp.eye(N, M, k=k, dtype=standardize_dtype(dtype))


@operation("numpy")
def identity(n: int, dtype: DTypeLike | None = None) -> Tensor:
    """The n x n identity matrix."""
    return jnp.identity(n, standardize_dtype(dtype))


@operation("numpy")
def tri(N: int, M: int | None = None, k: int = 0, dtype: DTypeLike | None = None) -> Tensor:
    """An N x M matrix (N x N by default) with ones on and below its k-th diagonal."""
    return jnp.tri(N, M, k=k, dtype=standardize_dtype(dtype))


@operation("numpy")
def arange(start: Tensor, stop: Tensor | None = None, step: Tensor | None = None, dtype: DTypeLike | None = None) -> Tensor:
    """Numbers from start up to, not including, stop; `arange(n)` counts from 0 to n - 1.

    Args:
        start, stop, step: numbers; step is 1 by default.
        dtype: by default that of the numbers, with `floatx()` for Python's floats.

    Example:
        >>> arange(3).tolist(), arange(1, 2, 0.5).tolist()
        ([0, 1, 2], [1.0, 1.5])
    """
    if dtype is None and any(isinstance(n, float) for n in (start, stop, step)):
        dtype = settings.floatx
    return jnp.arange(start, stop, step, dtype=optional_dtype(dtype))


@operation("numpy")
def linspace(
    start: Tensor,
    stop: Tensor,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: DTypeLike | None = None,
    axis: int = 0,
) -> Tree:
    """Numbers at equal distances.

    Args:
        start, stop: first and last number, or arrays of them.
        num: how many.
        endpoint: whether stop is the last one; if not, the next one would be.
        retstep: whether to return the distance too.
        dtype: of the result.
        axis: of the numbers, where start and stop are arrays.

    Example:
        >>> linspace(0, 1, 5).tolist()
        [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    dtype = optional_dtype(dtype)
    return jnp.linspace(operand(start), operand(stop), num, endpoint=endpoint, retstep=retstep, dtype=dtype, axis=axis)


@operation("numpy")
def logspace(
    start: Tensor,
    stop: Tensor,
    num: int = 50,
    endpoint: bool = True,
    base: Tensor = 10,
    dtype: DTypeLike | None = None,
    axis: int = 0,
) -> Tensor:
    """Powers of a base with exponents at equal distances from start to stop; arguments as in `linspace`."""
    return jnp.logspace(operand(start), operand(stop), num, endpoint=endpoint, base=base, dtype=optional_dtype(dtype), axis=axis)


@operation("numpy")
def geomspace(
    start: Tensor, stop: Tensor, num: int = 50, endpoint: bool = True, dtype: DTypeLike | None = None, axis: int = 0
) -> Tensor:
    """Numbers at equal ratios from start to stop; arguments as in `linspace`."""
    return jnp.geomspace(operand(start), operand(stop), num, endpoint=endpoint, dtype=optional_dtype(dtype), axis=axis)


def _window(fn: Function) -> Function:
    def op(x: int) -> Tensor:
        return fn(int(x)).astype(settings.floatx)

    return op


define(_window, jnp, "bartlett blackman hamming hanning")


@operation("numpy")
def kaiser(x: int, beta: float) -> Tensor:
    """The Kaiser window of x points; a larger beta makes it narrower."""
    return jnp.kaiser(int(x), beta).astype(settings.floatx)


@operation("numpy")
def meshgrid(*x: Tensor, indexing: str = "xy") -> list[Tensor]:
    """One array per axis of a grid, each with that axis' coordinate at every point.

    Args:
        x: coordinates, one array for each axis; of several axes they are taken in a row, as in NumPy.
        indexing: `"xy"` makes the first array run along columns, `"ij"` along rows.
    """
    return list(jnp.meshgrid(*(jnp.ravel(operand(one)) for one in x), indexing=indexing))


@operation("numpy")
def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """The matrix of powers of x: column j has `x^(N - 1 - j)`, or `x^j` if increasing; N is x's length by default."""
    return jnp.vander(operand(x), N, increasing=increasing)
