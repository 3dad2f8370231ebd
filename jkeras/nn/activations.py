"""Smooth activations: sigmoid and softmax, and the families that grow from them.

All functions here take an array of any shape and return one of its shape and dtype (integers and lists become arrays of the
default float; `glu` alone halves an axis). All are compiled, so that an eager call goes to the device without a Python frame;
inside another compiled program they dissolve. Piecewise ones live in `rectifiers.py`.
"""

from __future__ import annotations

import functools
import math

import jax
import jax.numpy as jnp
from jax import lax

from jkeras._base.errors import describe
from jkeras._base.types import Array, Float


def _floats(x: Array) -> Array:
    x = jnp.asarray(x)
    return x.astype(jnp.result_type(x, float))


def linear(x: Array) -> Array:
    """The identity: `f(x) = x`, the very same object.

    Example:
        >>> linear(3.0)
        3.0
    """
    return x


@jax.jit
def sigmoid(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """The logistic function, from any number to (0, 1): `1 / (1 + exp(-x))`.

    Example:
        >>> import jax.numpy as jnp
        >>> sigmoid(jnp.array([0.0, 100.0])).tolist()
        [0.5, 1.0]
    """
    return jax.nn.sigmoid(_floats(x))


@jax.jit
def log_sigmoid(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """The logarithm of the sigmoid, finite where the sigmoid itself is 0: `-log(1 + exp(-x))`.

    Example:
        >>> import jax.numpy as jnp
        >>> log_sigmoid(jnp.array([-1000.0])).tolist()
        [-1000.0]
    """
    return jax.nn.log_sigmoid(_floats(x))


@jax.jit
def tanh(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """The hyperbolic tangent, from any number to (-1, 1): `(exp(x) - exp(-x)) / (exp(x) + exp(-x))`.

    Example:
        >>> import jax.numpy as jnp
        >>> tanh(jnp.array([0.0, 100.0])).tolist()
        [0.0, 1.0]
    """
    return jnp.tanh(_floats(x))


@jax.jit
def tanh_shrink(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """What the tangent leaves over, about `x^3 / 3` near 0: `x - tanh(x)`.

    Example:
        >>> import jax.numpy as jnp
        >>> tanh_shrink(jnp.array([0.0, 100.0])).tolist()
        [0.0, 99.0]
    """
    x = _floats(x)
    return x - jnp.tanh(x)


@jax.jit
def exponential(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """The exponential function: `exp(x)`.

    Example:
        >>> import jax.numpy as jnp
        >>> exponential(jnp.array([0.0])).tolist()
        [1.0]
    """
    return jnp.exp(_floats(x))


@jax.jit
def softplus(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """A smooth, positive relu: `log(1 + exp(x))`, which overflows nowhere.

    Example:
        >>> import jax.numpy as jnp
        >>> softplus(jnp.array([1000.0])).tolist()
        [1000.0]
    """
    return jax.nn.softplus(_floats(x))


@jax.jit
def softsign(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """A tangent with slow tails, from any number to (-1, 1): `x / (1 + |x|)`.

    Example:
        >>> import jax.numpy as jnp
        >>> softsign(jnp.array([-1.0, 3.0])).tolist()
        [-0.5, 0.75]
    """
    return jax.nn.soft_sign(_floats(x))


@jax.jit
def squareplus(x: Float[Array, "*shape"], b: float = 4) -> Float[Array, "*shape"]:
    """A softplus of square roots: `(x + sqrt(x^2 + b)) / 2`; `b` is the width of its bend.

    Source: Barron, "Squareplus: A Softplus-Like Algebraic Rectifier", 2021.

    Example:
        >>> import jax.numpy as jnp
        >>> squareplus(jnp.array([0.0, 1.5])).tolist()
        [1.0, 2.0]
    """
    return jax.nn.squareplus(_floats(x), b)


@jax.jit
def silu(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """SiLU, also called swish: `x sigmoid(x)`.

    Source: Ramachandran, Zoph and Le, "Searching for Activation Functions", 2017.

    Example:
        >>> import jax.numpy as jnp
        >>> silu(jnp.array([-100.0, 0.0, 100.0])).round(4).tolist()
        [-0.0, 0.0, 100.0]
    """
    return jax.nn.silu(_floats(x))


@jax.jit
def mish(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Mish: `x tanh(softplus(x))`.

    Source: Misra, "Mish: A Self Regularized Non-Monotonic Activation Function", 2019.

    Example:
        >>> import jax.numpy as jnp
        >>> print(mish(jnp.array([0.0, 100.0])))
        [  0. 100.]
    """
    return jax.nn.mish(_floats(x))


@functools.partial(jax.jit, static_argnames="approximate")
def gelu(x: Float[Array, "*shape"], approximate: bool = False) -> Float[Array, "*shape"]:
    """The Gaussian error linear unit: `x P(X <= x)` for a standard normal X.

    Args:
        x: any shape.
        approximate: True for `0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))`, False (default) for the exact
            `0.5 x (1 + erf(x / sqrt(2)))`.

    Source: Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016.

    Example:
        >>> import jax.numpy as jnp
        >>> print(gelu(jnp.array([0.0, 1.0])).round(3))
        [0.    0.841]
    """
    return jax.nn.gelu(_floats(x), approximate=True) if approximate else _exact_gelu(_floats(x))


@jax.custom_jvp
def _exact_gelu(x: Array) -> Array:
    """With a derivative that needs nothing but x: JAX's own keeps several arrays of that size."""
    return 0.5 * x * (1 + lax.erf(x * math.sqrt(0.5)))


@_exact_gelu.defjvp
def _exact_gelu_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (x,), (dx,) = primals, tangents
    # Written otherwise than above, so that XLA computes it where it is needed instead of keeping it for there.
    probability = 0.5 * (1 - lax.erf(-x * math.sqrt(0.5)))
    return _exact_gelu(x), dx * (probability + x * jnp.exp(-0.5 * x * x) / math.sqrt(2 * math.pi))


@jax.jit
def elu(x: Float[Array, "*shape"], alpha: float = 1.0) -> Float[Array, "*shape"]:
    """The exponential linear unit: `x` where x > 0, else `alpha (exp(x) - 1)`.

    Source: Clevert, Unterthiner and Hochreiter, "Fast and Accurate Deep Network Learning by Exponential Linear Units", 2016.

    Example:
        >>> import jax.numpy as jnp
        >>> elu(jnp.array([-100.0, 2.0]), alpha=0.5).tolist()
        [-0.5, 2.0]
    """
    return jax.nn.elu(_floats(x), alpha)


@jax.jit
def selu(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """The self-normalizing unit: `1.0507 elu(x, alpha=1.67326)`, which keeps mean 0 and variance 1 from layer to layer.

    Source: Klambauer, Unterthiner, Mayr and Hochreiter, "Self-Normalizing Neural Networks", 2017.

    Example:
        >>> import jax.numpy as jnp
        >>> print(selu(jnp.array([0.0, 1.0])).round(3))
        [0.    1.051]
    """
    return jax.nn.selu(_floats(x))


@jax.jit
def celu(x: Float[Array, "*shape"], alpha: float = 1.0) -> Float[Array, "*shape"]:
    """The continuously differentiable elu: `max(x, 0) + min(0, alpha (exp(x / alpha) - 1))`.

    Source: Barron, "Continuously Differentiable Exponential Linear Units", 2017.

    Example:
        >>> import jax.numpy as jnp
        >>> celu(jnp.array([-100.0, 2.0]), alpha=0.5).tolist()
        [-0.5, 2.0]
    """
    return jax.nn.celu(_floats(x), alpha)


@functools.partial(jax.jit, static_argnames="axis")
def glu(x: Float[Array, "*shape"], axis: int = -1) -> Float[Array, "*half"]:
    """The gated linear unit: `a sigmoid(b)`, where a and b are the two halves of x along an axis.

    Args:
        x: any shape with an even number of entries along `axis`.
        axis: the axis to halve, the last by default.

    Returns:
        x's shape, with half the entries along `axis`.

    Raises:
        ValueError: an odd number of entries.

    Source: Dauphin, Fan, Auli and Grangier, "Language Modeling with Gated Convolutional Networks", 2017.

    Example:
        >>> import jax.numpy as jnp
        >>> glu(jnp.array([3.0, 4.0, 0.0, 100.0])).tolist()
        [1.5, 4.0]
    """
    x = _floats(x)
    if x.ndim == 0 or x.shape[axis] % 2:
        raise ValueError(f"glu halves axis {axis}: expected an even number of entries along it, received {describe(x)}.")
    return jax.nn.glu(x, axis=axis)


@functools.partial(jax.jit, static_argnames="axis")
def softmax(x: Float[Array, "*shape"], axis: int | tuple[int, ...] = -1) -> Float[Array, "*shape"]:
    """Positive numbers that sum to 1 along an axis: `exp(x_i) / sum_j exp(x_j)`.

    Args:
        x: logits.
        axis: the axis, or axes, of one distribution; the last by default.

    Example:
        >>> import jax.numpy as jnp
        >>> softmax(jnp.array([[0.0, 0.0], [1000.0, 0.0]])).tolist()
        [[0.5, 0.5], [1.0, 0.0]]
    """
    return jax.nn.softmax(_floats(x), axis=axis)


@functools.partial(jax.jit, static_argnames="axis")
def log_softmax(x: Float[Array, "*shape"], axis: int | tuple[int, ...] = -1) -> Float[Array, "*shape"]:
    """The logarithm of the softmax, finite where the softmax itself is 0: `x_i - log sum_j exp(x_j)`.

    Args:
        x: logits.
        axis: the axis, or axes, of one distribution; the last by default.

    Example:
        >>> import jax.numpy as jnp
        >>> log_softmax(jnp.array([1000.0, 0.0])).tolist()
        [0.0, -1000.0]
    """
    return jax.nn.log_softmax(_floats(x), axis=axis)
