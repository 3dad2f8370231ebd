"""SpectralNormalization: a layer whose kernel has the largest singular value 1 in training."""

from __future__ import annotations

from typing import Unpack

from jkeras._base import config
from jkeras._base.registry import export
from jkeras._base.types import Array, Tree
from jkeras.initializers import TruncatedNormal
from jkeras.layer.base import BaseArguments, Layer
from jkeras.layers.wrapper import Wrapper
from jkeras.nn.spectral import divided_by_largest_singular_value
from jkeras.state.scope import current
from jkeras.state.variable import Variable, standing_in


@export("keras.layers.SpectralNormalization")
class SpectralNormalization(Wrapper):
    """In training, run a layer with its kernel divided by an estimate of the kernel's largest singular value.

    The estimate comes from a power iteration, whose vector is kept as a weight. Gradients go through the division. In a pure
    call, as in `fit`, the kernel itself stays as it is, and the optimizer changes it; a call in eager code assigns the divided
    kernel to the layer. Outside of training the layer runs with its kernel as it is. That is Keras' behaviour on JAX. (On
    TensorFlow `fit` assigns the divided kernel, too.)

    Args:
        layer: has a `kernel` or `embeddings`.
        power_iterations: rounds per call, at least 1.
        kwargs: as every layer.

    Call:
        inputs: what the layer takes. Returns what it returns, in the compute dtype. (Keras makes integers of an embedding's
            vectors, since ids are integers.)
        training: whether to divide.

    Raises:
        ValueError: the layer has neither a kernel nor embeddings, or `power_iterations` is below 1.

    Example:
        >>> import numpy as np
        >>> from jkeras.layers import Dense
        >>> layer = SpectralNormalization(Dense(2, kernel_initializer="ones"), power_iterations=3)
        >>> x = np.ones((1, 8), np.float32)
        >>> layer(x).tolist(), layer(x, training=True).round(4).tolist()
        ([[8.0, 8.0]], [[2.0, 2.0]])

    Source: Takeru Miyato et al., "Spectral Normalization for Generative Adversarial Networks", 2018.
    """

    def __init__(self, layer: Layer, power_iterations: int = 1, **kwargs: Unpack[BaseArguments]):
        super().__init__(layer, **kwargs)
        if not isinstance(power_iterations, int) or power_iterations < 1:
            raise ValueError(f"SpectralNormalization takes power_iterations of at least 1. Received: {power_iterations!r}.")
        self.power_iterations = power_iterations

    def build(self, input_shape: Tree = None) -> None:
        """Make the weights of the layer, and the vector."""
        super().build(input_shape)
        kernel = getattr(self.layer, "kernel", getattr(self.layer, "embeddings", None))
        if not isinstance(kernel, Variable):
            raise ValueError(
                "SpectralNormalization takes a layer with a kernel or embeddings, such as Dense, Conv2D or Embedding. "
                f"Received: {type(self.layer).__name__}."
            )
        self.kernel = kernel
        self.vector_u = self.add_weight(
            shape=(1, kernel.shape[-1]),
            initializer=TruncatedNormal(stddev=0.02),
            trainable=False,
            name="vector_u",
            dtype=kernel.stored_dtype,
        )

    def call(self, inputs: Array, training: bool = False) -> Array:
        """What the layer makes of the inputs."""
        if not training:
            return self._run(inputs)
        kernel, u = self.kernel.stored, self.vector_u.stored
        divided, u = divided_by_largest_singular_value(kernel, u, self.power_iterations, config.epsilon())
        self.vector_u.assign(u)
        if current().functional:
            with standing_in(self.kernel, divided):
                return self._run(inputs)
        self.kernel.assign(divided)
        return self._run(inputs)

    def _run(self, inputs: Array) -> Array:
        output: Array = self.layer(inputs)
        return output.astype(self.compute_dtype)
