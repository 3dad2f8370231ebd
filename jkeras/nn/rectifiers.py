"""Rectifiers: activations made of a few simple pieces, cheap and exactly zero (or flat) over part of the line.

As in `activations.py`, all take an array of any shape, return its shape and dtype, and are compiled, so that an eager call runs
without a Python frame. At a kink the gradient is the one of the piece that Keras' function takes there.
"""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp

from jkeras._base.types import Array, Float


@functools.partial(jax.jit, static_argnames=("negative_slope", "max_value", "threshold"))
def relu(
    x: Float[Array, "*shape"], negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> Float[Array, "*shape"]:
    """The rectified linear unit `max(x, 0)`, in general

        f(x) = max_value                       for x >= max_value
               x                               for threshold < x < max_value
               negative_slope (x - threshold)  otherwise.

    Args:
        x: any shape.
        negative_slope: the slope below the threshold, 0 by default.
        max_value: the largest value; None (default) for no bound. With a bound, no value of the upper pieces is below 0.
        threshold: where the lower piece ends, 0 by default.

    Example:
        >>> import jax.numpy as jnp
        >>> relu(jnp.array([-10.0, -0.5, 5.0, 10.0])).tolist()
        [0.0, 0.0, 5.0, 10.0]
        >>> relu(jnp.array([-10.0, -0.5, 5.0, 10.0]), negative_slope=0.5, max_value=6).tolist()
        [-5.0, -0.25, 5.0, 6.0]
    """
    x = jnp.asarray(x)
    if max_value is None and threshold == 0:
        return jax.nn.leaky_relu(x, float(negative_slope)) if negative_slope else jax.nn.relu(x)
    y = jax.nn.relu(x) if threshold == 0 else jnp.where(x > threshold, x, 0)
    if max_value is not None:
        y = jnp.clip(y, 0, jnp.asarray(max_value, x.dtype))
    return y - float(negative_slope) * jax.nn.relu(threshold - x) if negative_slope else y


@jax.jit
def relu6(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """A relu that stops at 6: `min(max(x, 0), 6)`.

    Source: Krizhevsky, "Convolutional Deep Belief Networks on CIFAR-10", 2010.

    Example:
        >>> import jax.numpy as jnp
        >>> relu6(jnp.array([-1.0, 3.0, 10.0])).tolist()
        [0.0, 3.0, 6.0]
    """
    return jax.nn.relu6(jnp.asarray(x))


@jax.jit
def leaky_relu(x: Float[Array, "*shape"], negative_slope: float = 0.2) -> Float[Array, "*shape"]:
    """A relu with a small slope on the left: `x` where x >= 0, else `negative_slope x`.

    Source: Maas, Hannun and Ng, "Rectifier Nonlinearities Improve Neural Network Acoustic Models", 2013.

    Example:
        >>> import jax.numpy as jnp
        >>> leaky_relu(jnp.array([-10.0, 3.0])).tolist()
        [-2.0, 3.0]
    """
    return jax.nn.leaky_relu(jnp.asarray(x), negative_slope)


@jax.jit
def hard_sigmoid(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """A sigmoid of three straight pieces: `min(max(x + 3, 0), 6) / 6`.

    Example:
        >>> import jax.numpy as jnp
        >>> hard_sigmoid(jnp.array([-3.0, 0.0, 3.0])).tolist()
        [0.0, 0.5, 1.0]
    """
    return jax.nn.hard_sigmoid(jnp.asarray(x))


@jax.jit
def hard_sigmoid_keras2(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """What Keras 2 called hard sigmoid: `min(max(0.2 x + 0.5, 0), 1)`, steeper than today's.

    Example:
        >>> import jax.numpy as jnp
        >>> hard_sigmoid_keras2(jnp.array([-2.5, 0.0, 2.5])).tolist()
        [0.0, 0.5, 1.0]
    """
    return jnp.clip(0.2 * jnp.asarray(x) + 0.5, 0.0, 1.0)


@jax.jit
def hard_silu(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """The silu of the hard sigmoid, also called hard swish: `x hard_sigmoid(x)`.

    Source: Howard et al., "Searching for MobileNetV3", 2019.

    Example:
        >>> import jax.numpy as jnp
        >>> hard_silu(jnp.array([-3.0, 0.0, 3.0])).tolist()
        [-0.0, 0.0, 3.0]
    """
    return jax.nn.hard_silu(jnp.asarray(x))


@jax.jit
def hard_tanh(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """A tangent of three straight pieces: `min(max(x, -1), 1)`.

    Example:
        >>> import jax.numpy as jnp
        >>> hard_tanh(jnp.array([-2.0, 0.5, 2.0])).tolist()
        [-1.0, 0.5, 1.0]
    """
    return jax.nn.hard_tanh(jnp.asarray(x))


@jax.jit
def hard_shrink(x: Float[Array, "*shape"], threshold: float = 0.5) -> Float[Array, "*shape"]:
    """Small values to 0, others as they are: `x` where |x| > threshold, else 0.

    Example:
        >>> import jax.numpy as jnp
        >>> hard_shrink(jnp.array([-2.0, 0.5, 1.0])).tolist()
        [-2.0, 0.0, 1.0]
    """
    x = jnp.asarray(x)
    return jnp.where(jnp.abs(x) > threshold, x, 0.0)


@jax.jit
def soft_shrink(x: Float[Array, "*shape"], threshold: float = 0.5) -> Float[Array, "*shape"]:
    """All values nearer to 0 by the threshold, small ones to 0: `sign(x) max(|x| - threshold, 0)`.

    Example:
        >>> import jax.numpy as jnp
        >>> soft_shrink(jnp.array([-2.0, 0.5, 1.0])).tolist()
        [-1.5, 0.0, 0.5]
    """
    x = jnp.asarray(x)
    return jnp.where(x > threshold, x - threshold, jnp.where(x < -threshold, x + threshold, 0.0))


@jax.jit
def threshold(x: Float[Array, "*shape"], threshold: float, default_value: float) -> Float[Array, "*shape"]:
    """Another value for what does not exceed a threshold: `x` where x > threshold, else `default_value`.

    Example:
        >>> import jax.numpy as jnp
        >>> threshold(jnp.array([-1.0, 0.5, 2.0]), 1.0, 0.0).tolist()
        [0.0, 0.0, 2.0]
    """
    x = jnp.asarray(x)
    return jnp.where(x > threshold, x, default_value)


@jax.jit
def sparse_plus(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """A softplus with a true zero: 0 where x <= -1, `(x + 1)^2 / 4` between, `x` where x >= 1.

    Example:
        >>> import jax.numpy as jnp
        >>> sparse_plus(jnp.array([-1.0, 0.0, 2.0])).tolist()
        [0.0, 0.25, 2.0]
    """
    return jax.nn.sparse_plus(jnp.asarray(x))


@jax.jit
def sparse_sigmoid(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """The derivative of `sparse_plus`: 0 where x <= -1, `(x + 1) / 2` between, 1 where x >= 1.

    Example:
        >>> import jax.numpy as jnp
        >>> sparse_sigmoid(jnp.array([-2.0, 0.0, 2.0])).tolist()
        [0.0, 0.5, 1.0]
    """
    return jax.nn.sparse_sigmoid(jnp.asarray(x))


@functools.partial(jax.jit, static_argnames="axis")
def sparsemax(x: Float[Array, "*shape"], axis: int = -1) -> Float[Array, "*shape"]:
    """The point of the probability simplex nearest to x: `max(x - tau, 0)`, with tau such that the sum along the axis is 1.

    For x sorted downwards with running sums S, the support is the largest k with `k x_k > S_k - 1`, and `tau = (S_k - 1) / k`.

    Args:
        x: logits.
        axis: the axis of one distribution, the last by default.

    Keras 3.15 adds up S_1 to S_k where the paper has S_k, so that its values do not sum to 1; these are the paper's.

    Source: Martins and Astudillo, "From Softmax to Sparsemax", 2016.

    Example:
        >>> import jax.numpy as jnp
        >>> sparsemax(jnp.array([3.0, 2.5, 0.0])).tolist()
        [0.75, 0.25, 0.0]
    """
    x = jnp.moveaxis(jnp.asarray(x), axis, -1)
    # Sums of half-precision numbers lose the digits that decide where the support ends.
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    ordered = jnp.sort(wide, axis=-1, descending=True)
    sums = jnp.cumsum(ordered, axis=-1)
    count = jnp.arange(1, x.shape[-1] + 1, dtype=wide.dtype)
    k = jnp.sum(count * ordered > sums - 1, axis=-1, keepdims=True)
    tau = (jnp.take_along_axis(sums, k - 1, axis=-1) - 1) / k
    return jnp.moveaxis(jnp.maximum(wide - tau, 0), -1, axis).astype(jnp.result_type(x, float))
