"""Normalisation: bring activations to mean 0 and variance 1, then scale and shift them.

The methods differ only in what the statistics are taken over: batch normalisation takes them per channel over the batch and
all positions, layer normalisation per example over the channels, group normalisation per example over the positions and a group
of channels. Statistics are computed in float32 or better, because the
sums of half-precision numbers overflow or lose digits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax.numpy as jnp
from jax import lax

from jkeras._base.errors import describe
from jkeras._base.plain_numbers import INTEGERS
from jkeras._base.types import Array, Bool, Float, Ints

# Keeps the statistics of a batch whose mask is all False finite.
_MASK_EPSILON = 1e-7


def at_least_float32(x: Array) -> Array:
    """The same values in float32, or in x's own dtype where that is wider."""
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def moments(
    x: Float[Array, " *shape"],
    axes: Ints,
    mask: Bool[Array, " *positions"] | None = None,
    keepdims: bool = False,
    across: Sequence[str] = (),
) -> tuple[Array, Array]:
    """Mean and (biased) variance over some axes: `mean = sum(m x) / sum(m)`, `variance = sum(m (x - mean)^2) / sum(m)`.

    Args:
        x: any shape.
        axes: the axes to reduce.
        mask: True (m = 1) where x counts; x's shape without the last axis. None: everything counts.
        keepdims: whether reduced axes stay, with size 1.
        across: names of the axes of devices (`shard_map`, `pmap`) or of `vmap` over which to reduce too; x is one shard of many.

    Returns:
        Mean and variance, float32 or wider.

    Raises:
        ValueError: the mask's rank is not one less than x's.

    Example:
        >>> import jax.numpy as jnp
        >>> mean, variance = moments(jnp.array([[1.0], [3.0], [50.0]]), axes=0, mask=jnp.array([True, True, False]))
        >>> float(mean[0]), float(variance[0])
        (2.0, 1.0)
    """
    x = at_least_float32(x)
    axes = (axes,) if isinstance(axes, INTEGERS) else tuple(axes)
    names = tuple(across)
    if mask is None:
        mean = _over_shards(lax.pmean, jnp.mean(x, axes, keepdims=True), names)
        variance = _over_shards(lax.pmean, jnp.mean(jnp.square(x - mean), axes, keepdims=True), names)
    else:
        if mask.ndim != x.ndim - 1:
            raise ValueError(f"a mask has one axis less than what it masks: received mask {describe(mask)} for {describe(x)}.")
        keep = jnp.broadcast_to(mask.astype(bool)[..., None], x.shape)
        count = _over_shards(lax.psum, jnp.sum(keep, axes, keepdims=True, dtype=x.dtype), names) + _MASK_EPSILON
        mean = _over_shards(lax.psum, jnp.sum(jnp.where(keep, x, 0), axes, keepdims=True), names) / count
        squares = jnp.square(jnp.where(keep, x - mean, 0))
        variance = _over_shards(lax.psum, jnp.sum(squares, axes, keepdims=True), names) / count
    return (mean, variance) if keepdims else (jnp.squeeze(mean, axes), jnp.squeeze(variance, axes))


def _over_shards(reduce: Callable[..., Array], value: Array, names: tuple[str, ...]) -> Array:
    return reduce(value, names) if names else value


def normalize(
    x: Array, mean: Array, variance: Array, offset: Array | None = None, scale: Array | None = None, *, epsilon: float = 1e-3
) -> Array:
    """`(x - mean) / sqrt(variance + epsilon) * scale + offset`, for statistics that broadcast against x."""
    factor = lax.rsqrt(variance + epsilon)
    y = (x - mean) * (factor if scale is None else factor * scale)
    return y if offset is None else y + offset


def batch_norm(
    x: Float[Array, " *shape"],
    mean: Float[Array, " channels"],
    variance: Float[Array, " channels"],
    offset: Float[Array, " channels"] | None = None,
    scale: Float[Array, " channels"] | None = None,
    *,
    axis: int = -1,
    epsilon: float = 1e-3,
) -> Float[Array, " *shape"]:
    """Normalise every channel with its own mean and variance.

    Args:
        x: any shape, channels along `axis`.
        mean, variance, offset, scale: one number per channel; offset and scale may be None.
        axis: the channel axis.
        epsilon: added to the variance.

    Returns:
        x's shape and dtype; computed in float32 or wider.

    Example:
        >>> import jax.numpy as jnp
        >>> batch_norm(jnp.array([[2.0], [4.0]]), jnp.array([3.0]), jnp.array([1.0]), epsilon=0.0).ravel().tolist()
        [-1.0, 1.0]

    Source: Sergey Ioffe, Christian Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing Internal
    Covariate Shift", 2015.
    """
    wide = at_least_float32(x)
    if x.ndim == 2:
        vectors = [_along(v, 2, (axis % 2,), wide.dtype) for v in (mean, variance, offset, scale)]
        return normalize(wide, *vectors, epsilon=epsilon).astype(x.dtype)  # type: ignore[arg-type]
    # One factor and one offset per channel: in the gradient x itself meets what comes from above, and x - mean, an array as large
    # as x, need not be kept for it. Where a mean is large beside its deviation that costs digits, so small arrays do without.
    factor = lax.rsqrt(variance.astype(wide.dtype) + epsilon)
    factor = factor if scale is None else factor * scale
    shift = -mean * factor if offset is None else offset - mean * factor
    along = tuple(x.shape[a] if a == axis % x.ndim else 1 for a in range(x.ndim))
    return (wide * factor.reshape(along) + shift.reshape(along)).astype(x.dtype)


def renorm_correction(
    mean: Float[Array, " channels"],
    deviation: Float[Array, " channels"],
    running_mean: Float[Array, " channels"],
    running_deviation: Float[Array, " channels"],
    *,
    rmin: float | None = None,
    rmax: float | None = None,
    dmax: float | None = None,
) -> tuple[Float[Array, " channels"], Float[Array, " channels"]]:
    """r and d of batch renormalisation: with them a batch is normalised by running statistics in place of its own,

        (x - mean) / deviation * r + d = (x - running_mean) / running_deviation,    r = deviation / running_deviation,
                                                                     d = (mean - running_mean) / running_deviation

    Gradients take r and d as constants, so they still see the batch's statistics.

    Args:
        mean, deviation: of the batch.
        running_mean, running_deviation: of the batches before.
        rmin, rmax, dmax: limits, `rmin <= r <= rmax` and `-dmax <= d <= dmax`; None for none.

    Example:
        >>> import jax.numpy as jnp
        >>> one = jnp.ones(1)
        >>> [v.tolist() for v in renorm_correction(3 * one, 2 * one, one, 4 * one, dmax=0.25)]
        [[0.5], [0.25]]

    Source: Sergey Ioffe, "Batch Renormalization: Towards Reducing Minibatch Dependence in Batch-Normalized Models", 2017.
    """
    r = jnp.clip(deviation / running_deviation, rmin, rmax)
    d = jnp.clip((mean - running_mean) / running_deviation, None if dmax is None else -dmax, dmax)
    return lax.stop_gradient(r), lax.stop_gradient(d)


def layer_norm(
    x: Float[Array, " *shape"],
    scale: Array | None = None,
    offset: Array | None = None,
    *,
    axis: Ints = -1,
    epsilon: float = 1e-3,
    center: bool = True,
) -> Float[Array, " *shape"]:
    """Normalise every example over `axis`, then scale and shift.

    Args:
        x: any shape.
        scale, offset: the shape of the normalised axes, in their order in x; or None.
        axis: the axis or axes that the statistics are taken over.
        epsilon: added to the variance.
        center: whether to subtract the mean; the variance is taken about it in any case.

    Returns:
        x's shape and dtype; computed in float32 or wider.

    Example:
        >>> import jax.numpy as jnp
        >>> layer_norm(jnp.array([1.0, 3.0]), epsilon=0.0).tolist()
        [-1.0, 1.0]

    Source: Jimmy Lei Ba, Jamie Ryan Kiros, Geoffrey Hinton, "Layer Normalization", 2016.
    """
    wide, axes = at_least_float32(x), _positive(axis, x.ndim)
    mean, variance = moments(wide, axes, keepdims=True)
    offset, scale = (_along(v, x.ndim, axes, wide.dtype) for v in (offset, scale))
    return normalize(wide, mean if center else jnp.zeros_like(mean), variance, offset, scale, epsilon=epsilon).astype(x.dtype)


def group_norm(
    x: Float[Array, " *shape"],
    groups: int,
    scale: Float[Array, " channels"] | None = None,
    offset: Float[Array, " channels"] | None = None,
    *,
    axis: int = -1,
    epsilon: float = 1e-3,
) -> Float[Array, " *shape"]:
    """Normalise every example and group of neighbouring channels over all positions, then scale and shift every channel.

    Args:
        x: `(batch, ...)`, channels along `axis`.
        groups: number of groups, which divides the number of channels.
        scale, offset: one number per channel; or None.
        axis: the channel axis.
        epsilon: added to the variance.

    Returns:
        x's shape and dtype; computed in float32 or wider.

    Example:
        >>> import jax.numpy as jnp
        >>> group_norm(jnp.array([[1.0, 3.0, 5.0, 9.0]]), 2, epsilon=0.0).tolist()
        [[-1.0, 1.0, -1.0, 1.0]]

    Source: Yuxin Wu, Kaiming He, "Group Normalization", 2018.
    """
    wide, axis = at_least_float32(x), axis % x.ndim
    channels, positions = x.shape[axis], [a for a in range(1, x.ndim) if a != axis]
    along = (*(x.shape[a] if a in (0, axis) else 1 for a in range(x.ndim)),)

    def per_group(v: Array) -> Array:
        """The mean over positions and group, for every example and channel."""
        means = jnp.mean(jnp.mean(v, positions).reshape(-1, groups, channels // groups), -1, keepdims=True)
        return jnp.broadcast_to(means, (v.shape[0], groups, channels // groups)).reshape(along)

    mean = per_group(wide)
    variance = per_group(jnp.square(wide - mean))
    offset, scale = (_along(v, x.ndim, (axis,), wide.dtype) for v in (offset, scale))
    # One factor and one shift per channel, as in batch_norm: x - mean, an array as large as x, need not be kept for the gradient.
    factor = lax.rsqrt(variance + epsilon)
    factor = factor if scale is None else factor * scale
    shift = -mean * factor if offset is None else offset - mean * factor
    return (wide * factor + shift).astype(x.dtype)


def rms_norm(
    x: Float[Array, " *shape"], scale: Array | None = None, *, axis: Ints = -1, epsilon: float = 1e-6
) -> Float[Array, " *shape"]:
    """Divide by the root of the mean square over `axis`: `x / sqrt(mean(x^2) + epsilon) * scale`.

    Args:
        x: any shape.
        scale: the shape of the normalised axes, in their order in x; or None.
        axis: the axis or axes that the mean square is taken over.
        epsilon: added to the mean square.

    Returns:
        x's shape and dtype; computed in float32 or wider.

    Example:
        >>> import jax.numpy as jnp
        >>> rms_norm(jnp.array([3.0, 3.0]), epsilon=0.0).tolist()
        [1.0, 1.0]

    Source: Biao Zhang, Rico Sennrich, "Root Mean Square Layer Normalization", 2019.
    """
    wide, axes = at_least_float32(x), _positive(axis, x.ndim)
    y = wide * lax.rsqrt(jnp.mean(jnp.square(wide), axes, keepdims=True) + epsilon)
    scale = _along(scale, x.ndim, axes, wide.dtype)
    return (y if scale is None else y * scale).astype(x.dtype)


def _positive(axis: Ints, ndim: int) -> tuple[int, ...]:
    axes = (axis,) if isinstance(axis, INTEGERS) else tuple(axis)
    if not all(-ndim <= a < ndim for a in axes):
        raise ValueError(f"axis={axis!r} is out of range for an input of rank {ndim}.")
    positive = sorted({a % ndim for a in axes})
    if len(positive) < len(axes):
        raise ValueError(f"axis={axis!r} names an axis of an input of rank {ndim} twice. Name it once.")
    return tuple(positive)


def _along(v: Array | None, ndim: int, axes: Sequence[int], dtype: jnp.dtype) -> Array | None:
    """Give v the rank `ndim`, its own axes at `axes` and ones elsewhere."""
    if v is None:
        return None
    shape, sizes = [1] * ndim, iter(v.shape)
    for a in axes:
        shape[a] = next(sizes)
    return v.astype(dtype).reshape(shape)
