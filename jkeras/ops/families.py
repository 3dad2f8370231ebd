"""Families: the signatures that many operations share.

Keras gives the arguments of `jax.numpy` its own names and its own order (`sum(x, axis, keepdims)` where JAX has
`sum(a, axis, dtype, out, keepdims)`). Each function here takes a JAX function and returns one with the signature of a family;
`define` does so for a list of names. What fits no family is written out in the other files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import TypeAlias

from jax.typing import DTypeLike

from jkeras._base.dtypes import optional_dtype
from jkeras._base.errors import MisfitError, describe
from jkeras.ops.wrapper import Function, Tensor, as_array, as_integers, axes, operand, publish, symbolic

Shape: TypeAlias = int | Sequence[int]
Axis: TypeAlias = int | Sequence[int] | None


def define(
    family: Callable[[Function], Function],
    source: ModuleType,
    names: str,
    area: str | None = "numpy",
    of_length: Callable[[Function], Function] | None = None,
) -> None:
    """Define the operations of one family.

    Args:
        family: one of the functions below.
        source: the module with the functions.
        names: separated by spaces; `name=other` where the module calls it `other`.
        area: the sub-namespace, as in `operation`.
        of_length: makes what `symbolic` calls so of a JAX function.
    """
    for entry in names.split():
        name, _, theirs = entry.partition("=")
        target = getattr(source, theirs or name)
        fn = family(target)
        fn.__doc__ = f"{_sentence(target)} See `{source.__name__}.{theirs or name}`."
        publish(symbolic(fn, name, of_length=of_length and of_length(target)), area)


def _sentence(target: Function) -> str:
    """The first paragraph of a function's docstring, on one line."""
    return " ".join((target.__doc__ or "").strip().partition("\n\n")[0].split())


def unary(fn: Function) -> Function:
    """One array."""

    def op(x: Tensor) -> Tensor:
        return fn(operand(x))

    return op


def binary(fn: Function) -> Function:
    """Two arrays that broadcast, x1 and x2."""

    def op(x1: Tensor, x2: Tensor) -> Tensor:
        return fn(operand(x1), operand(x2))

    return op


def bits(fn: Function) -> Function:
    """Two arrays of integers that broadcast, x and y."""

    def op(x: Tensor, y: Tensor) -> Tensor:
        return fn(as_integers(x), as_integers(y))

    return op


def inverted_bits(fn: Function) -> Function:
    """One array of integers."""

    def op(x: Tensor) -> Tensor:
        return fn(as_integers(x))

    return op


def divisors(fn: Function) -> Function:
    """Two arrays of integers that broadcast, x1 and x2."""

    def op(x1: Tensor, x2: Tensor) -> Tensor:
        return fn(as_integers(x1), as_integers(x2))

    return op


def closeness(fn: Function) -> Function:
    """Two arrays, compared with tolerances."""

    def op(x1: Tensor, x2: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
        return fn(operand(x1), operand(x2), rtol, atol, equal_nan)

    return op


def reduction(fn: Function) -> Function:
    """Fewer axes than before."""

    def op(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
        return fn(operand(x), axis=axes(axis), keepdims=keepdims)

    return op


def bounded_reduction(fn: Function) -> Function:
    """Fewer axes than before, with an initial value."""

    def op(x: Tensor, axis: Axis = None, keepdims: bool = False, initial: Tensor | None = None) -> Tensor:
        return fn(operand(x), axis=axes(axis), keepdims=keepdims, initial=initial)

    return op


def quantiles(fn: Function) -> Function:
    """Quantiles q along axes."""

    def op(x: Tensor, q: Tensor, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Tensor:
        return fn(operand(x), operand(q), axis=axes(axis), method=method, keepdims=keepdims)

    return op


def cumulative(fn: Function) -> Function:
    """Running results along an axis, of the flattened array if it is None."""

    def op(x: Tensor, axis: int | None = None, dtype: DTypeLike | None = None) -> Tensor:
        return fn(operand(x), axis=axis, dtype=optional_dtype(dtype))

    return op


def along(fn: Function) -> Function:
    """Work along one axis, the last by default."""

    def op(x: Tensor, axis: int = -1) -> Tensor:
        return fn(operand(x), axis=axis)

    return op


def optional_axes(fn: Function) -> Function:
    """Work on some axes, all by default."""

    def op(x: Tensor, axis: Axis = None) -> Tensor:
        return fn(operand(x), axis=axes(axis))

    return op


def lookup(fn: Function) -> Function:
    """Entries at indices along an axis, of the flattened array if it is None."""

    def op(x: Tensor, indices: Tensor, axis: int | None = None) -> Tensor:
        return fn(operand(x), as_integers(indices), axis=axis)

    return op


def alike(fn: Function) -> Function:
    """A new array of another's shape."""

    def op(x: Tensor, dtype: DTypeLike | None = None) -> Tensor:
        return fn(operand(x), dtype=optional_dtype(dtype))

    return op


def band(fn: Function) -> Function:
    """The k-th diagonal, counted upwards from the main one."""

    def op(x: Tensor, k: int = 0) -> Tensor:
        return fn(operand(x), k=k)

    return op


def diagonals(fn: Function) -> Function:
    """A diagonal of the matrices along two axes."""

    def op(x: Tensor, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
        x = as_array(x)
        if (axis1 - axis2) % max(x.ndim, 1) == 0:
            raise MisfitError(f"The two axes of a diagonal differ. Received: axis1={axis1}, axis2={axis2} for {describe(x)}.")
        return fn(x, offset=offset, axis1=axis1, axis2=axis2)

    return op


def joined(fn: Function) -> Function:
    """A list of arrays joined into one."""

    def op(xs: Sequence[Tensor]) -> Tensor:
        return fn([operand(x) for x in xs])

    return op


def parted(fn: Function) -> Function:
    """An array cut into a list, at indices or into equal sections."""

    def op(x: Tensor, indices_or_sections: Shape) -> list[Tensor]:
        return fn(operand(x), axes(indices_or_sections))

    return op


def parted_along(fn: Function) -> Function:
    """An array cut along an axis into a list, at indices or into sections."""

    def op(x: Tensor, indices_or_sections: Shape, axis: int = 0) -> list[Tensor]:
        return fn(operand(x), axes(indices_or_sections), axis=axis)

    return op


def segments(fn: Function) -> Function:
    """One result per segment of the rows."""

    def op(data: Tensor, segment_ids: Tensor, num_segments: int | None = None, sorted: bool = False) -> Tensor:
        return fn(operand(data), as_integers(segment_ids), num_segments, indices_are_sorted=sorted)

    return op


def segments_of_length(fn: Function) -> Function:
    """n segments, unless their number is given."""
    reduce = segments(fn)

    def op(n: int, data: Tensor, segment_ids: Tensor, num_segments: int | None = None, sorted: bool = False) -> Tensor:
        return reduce(data, segment_ids, n if num_segments is None else num_segments, sorted)

    return op


def spread(fn: Function) -> Function:
    """An activation with a slope parameter alpha."""

    def op(x: Tensor, alpha: float = 1.0) -> Tensor:
        return fn(operand(x), alpha)

    return op


def shrink(fn: Function) -> Function:
    """An activation with a threshold."""

    def op(x: Tensor, threshold: float = 0.5) -> Tensor:
        return fn(operand(x), threshold)

    return op
