"""RandomFourierFeatures: a fixed random map after which a linear model does what a kernel machine would.

Keras 2 has it in `layers.experimental`, Keras 3 not.
"""

from __future__ import annotations

import math
from typing import Unpack

import jax
import jax.numpy as jnp

from jkeras import initializers
from jkeras._base.errors import describe, unknown_name
from jkeras._base.registry import export
from jkeras._base.types import Array, DTypeLike, FunctionLike, Weights
from jkeras.constraints import NonNeg
from jkeras.graph import Spec
from jkeras.initializers.random import RandomInitializer
from jkeras.layer.base import BaseArguments, Layer
from jkeras.layer.declaration import Declaration, Weight
from jkeras.nn.norm import at_least_float32


class _Cauchy(RandomInitializer):
    """Draws of the density `1 / (pi (1 + x^2))`, whose Fourier transform is the Laplacian kernel."""

    def sample(self, key: jax.Array, shape: tuple[int, ...], dtype: DTypeLike | None) -> jax.Array:
        return jax.random.cauchy(key, shape, dtype)


_FREQUENCIES: dict[str, FunctionLike] = {"gaussian": initializers.RandomNormal(stddev=1.0), "laplacian": _Cauchy()}


@export("jkeras.layers.RandomFourierFeatures")
class RandomFourierFeatures(Layer):
    """`cos(x W / scale + b)`, with `W` and `b` drawn once.

    The inner product of two rows of features, times `2 / output_dim`, approximates a kernel of the two inputs:
    `exp(-|x - y|_2^2 / (2 scale^2))` if W is Gaussian, `exp(-|x - y|_1 / scale)` if it is "laplacian". Phases are computed in
    float32.

    Args:
        output_dim: how many features.
        kernel_initializer: `"gaussian"`, the default, `"laplacian"`, or an initializer of W.
        scale: the width of the kernel; None for `sqrt(size of the input / 2)` if W is Gaussian, else 1.
        kwargs: as every layer; `trainable`, False by default, says whether the scale is learnt. W and b never are.

    Call:
        x: float `(batch, n)`. Returns `(batch, output_dim)`.

    Raises:
        ValueError: an `output_dim` or a `scale` that is not positive, an unknown name, or an input of another rank.

    Example:
        >>> import numpy as np
        >>> layer = RandomFourierFeatures(4000, scale=2.0)
        >>> x, y = layer(np.array([[1.0, 0.0], [0.0, 1.0]]))
        >>> bool(abs(2 / 4000 * x @ y - np.exp(-2 / 8)) < 0.1)
        True

    Source: Ali Rahimi, Benjamin Recht, "Random Features for Large-Scale Kernel Machines", 2007.
    """

    def __init__(
        self,
        output_dim: int,
        kernel_initializer: FunctionLike = "gaussian",
        scale: float | None = None,
        **kwargs: Unpack[BaseArguments],
    ):
        kwargs.setdefault("trainable", False)
        super().__init__(**kwargs)
        if output_dim <= 0 or (scale is not None and scale <= 0):
            raise ValueError(f"{self.name}: output_dim and scale are positive. Received: {output_dim} and {scale}.")
        if isinstance(kernel_initializer, str):
            kernel_initializer = kernel_initializer.lower()
            if kernel_initializer not in _FREQUENCIES:
                raise unknown_name("kernel_initializer", kernel_initializer, _FREQUENCIES)
        else:
            kernel_initializer = initializers.get(kernel_initializer)
        self.output_dim, self.kernel_initializer, self.scale = output_dim, kernel_initializer, scale

    def declare(self, x: Spec) -> Declaration:
        """Directions `(n, output_dim)`, phases, and the scale."""
        if x.ndim != 2:
            raise ValueError(f"{self.name} takes rows of numbers, (batch, n). Received: {describe(x)}.")
        size = x.shape[-1]
        frequencies = self.kernel_initializer
        scale = self.scale or (math.sqrt((size or 1) / 2) if frequencies == "gaussian" else 1.0)
        drawn = _FREQUENCIES[frequencies] if isinstance(frequencies, str) else frequencies
        yield Weight("unscaled_kernel", (size, self.output_dim), drawn, trainable=False, autocast=False)
        phases = initializers.RandomUniform(0.0, 2 * math.pi)
        yield Weight("bias", (self.output_dim,), phases, trainable=False, autocast=False)
        yield Weight("kernel_scale", (1,), initializers.Constant(scale), constraint=NonNeg(), autocast=False)

    def forward(self, w: Weights, x: Array) -> Array:
        """The features."""
        phases = at_least_float32(x) @ (w.unscaled_kernel / w.kernel_scale) + w.bias
        return jnp.cos(phases).astype(x.dtype)
