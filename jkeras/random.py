"""Random arrays, as `keras.random` has them: `normal`, `uniform`, `shuffle`, `dropout`, ...

Where a draw's key comes from is said by `seed`:

| seed              | the key                                                                                              |
|-------------------|------------------------------------------------------------------------------------------------------|
| an integer        | made of it: the same values at every call, those of Keras on JAX                                     |
| a `SeedGenerator` | its next one                                                                                         |
| a JAX key         | that key                                                                                             |
| None              | in a pure call (`apply(rng=...)`, a training step) derived from the call's key; else the stream's next |

Source of the sampling algorithms: `jax.random`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jkeras._base.dtypes import standardize_dtype
from jkeras._base.errors import describe
from jkeras._base.registry import export
from jkeras.nn import dropout as maths
from jkeras.ops.wrapper import Function, Tensor, as_array, operand, symbolic
from jkeras.state.seed_generator import SeedGenerator as SeedGenerator
from jkeras.state.seed_generator import key_of

Shape = Sequence[int]


def _public(fn: Function) -> Function:
    return export(f"keras.random.{fn.__name__}")(symbolic(fn, fn.__name__, module=__name__))


@_public
def normal(shape: Shape, mean: Tensor = 0.0, stddev: Tensor = 1.0, dtype: Any = None, seed: Any = None) -> Tensor:
    """Draw from the normal distribution.

    Args:
        shape: of the result.
        mean, stddev: numbers, or arrays that broadcast against the shape.
        dtype: a float dtype, `floatx()` by default.
        seed: see the table above; so for all functions here.

    Example:
        >>> bool((normal((2, 3), seed=1) == normal((2, 3), seed=1)).all())
        True
    """
    dtype = standardize_dtype(dtype)
    return jax.random.normal(key_of(seed), tuple(shape), dtype) * as_array(stddev, dtype) + as_array(mean, dtype)


@_public
def truncated_normal(shape: Shape, mean: Tensor = 0.0, stddev: Tensor = 1.0, dtype: Any = None, seed: Any = None) -> Tensor:
    """Draw from the normal distribution within two standard deviations of its mean; arguments as for `normal`."""
    dtype = standardize_dtype(dtype)
    sample = jax.random.truncated_normal(key_of(seed), -2.0, 2.0, tuple(shape), dtype)
    return sample * as_array(stddev, dtype) + as_array(mean, dtype)


@_public
def uniform(shape: Shape, minval: Tensor = 0.0, maxval: Tensor = 1.0, dtype: Any = None, seed: Any = None) -> Tensor:
    """Draw numbers that are equally likely everywhere in `[minval, maxval)`."""
    dtype = standardize_dtype(dtype)
    if not jnp.issubdtype(dtype, jnp.floating):
        raise ValueError(f"uniform gives floats, but dtype={dtype!r} was asked for: write randint(...) for integers.")
    return jax.random.uniform(key_of(seed), tuple(shape), dtype, operand(minval), operand(maxval))


@_public
def randint(shape: Shape, minval: Tensor, maxval: Tensor, dtype: Any = "int32", seed: Any = None) -> Tensor:
    """Draw integers that are equally likely, from minval up to, not including, maxval.

    Example:
        >>> draws = randint((100,), 0, 3, seed=0)
        >>> int(draws.min()), int(draws.max())
        (0, 2)
    """
    dtype = standardize_dtype(dtype)
    if not jnp.issubdtype(dtype, jnp.integer):
        raise ValueError(f"randint gives integers, but dtype={dtype!r} was asked for: write uniform(...) for floats.")
    return jax.random.randint(key_of(seed), tuple(shape), operand(minval), operand(maxval), dtype)


@_public
def categorical(logits: Tensor, num_samples: int, dtype: Any = "int32", seed: Any = None) -> Tensor:
    """Draw classes with the probabilities `softmax(logits)`.

    Args:
        logits: `(batch, classes)`.
        num_samples: how many draws for each row.
        dtype: of the classes.
        seed: see the table above.

    Returns:
        `(batch, num_samples)`.
    """
    logits = as_array(logits)
    if logits.ndim != 2:
        raise ValueError(f"categorical takes logits (batch, classes), received {describe(logits)}.")
    shape = (logits.shape[0], num_samples)
    return jax.random.categorical(key_of(seed), logits[..., None], axis=1, shape=shape).astype(standardize_dtype(dtype))


@_public
def dropout(inputs: Tensor, rate: float, noise_shape: Sequence[int | None] | None = None, seed: Any = None) -> Tensor:
    """Zero each entry with probability `rate` and divide the others by `1 - rate`.

    Args:
        inputs: floats.
        rate: in [0, 1].
        noise_shape: shape of the random choice; axes of size 1 share one, None stands for the input's size.
        seed: see the table above.
    """
    key: Any = key_of(seed) if 0 < rate < 1 else None
    return maths.dropout(key, as_array(inputs), rate, noise_shape)


@_public
def shuffle(x: Tensor, axis: int = 0, seed: Any = None) -> Tensor:
    """Permute the entries along an axis, for each place on the other axes by itself."""
    return jax.random.permutation(key_of(seed), as_array(x), axis, independent=True)


@_public
def gamma(shape: Shape, alpha: Tensor, dtype: Any = None, seed: Any = None) -> Tensor:
    """Draw from the gamma distribution with shape parameter alpha and scale 1."""
    return jax.random.gamma(key_of(seed), operand(alpha), tuple(shape), standardize_dtype(dtype))


@_public
def beta(shape: Shape, alpha: Tensor, beta: Tensor, dtype: Any = None, seed: Any = None) -> Tensor:
    """Draw from the beta distribution on [0, 1] with density proportional to `x^(alpha - 1) (1 - x)^(beta - 1)`."""
    return jax.random.beta(key_of(seed), operand(alpha), operand(beta), tuple(shape), standardize_dtype(dtype))


@_public
def binomial(shape: Shape, counts: Tensor, probabilities: Tensor, dtype: Any = None, seed: Any = None) -> Tensor:
    """Draw how many of `counts` trials succeed, each with the given probability; as floats of `dtype`."""
    n, p = as_array(counts), as_array(probabilities)
    return jax.random.binomial(key_of(seed), n, p, tuple(shape), standardize_dtype(dtype))
