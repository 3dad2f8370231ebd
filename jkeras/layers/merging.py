"""Layers that make one array of several: sums, products, extrema, concatenation, dot products.

The element-wise ones take arrays of one batch size whose other axes broadcast; an array with fewer axes gets axes of size 1 after
the batch axis. Each has a function of the same name in lower case that makes the layer and calls it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Unpack

import jax.numpy as jnp

from jkeras._base.errors import describe
from jkeras._base.registry import export
from jkeras._base.types import Array, Ints, Tree, Weights
from jkeras.layer.base import BaseArguments, Layer
from jkeras.nn.merge import batch_dot


class Merge(Layer):
    """What all merging layers share: a list of inputs, checked, and the union of their masks."""

    supports_masking = True

    def _as_list(self, inputs: Tree, count: int | None = None) -> list[Array]:
        expected = "a list of one or more inputs" if count is None else f"a list of {count} inputs"
        if not isinstance(inputs, (list, tuple)) or not inputs or (count is not None and len(inputs) != count):
            raise ValueError(f"{self.name} ({type(self).__name__}) takes {expected}. Received: {describe(inputs)}.")
        return list(inputs)

    def _aligned(self, inputs: Tree, count: int | None = None) -> list[Array]:
        """The inputs with equal numbers of axes."""
        inputs = self._as_list(inputs, count)
        ndim = max(x.ndim for x in inputs)
        aligned = [x if x.ndim == ndim else x.reshape(x.shape[0], *(1,) * (ndim - x.ndim), *x.shape[1:]) for x in inputs]
        shapes = [x.shape for x in aligned]
        if len({shape[0] for shape in shapes}) > 1 or any(len(set(sizes) - {1}) > 1 for sizes in zip(*shapes)):
            raise ValueError(
                f"{self.name} ({type(self).__name__}) takes inputs with equal batch sizes whose other axes are equal or 1. "
                f"Received: {describe(inputs)}."
            )
        return aligned

    def _mask_list(self, inputs: Tree, mask: Tree) -> list[Array | None] | None:
        """One mask, or None, per input; None where no mask was given."""
        if mask is None:
            return None
        if not (isinstance(mask, (list, tuple)) and len(mask) == len(self._as_list(inputs))):
            raise ValueError(
                f"{self.name} ({type(self).__name__}) takes a list with one mask, or None, per input. "
                f"Received: inputs {describe(inputs)}, mask {describe(mask)}."
            )
        return list(mask)

    def compute_mask(self, inputs: Tree, mask: Tree = None) -> Tree:
        """True where any input counts; None unless every input has a mask."""
        mask = self._mask_list(inputs, mask)
        if mask is None or any(m is None for m in mask):
            return None
        return functools.reduce(jnp.logical_or, mask)


def _over(mask: Array, x: Array) -> Array:
    """A mask with x's rank."""
    return mask.astype(bool).reshape(*mask.shape, *(1,) * (x.ndim - mask.ndim))


@export("keras.layers.Add")
class Add(Merge):
    """The sum of the inputs.

    Example:
        >>> import numpy as np
        >>> Add()([np.ones((1, 2), np.float32), np.ones((1, 2), np.float32)]).tolist()
        [[2.0, 2.0]]
    """

    def forward(self, w: Weights, inputs: Sequence[Array]) -> Array:
        """The sum."""
        return functools.reduce(jnp.add, self._aligned(inputs))


@export("keras.layers.Subtract")
class Subtract(Merge):
    """The first of two inputs minus the second.

    Example:
        >>> import numpy as np
        >>> Subtract()([np.ones((1, 2), np.float32), np.zeros((1, 2), np.float32)]).tolist()
        [[1.0, 1.0]]
    """

    def forward(self, w: Weights, inputs: Sequence[Array]) -> Array:
        """The difference."""
        return jnp.subtract(*self._aligned(inputs, 2))


@export("keras.layers.Average")
class Average(Merge):
    """The mean of the inputs.

    Example:
        >>> import numpy as np
        >>> Average()([np.ones((1, 2), np.float32), np.zeros((1, 2), np.float32)]).tolist()
        [[0.5, 0.5]]
    """

    def forward(self, w: Weights, inputs: Sequence[Array]) -> Array:
        """The mean."""
        return functools.reduce(jnp.add, self._aligned(inputs)) / len(inputs)


@export("keras.layers.Multiply")
class Multiply(Merge):
    """The product of the inputs; where a mask hides an input, it counts as 1, and where all are hidden the result is 0.

    Example:
        >>> import numpy as np
        >>> Multiply()([np.full((1, 2), 3, np.float32), np.full((1, 2), 2, np.float32)]).tolist()
        [[6.0, 6.0]]
    """

    def forward(self, w: Weights, inputs: Sequence[Array], *, mask: Tree = None) -> Array:
        """The product."""
        arrays = self._aligned(inputs)
        keep = _masks(inputs, mask)
        y = functools.reduce(jnp.multiply, [x if m is None else jnp.where(m, x, 1) for x, m in zip(arrays, keep)])
        given = [m for m in keep if m is not None]
        return jnp.where(functools.reduce(jnp.logical_or, given), y, 0) if len(given) == len(keep) else y


class _Extremum(Merge):
    """The larger or smaller of the inputs that no mask hides."""

    pick: Callable[[Tree, Tree], Tree]

    def forward(self, w: Weights, inputs: Sequence[Array], *, mask: Tree = None) -> Array:
        """The extremum."""
        arrays = self._aligned(inputs)
        best, seen = arrays[0], _masks(inputs, mask)[0]
        for x, keep in zip(arrays[1:], _masks(inputs, mask)[1:]):
            x = x if keep is None else jnp.where(keep, x, best)
            best = best if seen is None else jnp.where(seen, best, x)
            seen = None if seen is None or keep is None else seen | keep
            best = type(self).pick(best, x)
        return best


def _masks(inputs: Sequence[Array], mask: Sequence[Array | None] | None) -> list[Array | None]:
    """A mask per input, as wide as the input; none if ranks differ, since then axes were inserted."""
    if mask is None or len({x.ndim for x in inputs}) > 1:
        return [None] * len(inputs)
    return [None if m is None else _over(m, x) for m, x in zip(mask, inputs)]


@export("keras.layers.Maximum")
class Maximum(_Extremum):
    """The element-wise maximum of the inputs that no mask hides.

    Example:
        >>> import numpy as np
        >>> Maximum()([np.ones((1, 2), np.float32), np.zeros((1, 2), np.float32)]).tolist()
        [[1.0, 1.0]]
    """

    pick = staticmethod(jnp.maximum)


@export("keras.layers.Minimum")
class Minimum(_Extremum):
    """The element-wise minimum of the inputs that no mask hides.

    Example:
        >>> import numpy as np
        >>> Minimum()([np.ones((1, 2), np.float32), np.zeros((1, 2), np.float32)]).tolist()
        [[0.0, 0.0]]
    """

    pick = staticmethod(jnp.minimum)


@export("keras.layers.Concatenate")
class Concatenate(Merge):
    """The inputs one after the other along an axis.

    Args:
        axis: the axis to join along; all other sizes must be equal.
        kwargs: as every layer.

    Example:
        >>> import numpy as np
        >>> Concatenate()([np.zeros((2, 3), np.float32), np.zeros((2, 5), np.float32)]).shape
        (2, 8)
    """

    def __init__(self, axis: int = -1, **kwargs: Unpack[BaseArguments]):
        super().__init__(**kwargs)
        self.axis = axis

    def forward(self, w: Weights, inputs: Sequence[Array]) -> Array:
        """The joined inputs."""
        inputs, ndim = self._as_list(inputs), inputs[0].ndim
        fits = -ndim <= self.axis < ndim and len({x.ndim for x in inputs}) == 1
        if not fits or len({(*x.shape[: self.axis % ndim], None, *x.shape[self.axis % ndim + 1 :]) for x in inputs}) > 1:
            raise ValueError(
                f"{self.name} (Concatenate) takes inputs whose sizes are equal but for axis {self.axis}. "
                f"Received: {describe(list(inputs))}."
            )
        return jnp.concatenate(inputs, axis=self.axis)

    def compute_mask(self, inputs: Tree, mask: Tree = None) -> Tree:
        """The masks joined as the inputs are; an input without a mask counts everywhere."""
        mask = self._mask_list(inputs, mask)
        if mask is None or all(m is None for m in mask):
            return None
        masks = [jnp.ones(x.shape, bool) if m is None else jnp.broadcast_to(_over(m, x), x.shape) for x, m in zip(inputs, mask)]
        return jnp.any(jnp.concatenate(masks, axis=self.axis), axis=-1)


@export("keras.layers.Dot")
class Dot(Merge):
    """The sum over one axis of the product of two inputs, for every example.

    Args:
        axes: the axis of both, or a pair, one for each; not 0, the batch axis.
        normalize: whether to divide both by their norms along these axes, which makes the result a cosine.
        kwargs: as every layer.

    Example:
        >>> import numpy as np
        >>> Dot(axes=1)([np.array([[1.0, 2.0]], np.float32), np.array([[3.0, 4.0]], np.float32)]).tolist()
        [[11.0]]
    """

    def __init__(self, axes: Ints, normalize: bool = False, **kwargs: Unpack[BaseArguments]):
        super().__init__(**kwargs)
        pair = isinstance(axes, (list, tuple)) and len(axes) == 2 and all(isinstance(a, int) for a in axes)
        if not isinstance(axes, int) and not pair:
            raise ValueError(f"Dot takes an integer or a pair of integers as axes. Received: axes={axes!r}.")
        self.axes = axes
        self.normalize = normalize

    def forward(self, w: Weights, inputs: Sequence[Array]) -> Array:
        """The products."""
        x, y = self._as_list(inputs, 2)
        axes = self.axes if isinstance(self.axes, int) else (self.axes[0], self.axes[1])
        return batch_dot(x, y, axes, self.normalize)

    def compute_mask(self, inputs: Tree, mask: Tree = None) -> Tree:
        """None: the masked axes may be summed away."""
        return None


@export("keras.layers.add")
def add(inputs: Sequence[Tree], **kwargs: Unpack[BaseArguments]) -> Tree:
    """`Add(**kwargs)(inputs)`."""
    return Add(**kwargs)(inputs)


@export("keras.layers.subtract")
def subtract(inputs: Sequence[Tree], **kwargs: Unpack[BaseArguments]) -> Tree:
    """`Subtract(**kwargs)(inputs)`."""
    return Subtract(**kwargs)(inputs)


@export("keras.layers.multiply")
def multiply(inputs: Sequence[Tree], **kwargs: Unpack[BaseArguments]) -> Tree:
    """`Multiply(**kwargs)(inputs)`."""
    return Multiply(**kwargs)(inputs)


@export("keras.layers.average")
def average(inputs: Sequence[Tree], **kwargs: Unpack[BaseArguments]) -> Tree:
    """`Average(**kwargs)(inputs)`."""
    return Average(**kwargs)(inputs)


@export("keras.layers.maximum")
def maximum(inputs: Sequence[Tree], **kwargs: Unpack[BaseArguments]) -> Tree:
    """`Maximum(**kwargs)(inputs)`."""
    return Maximum(**kwargs)(inputs)


@export("keras.layers.minimum")
def minimum(inputs: Sequence[Tree], **kwargs: Unpack[BaseArguments]) -> Tree:
    """`Minimum(**kwargs)(inputs)`."""
    return Minimum(**kwargs)(inputs)


@export("keras.layers.concatenate")
def concatenate(inputs: Sequence[Tree], axis: int = -1, **kwargs: Unpack[BaseArguments]) -> Tree:
    """`Concatenate(axis, **kwargs)(inputs)`."""
    return Concatenate(axis=axis, **kwargs)(inputs)


@export("keras.layers.dot")
def dot(inputs: Sequence[Tree], axes: Ints = -1, **kwargs: Unpack[BaseArguments]) -> Tree:
    """`Dot(axes, **kwargs)(inputs)`."""
    return Dot(axes=axes, **kwargs)(inputs)
