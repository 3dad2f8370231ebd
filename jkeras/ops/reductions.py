"""From many numbers to few: sums, extremes, means, quantiles, running results, counts, and one result per segment."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from jkeras._base.dtypes import optional_dtype
from jkeras._base.errors import describe
from jkeras._base.plain_numbers import INTEGERS
from jkeras.nn.lengths import root
from jkeras.ops.families import Axis, bounded_reduction, cumulative, define, quantiles, reduction, segments, segments_of_length
from jkeras.ops.wrapper import Tensor, as_array, axes, no_sparse, operand, operation

_REDUCTIONS = """
all amax=max amin=min any mean median nanargmax nanargmin nanmax nanmean nanmedian nanmin nanprod nansum
nanvar ptp sum var
"""

define(reduction, jnp, _REDUCTIONS)
define(bounded_reduction, jnp, "max min")
define(quantiles, jnp, "nanpercentile nanquantile percentile quantile")
define(cumulative, jnp, "cumprod cumsum nancumprod nancumsum")
define(segments, jax.ops, "segment_max segment_min segment_prod segment_sum", area=None, of_length=segments_of_length)


@operation("numpy")
def std(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The standard deviation over axes, all by default; where it is 0, so is its gradient.

    Example:
        >>> float(std([1.0, 3.0]))
        1.0
    """
    return root(jnp.var(operand(x), axis=axes(axis), keepdims=keepdims))


@operation("numpy")
def nanstd(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """`std` of the entries that are numbers."""
    return root(jnp.nanvar(operand(x), axis=axes(axis), keepdims=keepdims))


@operation("numpy")
def prod(x: Tensor, axis: Axis = None, keepdims: bool = False, dtype: DTypeLike | None = None) -> Tensor:
    """The product over axes, all by default."""
    return jnp.prod(operand(x), axis=axes(axis), keepdims=keepdims, dtype=optional_dtype(dtype))


@operation("numpy")
def average(x: Tensor, axis: Axis = None, weights: Tensor | None = None) -> Tensor:
    """The mean over axes, weighted if weights are given: `sum(w x) / sum(w)`.

    Args:
        x: numbers.
        axis: to take the mean over, all by default.
        weights: of x's shape, or as long as the one axis.
    """
    return jnp.average(operand(x), axis=axes(axis), weights=None if weights is None else operand(weights))


@operation("numpy")
def count_nonzero(x: Tensor, axis: Axis = None) -> Tensor:
    """How many entries are not 0, over axes, all by default."""
    return jnp.count_nonzero(operand(x), axis=axes(axis)).astype("int32")


@operation()
def logsumexp(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """`log(sum(exp(x)))` over axes, without overflow.

    Example:
        >>> print(f"{logsumexp([1000.0, 1000.0]):.3f}")
        1000.693
    """
    return jax.nn.logsumexp(as_array(x), axis=axes(axis), keepdims=keepdims)


@operation("numpy")
def diff(a: Tensor, n: int = 1, axis: int = -1) -> Tensor:
    """Differences of neighbours along an axis, taken n times."""
    return jnp.diff(operand(a), n=n, axis=axis)


@operation("numpy")
def trapezoid(y: Tensor, x: Tensor | None = None, dx: Tensor = 1.0, axis: int = -1) -> Tensor:
    """The integral along an axis by the trapezoidal rule.

    Args:
        y: values of the function.
        x: where they were taken; None for steps of dx.
        dx: the step.
        axis: along which.

    Example:
        >>> float(trapezoid([0.0, 1.0, 4.0]))
        3.0
    """
    return jnp.trapezoid(as_array(y), None if x is None else as_array(x), dx=dx, axis=axis)


@operation("numpy", of_length=lambda n, x, weights=None, minlength=0, sparse=False: _counted(as_array(x), weights, n))
def bincount(x: Tensor, weights: Tensor | None = None, minlength: int = 0, sparse: bool = False) -> Tensor:
    """How often each non-negative integer occurs, or the sum of its weights.

    Args:
        x: integers, `(n,)` or `(batch, n)`.
        weights: of x's shape, or None to count.
        minlength: the minimum length of the result, by default the largest integer plus 1.
        sparse: Keras' argument; True is an error.

    Returns:
        `(length,)` or `(batch, length)`. The length depends on values, so not for `jit`.

    Example:
        >>> bincount([1, 1, 3]).tolist()
        [0, 2, 0, 1]
    """
    no_sparse(sparse)
    x = as_array(x)
    return _counted(x, weights, max(int(jnp.max(x)) + 1 if x.size else 0, minlength))


def _counted(x: jax.Array, weights: Tensor | None, length: int) -> jax.Array:
    if weights is not None:
        weights = as_array(weights)
    if x.ndim == 1:
        return jnp.bincount(x, weights, length=length)
    return jax.vmap(lambda row, w: jnp.bincount(row, w, length=length), (0, None if weights is None else 0))(x, weights)


@operation("numpy")
def histogram(x: Tensor, bins: Tensor = 10, range: tuple[float, float] | None = None) -> tuple[Tensor, Tensor]:
    """How many entries fall into each bin.

    Args:
        x: numbers of any shape.
        bins: how many bins of equal width, or their edges in rising order.
        range: the first and last edge, by default the smallest and largest entry.

    Returns:
        The counts and the edges, of which there is one more.

    Raises:
        ValueError: the range is no rising pair.
    """
    if range is not None and (len(range) != 2 or range[0] > range[1]):
        raise ValueError(f"range is the first and the last edge, the smaller one first. Received: {range!r}.")
    return jnp.histogram(operand(x), bins=bins if isinstance(bins, INTEGERS) else operand(bins), range=range)


@operation("nn")
def moments(x: Tensor, axes: int | tuple[int, ...], keepdims: bool = False, synchronized: bool = False) -> tuple[Tensor, Tensor]:
    """Mean and variance over some axes.

    Args:
        x: numbers.
        axes: to reduce.
        keepdims: whether reduced axes stay, with size 1.
        synchronized: Keras' argument; sharded arrays are reduced as a whole in any case, so True is an error.

    Returns:
        Mean and variance in x's dtype; half precision is computed in float32 and kept within float16's range.

    Example:
        >>> [float(m) for m in moments([1.0, 3.0], axes=0)]
        [2.0, 1.0]
    """
    if synchronized:
        raise ValueError(
            "synchronized=True is not needed here: write moments(x, axes), which reduces a sharded array as a whole."
        )
    x = as_array(x)
    axes = tuple(axes) if isinstance(axes, list) else axes
    if jnp.issubdtype(x.dtype, jnp.floating) and x.dtype.itemsize < 4:
        wide, limit = x.astype("float32"), float(jnp.finfo("float16").max)
        pair = jnp.mean(wide, axes, keepdims=keepdims), jnp.var(wide, axes, keepdims=keepdims)
        return tuple(jnp.clip(m, -limit, limit).astype(x.dtype) for m in pair)  # type: ignore[return-value]
    return jnp.mean(x, axes, keepdims=keepdims), jnp.var(x, axes, keepdims=keepdims)


@operation()
def in_top_k(targets: Tensor, predictions: Tensor, k: int) -> Tensor:
    """Whether the target class is among the k largest predictions; classes as large as the target's do not count against it.

    Args:
        targets: classes, `(...)`.
        predictions: scores, `(..., classes)`.
        k: how many.

    Example:
        >>> in_top_k([0, 1], [[0.1, 0.9, 0.5], [0.1, 0.9, 0.5]], k=2).tolist()
        [False, True]
    """
    targets, predictions = as_array(targets), as_array(predictions)
    if predictions.ndim != targets.ndim + 1:
        raise ValueError(
            f"in_top_k takes targets (...) and predictions (..., classes), received {describe((targets, predictions))}."
        )
    own = jnp.take_along_axis(predictions, targets[..., None], axis=-1)
    larger = jnp.sum(predictions > jnp.where(jnp.isnan(own), -jnp.inf, own), axis=-1)
    return larger < k
