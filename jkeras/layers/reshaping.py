"""Layers that only rearrange: the same numbers in another shape."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Unpack

import jax.numpy as jnp

from jkeras._base.config import standardize_data_format
from jkeras._base.errors import describe
from jkeras._base.registry import export
from jkeras._base.types import Array, Tree, Weights
from jkeras.graph.spec import Spec
from jkeras.layer.base import BaseArguments, Layer
from jkeras.layer.input_spec import InputSpec


@export("keras.layers.Flatten")
class Flatten(Layer):
    """All axes but the batch axis in one.

    Args:
        data_format: `"channels_first"` moves the channels to the end first, so that weights after it fit both layouts.
        kwargs: as every layer.

    Call:
        x: `(batch, ...)`. Returns `(batch, product of the rest)`.

    Example:
        >>> import numpy as np
        >>> Flatten()(np.zeros((5, 2, 3), np.float32)).shape
        (5, 6)
    """

    def __init__(self, data_format: str | None = None, **kwargs: Unpack[BaseArguments]):
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(min_ndim=1)

    def forward(self, w: Weights, x: Array) -> Array:
        """The flat input."""
        if self.data_format == "channels_first" and x.ndim > 2:
            x = jnp.moveaxis(x, 1, -1)
        return x.reshape(x.shape[0], math.prod(x.shape[1:]))


@export("keras.layers.Reshape")
class Reshape(Layer):
    """Another shape for every example.

    Args:
        target_shape: without the batch axis; one entry may be -1, which is then worked out.
        kwargs: as every layer.

    Call:
        x: `(batch, ...)`. Returns `(batch, *target_shape)`.

    Raises:
        ValueError: the sizes do not multiply to the same number.

    Example:
        >>> import numpy as np
        >>> Reshape((3, -1))(np.zeros((5, 12), np.float32)).shape
        (5, 3, 4)
    """

    def __init__(self, target_shape: Sequence[int], **kwargs: Unpack[BaseArguments]):
        super().__init__(**kwargs)
        self.target_shape = tuple(target_shape)
        if any(n < -1 for n in self.target_shape) or self.target_shape.count(-1) > 1:
            raise ValueError(f"Reshape takes sizes of 0 or more and at most one -1. Received: target_shape={target_shape!r}.")

    def _infer(self, fn: Callable[..., Tree], specs: tuple[Tree, ...], kwargs: dict[str, Tree]) -> Tree:
        (x,) = specs
        if None in x.shape[1:] and -1 not in self.target_shape:  # the unknown size is the one that fills the target
            specs = (Spec((x.shape[0], *self.target_shape), x.dtype),)
        return super()._infer(fn, specs, kwargs)

    def forward(self, w: Weights, x: Array) -> Array:
        """The reshaped input."""
        size, known = math.prod(x.shape[1:]), math.prod(n for n in self.target_shape if n != -1)
        # By hand, because -1 cannot be worked out by `reshape` for an empty batch.
        target = tuple(size // max(known, 1) if n == -1 else n for n in self.target_shape)
        if math.prod(target) != size:
            raise ValueError(
                f"{self.name}: an example of {describe(x)} has {size} entries, "
                f"which do not fill target_shape={self.target_shape}."
            )
        return x.reshape(x.shape[0], *target)


@export("keras.layers.Permute")
class Permute(Layer):
    """The axes of every example in another order.

    Args:
        dims: the axes of the input in the order of the output, counted from 1; the batch axis stays where it is.
        kwargs: as every layer.

    Call:
        x: `(batch, ...)`. Returns the same numbers, axis i of an example being the input's `dims[i]`.

    Example:
        >>> import numpy as np
        >>> Permute((2, 1))(np.zeros((5, 2, 3), np.float32)).shape
        (5, 3, 2)
    """

    def __init__(self, dims: Sequence[int], **kwargs: Unpack[BaseArguments]):
        super().__init__(**kwargs)
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(f"Permute takes each axis from 1 on once, for example (2, 1). Received: dims={dims!r}.")
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def forward(self, w: Weights, x: Array) -> Array:
        """The input with its axes in that order."""
        return jnp.transpose(x, (0, *self.dims))


@export("keras.layers.RepeatVector")
class RepeatVector(Layer):
    """The same vector at each of n steps.

    Args:
        n: number of steps, a positive integer.
        kwargs: as every layer.

    Call:
        x: `(batch, features)`. Returns `(batch, n, features)`.

    Example:
        >>> import numpy as np
        >>> RepeatVector(2)(np.array([[1.0, 3.0]], np.float32)).tolist()
        [[[1.0, 3.0], [1.0, 3.0]]]
    """

    def __init__(self, n: int, **kwargs: Unpack[BaseArguments]):
        super().__init__(**kwargs)
        if not isinstance(n, int) or isinstance(n, bool):
            raise TypeError(f"RepeatVector takes an integer as n. Received: n={n!r}.")
        if n < 1:
            raise ValueError(f"RepeatVector takes a positive n. Received: n={n!r}.")
        self.n = n
        self.input_spec = InputSpec(ndim=2)

    def forward(self, w: Weights, x: Array) -> Array:
        """The input at each step."""
        return jnp.broadcast_to(x[:, None], (x.shape[0], self.n, x.shape[1]))
