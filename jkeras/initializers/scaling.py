"""Draws whose variance follows the shape of the weight, so that signals neither die out nor blow up from layer to layer.

A unit that sums n independent inputs of variance 1, with weights of variance 1/n, has variance 1. n is the *fan in*; the *fan
out* plays its part for the gradients on their way back. The variance is `scale / n`, with n the one, the other or their mean;
the named schemes are choices of scale, n and distribution, each uniform and normal:

| scheme | variance | made for |
|---|---|---|
| Glorot | `2 / (fan_in + fan_out)` | tanh, sigmoid, softmax; the default of most layers |
| He | `2 / fan_in` | relu and its kin |
| LeCun | `1 / fan_in` | selu |
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax

from jkeras._base.errors import describe, unknown_name
from jkeras._base.registry import export
from jkeras._base.types import DTypeLike, Tree
from jkeras.initializers.random import RandomInitializer, truncated_normal

MODES = ("fan_in", "fan_out", "fan_avg")
DISTRIBUTIONS = ("uniform", "truncated_normal", "untruncated_normal")

# The standard deviation of a standard normal variable cut at -2 and 2.
TRUNCATED_STDDEV = 0.87962566103423978


def compute_fans(
    shape: Sequence[int], input_axes: Sequence[int] | None = None, output_axes: Sequence[int] | None = None
) -> tuple[int, int]:
    """How many inputs one output of a weight sums over, and how many outputs one input reaches.

    Args:
        shape: of a vector, of a matrix `(inputs, outputs)`, or of a convolution kernel `(*window, inputs, outputs)`.
        input_axes: the axes of the inputs, for a weight of another form; counts only together with `output_axes`.
        output_axes: the axes of the outputs.

    Example:
        >>> compute_fans((3, 3, 16, 32))
        (144, 288)
    """
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[axis] for axis in input_axes), math.prod(shape[axis] for axis in output_axes)
    if len(shape) < 2:
        return (shape[0], shape[0]) if shape else (1, 1)
    window = math.prod(shape[:-2])
    return window * shape[-2], window * shape[-1]


@export("keras.initializers.VarianceScaling", "keras.initializers.variance_scaling")
class VarianceScaling(RandomInitializer):
    """Draws with mean 0 and variance `scale / n`, n the number of inputs, of outputs, or their mean.

    Args:
        scale: a positive number, 1 by default.
        mode: what n is: `"fan_in"` (default), `"fan_out"` or `"fan_avg"`.
        distribution: `"truncated_normal"` (default; also `"normal"`): cut at two standard deviations and widened so that the
            variance holds; `"untruncated_normal"`; `"uniform"`: between -sqrt(3 scale / n) and sqrt(3 scale / n).
        seed: see `RandomInitializer`.
        input_axes: the axes of the inputs, for weights that are neither matrices nor convolution kernels.
        output_axes: the axes of the outputs; counts only together with `input_axes`.

    Raises:
        ValueError: a scale that is not positive, an unknown mode or distribution.

    Source: He, Zhang, Ren and Sun, "Delving Deep into Rectifiers", 2015.

    Example:
        >>> values = VarianceScaling(scale=2.0, distribution="uniform", seed=1)((600, 8))
        >>> bool(abs(values).max() <= 0.1)
        True
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: object = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ):
        distribution = "truncated_normal" if distribution.lower() == "normal" else distribution.lower()
        if not scale > 0:
            raise ValueError(f"{type(self).__name__} needs a positive scale, received {describe(scale)}.")
        if mode not in MODES:
            raise unknown_name("mode", mode, MODES)
        if distribution not in DISTRIBUTIONS:
            raise unknown_name("distribution", distribution, DISTRIBUTIONS)
        self.scale, self.mode, self.distribution = scale, mode, distribution
        self.input_axes, self.output_axes = input_axes, output_axes
        super().__init__(seed)

    def sample(self, key: jax.Array, shape: tuple[int, ...], dtype: DTypeLike | None) -> jax.Array:
        """A draw with the variance that the shape asks for."""
        fan_in, fan_out = compute_fans(shape, self.input_axes, self.output_axes)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, n)
        if self.distribution == "uniform":
            limit = math.sqrt(3 * variance)
            return jax.random.uniform(key, shape, dtype, -limit, limit)
        if self.distribution == "untruncated_normal":
            return jax.random.normal(key, shape, dtype) * math.sqrt(variance)
        return truncated_normal(key, shape, dtype, 0.0, math.sqrt(variance) / TRUNCATED_STDDEV)


def with_axes(initializer: Tree, input_axes: Sequence[int], output_axes: Sequence[int]) -> Tree:
    """The initializer for a weight that is neither a matrix nor a convolution kernel: one that follows the fans gets their axes.

    Args:
        initializer: of any kind; one that was made with axes keeps them.
        input_axes: the axes that one output sums over.
        output_axes: the axes that one input reaches.

    Example:
        >>> with_axes(VarianceScaling(seed=1), [0, 1], [2]).input_axes
        [0, 1]
    """
    if not isinstance(initializer, VarianceScaling) or None not in (initializer.input_axes, initializer.output_axes):
        return initializer
    axes = {"input_axes": list(input_axes), "output_axes": list(output_axes)}
    return type(initializer).from_config({**initializer.get_config(), **axes})


class _Scheme(VarianceScaling):
    """A scheme by its name: scale, fan and distribution are fixed."""

    _scheme: tuple[float, str, str]

    def __init__(self, seed: object = None, input_axes: Sequence[int] | None = None, output_axes: Sequence[int] | None = None):
        super().__init__(*self._scheme, seed, input_axes, output_axes)


@export("keras.initializers.GlorotUniform", "keras.initializers.glorot_uniform")
class GlorotUniform(_Scheme):
    """Uniform draws between -limit and limit, with `limit = sqrt(6 / (fan_in + fan_out))`.

    Args:
        seed: see `RandomInitializer`.
        input_axes: see `VarianceScaling`.
        output_axes: see `VarianceScaling`.

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.

    Example:
        >>> bool(abs(GlorotUniform(seed=1)((4, 2))).max() <= 1)
        True
    """

    _scheme = (1.0, "fan_avg", "uniform")


@export("keras.initializers.GlorotNormal", "keras.initializers.glorot_normal")
class GlorotNormal(_Scheme):
    """Normal draws with variance `2 / (fan_in + fan_out)`, cut at two standard deviations.

    Args:
        seed: see `RandomInitializer`.
        input_axes: see `VarianceScaling`.
        output_axes: see `VarianceScaling`.

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.

    Example:
        >>> round(float(GlorotNormal(seed=1)((200, 200)).std()), 2)
        0.07
    """

    _scheme = (1.0, "fan_avg", "truncated_normal")


@export("keras.initializers.HeUniform", "keras.initializers.he_uniform")
class HeUniform(_Scheme):
    """Uniform draws between -limit and limit, with `limit = sqrt(6 / fan_in)`.

    Args:
        seed: see `RandomInitializer`.
        input_axes: see `VarianceScaling`.
        output_axes: see `VarianceScaling`.

    Source: He, Zhang, Ren and Sun, "Delving Deep into Rectifiers", 2015.

    Example:
        >>> bool(abs(HeUniform(seed=1)((6, 4))).max() <= 1)
        True
    """

    _scheme = (2.0, "fan_in", "uniform")


@export("keras.initializers.HeNormal", "keras.initializers.he_normal")
class HeNormal(_Scheme):
    """Normal draws with variance `2 / fan_in`, cut at two standard deviations.

    Args:
        seed: see `RandomInitializer`.
        input_axes: see `VarianceScaling`.
        output_axes: see `VarianceScaling`.

    Source: He, Zhang, Ren and Sun, "Delving Deep into Rectifiers", 2015.

    Example:
        >>> round(float(HeNormal(seed=1)((200, 100)).std()), 2)
        0.1
    """

    _scheme = (2.0, "fan_in", "truncated_normal")


@export("keras.initializers.LecunUniform", "keras.initializers.lecun_uniform")
class LecunUniform(_Scheme):
    """Uniform draws between -limit and limit, with `limit = sqrt(3 / fan_in)`.

    Args:
        seed: see `RandomInitializer`.
        input_axes: see `VarianceScaling`.
        output_axes: see `VarianceScaling`.

    Source: LeCun, Bottou, Orr and Müller, "Efficient BackProp", 1998.

    Example:
        >>> bool(abs(LecunUniform(seed=1)((3, 4))).max() <= 1)
        True
    """

    _scheme = (1.0, "fan_in", "uniform")


@export("keras.initializers.LecunNormal", "keras.initializers.lecun_normal")
class LecunNormal(_Scheme):
    """Normal draws with variance `1 / fan_in`, cut at two standard deviations.

    Args:
        seed: see `RandomInitializer`.
        input_axes: see `VarianceScaling`.
        output_axes: see `VarianceScaling`.

    Source: LeCun, Bottou, Orr and Müller, "Efficient BackProp", 1998.

    Example:
        >>> round(float(LecunNormal(seed=1)((100, 100)).std()), 2)
        0.1
    """

    _scheme = (1.0, "fan_in", "truncated_normal")
