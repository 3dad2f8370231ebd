"""8-bit floats with scales: an array is divided by a scale, so that its largest entry comes near the largest 8-bit float.

The largest entries of the last steps, the amax history, say which scale to take next: nothing waits for the maximum of the array
itself. Values are rounded to `float8_e4m3fn`, which has more digits, gradients to `float8_e5m2`, which has more range. What the
layer multiplies is in its usual dtype again; a compiler that finds the two casts can multiply the 8-bit floats themselves.

Scale and history have no gradient. What stands in its place is their next value: that is how the maximum of a gradient, which
only the backward pass knows, gets out. JAX adds the gradients of several uses. So a use also hands scale and history on as they
are: a later use that takes those sends its next values back through the earlier one, which takes the larger of both. Under `vmap`
all that share a scale share the maximum. There is no forward mode (`jax.jvp`), since a tangent cannot carry any of this.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jkeras._base.types import Array, DTypeLike, Float

VALUES, GRADIENTS = jnp.float8_e4m3fn, jnp.float8_e5m2


def next_scale(
    amax: Float[Array, ""], scale: Float[Array, ""], dtype_max: float | Float[Array, ""], margin: int = 0
) -> Float[Array, ""]:
    """`amax 2**margin / dtype_max`; the old scale, where the maximum is 0 or not finite.

    Args:
        amax: the largest absolute value that is expected.
        scale: the current scale, by which arrays are divided.
        dtype_max: the largest number of the 8-bit dtype.
        margin: powers of two to spare.

    Source: NVIDIA, "Transformer Engine", FP8 with delayed scaling.

    Example:
        >>> next_scale(jnp.array(896.0), jnp.array(1.0), 448.0).item(), next_scale(jnp.array(0.0), jnp.array(3.0), 448.0).item()
        (2.0, 3.0)
    """
    usable = (amax > 0) & jnp.isfinite(amax)
    return jnp.where(usable, amax / dtype_max * 2**margin, scale)


@jax.custom_batching.custom_vmap
def amax(x: Float[Array, "*shape"], history: Float[Array, " steps"]) -> Float[Array, ""]:
    """`max |x|`; under `vmap` that of the whole batch, unless each has a history of its own."""
    return jnp.max(jnp.abs(x)).astype(history.dtype)


@amax.def_vmap
def _(size: int, batched: list[bool], x: Array, history: Array) -> tuple[Array, bool]:
    if not batched[1]:
        return amax(x, history), False
    return jax.vmap(amax, (0 if batched[0] else None, 0))(x, history), True


def next_amax_history(x: Float[Array, "*shape"], history: Float[Array, " steps"]) -> Float[Array, " steps"]:
    """The history with `max |x|` as its first entry, in place of the oldest, which is the second.

    Example:
        >>> next_amax_history(jnp.array([-7.0, 2.0]), jnp.array([3.0, 1.0, 2.0])).tolist()
        [7.0, 2.0, 3.0]
    """
    return jnp.roll(history, -1).at[0].set(amax(x, history))


def round_to(
    x: Float[Array, "*shape"], scale: Float[Array, ""], quantized_dtype: DTypeLike, compute_dtype: DTypeLike
) -> Float[Array, "*shape"]:
    """`x / scale` as 8-bit floats, times `scale` again; what is too large becomes the largest number.

    Args:
        x: floats of any shape.
        scale: by which they are divided.
        quantized_dtype: such as `"float8_e4m3fn"`.
        compute_dtype: of the result.

    Example:
        >>> round_to(jnp.array([1.1, 1000.0]), jnp.array(1.0), "float8_e4m3fn", "float32").tolist()
        [1.125, 448.0]
    """
    scale, largest = jnp.asarray(scale, compute_dtype), float(jnp.finfo(quantized_dtype).max)
    return jnp.clip(x / scale, -largest, largest).astype(quantized_dtype).astype(compute_dtype) * scale


class Amax(NamedTuple):
    """The scale of an array in 8-bit floats, and the largest entries that it had in the last steps; both float32."""

    scale: Float[Array, ""]
    history: Float[Array, " steps"]


@jax.custom_vjp
def float8_values(x: Float[Array, "*shape"], kept: Amax) -> tuple[Float[Array, "*shape"], Amax]:
    """The array rounded to `float8_e4m3fn`; the gradient passes straight through.

    Args:
        x: what a layer multiplies, in its compute dtype.
        kept: of this array.

    Returns:
        An array like `x`, and what the next use in the same step takes. In place of the gradients of `kept` stand the
        next values.

    Example:
        >>> x, kept = jnp.array([1.1, 2.0]), Amax(jnp.array(1.0), jnp.array([448.0, 0.0]))
        >>> float8_values(x, kept)[0].tolist()
        [1.125, 2.0]
        >>> jax.grad(lambda x, kept: float8_values(x, kept)[0].sum(), 1)(x, kept).history.tolist()
        [2.0, 448.0]
    """
    return round_to(x, kept[0], VALUES, x.dtype), kept


@jax.custom_vjp
def float8_gradients(y: Float[Array, "*shape"], kept: Amax) -> tuple[Float[Array, "*shape"], Amax]:
    """The array as it is; its gradient is rounded to `float8_e5m2`.

    Args:
        y: what a layer has computed.
        kept: of its gradient.

    Returns:
        `y`, and what the next use in the same step takes.
    """
    return y, kept


def _next(x: Array, kept: Amax, dtype: DTypeLike) -> Amax:
    scale, history = kept
    new = next_scale(jnp.max(history), scale, float(jnp.finfo(dtype).max))
    return Amax(new.astype(scale.dtype), next_amax_history(x, history))


def _larger(ours: Amax, later: Amax) -> Amax:
    """The next values after two uses, which differ in the newest maximum; zeros, where there is no later one."""
    return jax.tree.map(jnp.maximum, ours, later)


def _values_forward(x: Array, kept: Amax) -> tuple[tuple[Array, Amax], Amax]:
    return float8_values(x, kept), _next(x, kept, VALUES)


def _values_backward(following: Amax, upstream: tuple[Array, Amax]) -> tuple[Array, Amax]:
    gradient, later = upstream
    return gradient, _larger(following, later)


def _gradients_forward(y: Array, kept: Amax) -> tuple[tuple[Array, Amax], Amax]:
    return (y, kept), kept


def _gradients_backward(kept: Amax, upstream: tuple[Array, Amax]) -> tuple[Array, Amax]:
    gradient, later = upstream
    return round_to(gradient, kept[0], GRADIENTS, gradient.dtype), _larger(_next(gradient, kept, GRADIENTS), later)


float8_values.defvjp(_values_forward, _values_backward)
float8_gradients.defvjp(_gradients_forward, _gradients_backward)
