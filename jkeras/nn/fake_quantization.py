"""Fake quantization: floats rounded to the values that integers of a few bits can stand for, so that training meets the rounding.

The range `[low, high]` is moved a little, so that one of its steps is exactly 0. The gradient passes straight through the
rounding: within the range it goes to the input, below it to `low`, above it to `high`.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp

from jkeras._base.types import Array, Float


@partial(jax.jit, static_argnames=("num_bits", "narrow_range", "axis"))
def fake_quantize(
    x: Float[Array, "*shape"],
    low: Float[Array, "*channels"],
    high: Float[Array, "*channels"],
    num_bits: int = 8,
    narrow_range: bool = False,
    axis: int | None = None,
) -> Float[Array, "*shape"]:
    """Round to the nearest of `2**num_bits` values, evenly spaced over a range.

    Args:
        x: floats of any shape.
        low, high: the range: numbers, or one for each entry along an axis.
        num_bits: of the integers.
        narrow_range: do without the least integer, so that a symmetric range has its 0 in the middle.
        axis: along which each entry has a range of its own; None: one range for all.

    Returns:
        The shape and dtype of `x`.

    Source: Benoit Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference",
    2018.

    Example:
        >>> fake_quantize(jnp.array([-1.0, 0.2, 0.4, 9.0]), jnp.array(0.0), jnp.array(1.5), num_bits=2).tolist()
        [0.0, 0.0, 0.5, 1.5]
        >>> jax.grad(lambda high: fake_quantize(jnp.array([0.2, 9.0]), jnp.array(0.0), high).sum())(1.5).item()
        1.0
    """
    along = () if axis is None else (*(1,) * (axis % x.ndim), -1, *(1,) * (x.ndim - 1 - axis % x.ndim))
    ends = (jnp.reshape(end, along).astype(jnp.promote_types(end.dtype, jnp.float32)) for end in map(jnp.asarray, (low, high)))
    return _rounded(x, *ends, 2**num_bits - 1 - narrow_range)


@partial(jax.custom_vjp, nondiff_argnums=(3,))
def _rounded(x: Array, low: Array, high: Array, steps: int) -> Array:
    least, largest, step = _moved_range(low, high, steps)
    return (jnp.round((jnp.clip(x, least, largest) - least) / _divisor(step)) * step + least).astype(x.dtype)


def _moved_range(low: Array, high: Array, steps: int) -> tuple[Array, Array, Array]:
    """The range with 0 among its steps, and the step."""
    step = (high - low) / steps
    below = jnp.round(jnp.clip(-low / _divisor(step), 0, steps))
    return -below * step, (steps - below) * step, step


def _divisor(step: Array) -> Array:
    """The step, or 1 for a range of 0 alone, whose result is 0."""
    return jnp.where(step == 0, 1, step)


def _forward(x: Array, low: Array, high: Array, steps: int) -> tuple[Array, tuple[Array, Array, Array]]:
    return _rounded(x, low, high, steps), (x, low, high)


def _backward(steps: int, kept: tuple[Array, Array, Array], upstream: Array) -> tuple[Array, Array, Array]:
    x, low, high = kept
    least, largest, _ = _moved_range(low, high, steps)
    shared = tuple(i for i in range(x.ndim) if not low.ndim or low.shape[i] == 1)

    def share(chosen: Array, end: Array) -> Array:
        return jnp.sum(jnp.where(chosen, upstream, 0), axis=shared, dtype=end.dtype).reshape(end.shape)

    within = (x >= least) & (x <= largest)
    return jnp.where(within, upstream, 0), share(x < least, low), share(x > largest, high)


_rounded.defvjp(_forward, _backward)
