"""Activations as layers: element-wise functions, their variants with options, and one with a weight (PReLU)."""

from __future__ import annotations

from typing import Unpack

import jax
import jax.numpy as jnp

from jkeras import activations
from jkeras._base.errors import describe
from jkeras._base.registry import export
from jkeras._base.types import Array, FunctionLike, Ints, Tree, Weights
from jkeras.graph import Spec
from jkeras.layer.base import BaseArguments, Layer
from jkeras.layer.declaration import Declaration
from jkeras.layer.input_spec import InputSpec
from jkeras.layers.weight_arguments import WeightedLayer, weight_for


def _not_negative(layer: str, name: str, value: float | None) -> float | None:
    if value is not None and value < 0:
        raise ValueError(f"{layer} takes a {name} of 0 or more. Received: {name}={value!r}.")
    return value


def _a_number(layer: str, name: str, value: float | None) -> float:
    if value is None:
        raise ValueError(f"{layer} takes a number as {name}. Received: {name}=None. Leave it out for the default.")
    return _not_negative(layer, name, value)  # type: ignore[return-value]


@export("keras.layers.Activation")
class Activation(Layer):
    """Apply an activation function.

    Args:
        activation: a name such as `"relu"`, or any function from arrays to arrays.
        kwargs: as every layer.

    Example:
        >>> import numpy as np
        >>> Activation("relu")(np.array([-1.0, 2.0], np.float32)).tolist()
        [0.0, 2.0]
    """

    supports_masking = True

    def __init__(self, activation: FunctionLike, **kwargs: Unpack[BaseArguments]):
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    def forward(self, w: Weights, x: Tree) -> Tree:
        """`activation(x)`."""
        return self.activation(x)


@export("keras.layers.ReLU")
class ReLU(Layer):
    """`x` where `x >= threshold`, `negative_slope * (x - threshold)` below, and at most `max_value`.

    Args:
        max_value: upper bound, None for none.
        negative_slope: slope below the threshold.
        threshold: where the slope changes.
        kwargs: as every layer.

    Example:
        >>> import numpy as np
        >>> ReLU(max_value=6)(np.array([-1.0, 2.0, 9.0], np.float32)).tolist()
        [0.0, 2.0, 6.0]
    """

    supports_masking = True

    def __init__(
        self, max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0, **kwargs: Unpack[BaseArguments]
    ):
        super().__init__(**kwargs)
        self.max_value = _not_negative("ReLU", "max_value", max_value)
        self.negative_slope = _a_number("ReLU", "negative_slope", negative_slope)
        self.threshold = _a_number("ReLU", "threshold", threshold)

    def forward(self, w: Weights, x: Array) -> Array:
        """The rectified input."""
        return activations.relu(x, negative_slope=self.negative_slope, max_value=self.max_value, threshold=self.threshold)


class LeakyArguments(BaseArguments, total=False):
    """What `LeakyReLU` takes besides its slope."""

    alpha: float


@export("keras.layers.LeakyReLU")
class LeakyReLU(Layer):
    """`x` for `x >= 0`, `negative_slope * x` below.

    Args:
        negative_slope: slope below zero.
        kwargs: as every layer; `alpha`, Keras 2's name for `negative_slope`, wins over it.

    Example:
        >>> import numpy as np
        >>> LeakyReLU(0.5)(np.array([-1.0, 2.0], np.float32)).tolist()
        [-0.5, 2.0]
    """

    supports_masking = True

    def __init__(self, negative_slope: float = 0.3, **kwargs: Unpack[LeakyArguments]):
        negative_slope = kwargs.pop("alpha", negative_slope)
        super().__init__(**kwargs)
        self.negative_slope = _a_number("LeakyReLU", "negative_slope", negative_slope)

    def forward(self, w: Weights, x: Array) -> Array:
        """The leaky input."""
        return activations.leaky_relu(x, negative_slope=self.negative_slope)


@export("keras.layers.PReLU")
class PReLU(WeightedLayer):
    """`x` for `x >= 0`, `alpha * x` below, with a learned `alpha` for each position.

    Args:
        alpha_initializer, alpha_regularizer, alpha_constraint: names or objects.
        shared_axes: axes along which positions share one `alpha`, for example `[1, 2]` to learn one per channel of images.
        kwargs: as every layer.

    Example:
        >>> import numpy as np
        >>> PReLU(alpha_initializer="ones")(np.array([[-1.0, 2.0]], np.float32)).tolist()
        [[-1.0, 2.0]]

    Source: Kaiming He et al., "Delving Deep into Rectifiers", 2015.
    """

    supports_masking = True
    _weight_roles = ("alpha",)

    def __init__(
        self,
        alpha_initializer: FunctionLike = "Zeros",
        alpha_regularizer: FunctionLike = None,
        alpha_constraint: FunctionLike = None,
        shared_axes: Ints | None = None,
        **kwargs: Unpack[BaseArguments],
    ):
        super().__init__(
            alpha_initializer=alpha_initializer,
            alpha_regularizer=alpha_regularizer,
            alpha_constraint=alpha_constraint,
            **kwargs,
        )
        self.shared_axes = None if shared_axes is None else [shared_axes] if isinstance(shared_axes, int) else list(shared_axes)

    def declare(self, x: Spec) -> Declaration:
        """An `alpha` of the input's shape without the batch axis, 1 along shared axes."""
        shared = self.shared_axes or []
        if any(not 1 <= axis < len(x.shape) for axis in shared):
            raise ValueError(f"{self.name}: shared_axes={shared} must be axes of {describe(x)} other than 0, the batch axis.")
        shape = tuple(1 if axis in shared else size for axis, size in enumerate(x.shape))[1:]
        fixed = {axis: size for axis, size in enumerate(x.shape) if axis > 0 and axis not in shared}
        self.input_spec = InputSpec(ndim=len(x.shape), axes=fixed)
        yield weight_for(self, "alpha", shape)

    def forward(self, w: Weights, x: Array) -> Array:
        """`relu(x) - alpha * relu(-x)`."""
        return jax.nn.relu(x) - w.alpha * jax.nn.relu(-x)


@export("keras.layers.ELU")
class ELU(Layer):
    """`x` for `x >= 0`, `alpha * (exp(x) - 1)` below.

    Args:
        alpha: minus the limit for large negative inputs.
        kwargs: as every layer.

    Example:
        >>> import numpy as np
        >>> ELU()(np.array([0.0, 2.0], np.float32)).tolist()
        [0.0, 2.0]

    Source: Djork-Arné Clevert et al., "Fast and Accurate Deep Network Learning by Exponential Linear Units", 2015.
    """

    supports_masking = True

    def __init__(self, alpha: float = 1.0, **kwargs: Unpack[BaseArguments]):
        super().__init__(**kwargs)
        self.alpha = alpha

    def forward(self, w: Weights, x: Array) -> Array:
        """The exponential linear unit of x."""
        return activations.elu(x, alpha=self.alpha)


@export("keras.layers.Softmax")
class Softmax(Layer):
    """`exp(x) / sum(exp(x))` along an axis; positions that a mask hides get 0.

    Args:
        axis: an axis or several.
        kwargs: as every layer.

    Call:
        x: any shape.
        mask: True where x counts; broadcasts to x's shape.

    Example:
        >>> import numpy as np
        >>> Softmax()(np.zeros((1, 4), np.float32)).tolist()
        [[0.25, 0.25, 0.25, 0.25]]
    """

    supports_masking = True

    def __init__(self, axis: Ints = -1, **kwargs: Unpack[BaseArguments]):
        super().__init__(**kwargs)
        self.axis = axis

    def forward(self, w: Weights, x: Tree, *, mask: Tree = None) -> Tree:
        """The masked softmax."""
        axis = self.axis if isinstance(self.axis, int) else tuple(self.axis)
        if mask is None:
            return jax.nn.softmax(x, axis)
        if mask.ndim > x.ndim or any(m not in (1, n) for m, n in zip(mask.shape[::-1], x.shape[::-1])):
            raise ValueError(f"{self.name}: the mask {describe(mask)} does not broadcast to the input {describe(x)}.")
        keep = mask if mask.dtype == bool else mask > 0.5
        # A finite value, so that a row with nothing left is finite too; float16 cannot hold -1e9.
        hidden = jnp.where(keep, x, -3e4 if x.dtype == jnp.float16 else -1e9)
        return jnp.where(keep, jax.nn.softmax(hidden, axis), 0)
