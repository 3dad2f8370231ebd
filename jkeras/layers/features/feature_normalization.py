"""`Normalization`: shift and scale by statistics of the data, given as numbers or measured once by `adapt`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Unpack

import jax.numpy as jnp
import numpy as np

from jkeras._base.config import epsilon
from jkeras._base.errors import describe
from jkeras._base.registry import export
from jkeras._base.sparse_arrays import all_dense, refuse_matrix
from jkeras._base.types import Array, Ints, Tree, Weights
from jkeras.graph import Spec
from jkeras.layer.base import BaseArguments, Layer
from jkeras.layer.declaration import Declaration, Weight
from jkeras.nn.norm import at_least_float32

_ROWS = 4096  # `adapt` reads arrays in pieces, because float64 copies of whole data sets do not fit


@export("keras.layers.Normalization")
class Normalization(Layer):
    """`(x - mean) / max(sqrt(variance), epsilon)`, with statistics of the training data.

    Args:
        axis: the axes that keep statistics of their own, an int or several; None for one mean and variance of everything.
        mean, variance: numbers or arrays that broadcast to the kept axes; None leaves them to `adapt`.
        invert: whether to undo the normalization instead.
        kwargs: as every layer.

    Call:
        x: any shape and dtype. Returns the same shape in the compute dtype.

    Raises:
        ValueError: only one of mean and variance is given.

    Example:
        >>> layer = Normalization(axis=None)
        >>> layer.adapt(np.array([[1.0], [3.0]]))
        >>> layer(np.array([[5.0]], np.float32)).tolist()
        [[3.0]]
    """

    supports_masking = True
    mean: Any  # Variables, or where they were given arrays that broadcast against the input
    variance: Any

    def __init__(
        self,
        axis: Ints | None = -1,
        mean: Tree = None,
        variance: Tree = None,
        invert: bool = False,
        **kwargs: Unpack[BaseArguments],
    ):
        super().__init__(**kwargs)
        if (mean is None) != (variance is None) or np.shape(mean) != np.shape(variance):
            raise ValueError(
                "Normalization takes both mean and variance, of one shape, or neither and then `adapt(data)`. "
                f"Received: mean={describe(mean)}, variance={describe(variance)}."
            )
        self.axis = () if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
        self.invert = invert
        self._given = None if mean is None else (np.asarray(mean, "float64"), np.asarray(variance, "float64"))

    @property
    def learns(self) -> bool:
        """Whether `adapt` measures mean and variance."""
        return self._given is None

    def declare(self, x: Spec) -> Declaration:
        """Mean, variance and a count, unless they were given."""
        if self._given is None:
            shape = tuple(x.shape[a] for a in self._kept(len(x.shape)))
            yield Weight("mean", shape, "zeros", trainable=False, autocast=False)
            yield Weight("variance", shape, "ones", trainable=False, autocast=False)
            yield Weight("count", (), "zeros", dtype="int32", trainable=False)
        else:
            kept = self._kept(len(x.shape))
            sizes = tuple(n if a in kept and n is not None else 1 for a, n in enumerate(x.shape))
            aligned = [np.asarray(self._aligned(jnp.asarray(value, self.compute_dtype), x.shape)) for value in self._given]
            try:
                wanted = np.broadcast_shapes(aligned[0].shape, sizes)
            except ValueError:
                raise ValueError(
                    f"{self.name}: mean and variance have the shape {self._given[0].shape}, which does not fit to the sizes "
                    f"{tuple(x.shape[a] for a in kept)} of the kept axes. Give one number, or one for each entry of these axes."
                ) from None
            self.mean, self.variance = (np.broadcast_to(value, wanted) for value in aligned)

    def forward(self, w: Weights, x: Array) -> Array:
        """The normalized input."""
        x = x.astype(self.compute_dtype)
        wide = at_least_float32(x)
        mean, variance = self._given if self._given is not None else (w.mean, w.variance)
        mean, variance = (self._aligned(jnp.asarray(v, wide.dtype), x.shape) for v in (mean, variance))
        scale = jnp.maximum(jnp.sqrt(variance), epsilon())
        return (mean + wide * scale if self.invert else (wide - mean) / scale).astype(x.dtype)

    def adapt(self, data: Tree) -> None:
        """Measure mean and variance.

        Args:
            data: an array, or an iterable of batches; of tuples the first entry counts.

        Raises:
            ValueError: there is no data, or mean and variance were given.
        """
        if not self.learns:
            raise ValueError(f"{self.name}: mean and variance were given, so there is nothing to adapt. Leave them out.")
        count, mean, variance = 0, np.zeros(()), np.zeros(())
        whole = hasattr(data, "shape") and 0 in self._kept(data.ndim)
        for batch in [np.asarray(data, "float64")] if whole else _batches(data):
            if not self.built:
                self.build(batch.shape if whole else (None, *batch.shape[1:]))
            kept = self._kept(batch.ndim)
            reduced = tuple(a for a in range(batch.ndim) if a not in kept)
            more = math.prod(batch.shape[a] for a in reduced)
            batch_mean, batch_variance = batch.mean(reduced), batch.var(reduced)
            share = more / (count + more)
            total_mean = mean + (batch_mean - mean) * share
            variance = (variance + (mean - total_mean) ** 2) * (1 - share) + (
                batch_variance + (batch_mean - total_mean) ** 2
            ) * share
            count, mean = count + more, total_mean
        if not count:
            raise ValueError(f"{self.name}: adapt() received no data.")
        self.mean.assign(jnp.asarray(mean, self.variable_dtype))
        self.variance.assign(jnp.asarray(variance, self.variable_dtype))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments; measured statistics are weights, and not among them."""
        mean, variance = (None, None) if self._given is None else (value.tolist() for value in self._given)
        return {**super().get_config(), "mean": mean, "variance": variance}

    def _kept(self, ndim: int) -> tuple[int, ...]:
        if any(not -ndim <= a < ndim for a in self.axis):
            raise ValueError(f"{self.name}: axis={self.axis} names axes that an input of rank {ndim} does not have.")
        return tuple(sorted(a % ndim for a in self.axis))

    def _aligned(self, value: Array, shape: Sequence[int | None]) -> Array:
        """Statistics in a shape that broadcasts against the input: their last axes are the last ones kept."""
        sizes = [1] * len(shape)
        kept = self._kept(len(shape))
        for axis, size in zip(kept[len(kept) - value.ndim :], value.shape):
            sizes[axis] = size
        return value.reshape(sizes)


def _batches(data: Tree) -> Iterator[np.ndarray]:
    refuse_matrix(data)
    data = all_dense(data)
    if hasattr(data, "shape"):
        for start in range(0, data.shape[0], _ROWS):
            yield np.asarray(data[start : start + _ROWS], "float64")
        return
    if not isinstance(data, Iterable) and not hasattr(data, "__getitem__"):
        raise TypeError(f"adapt takes an array or an iterable of batches, received {describe(data)}.")
    for batch in data if isinstance(data, Iterable) else (data[i] for i in range(len(data))):
        yield np.asarray(batch[0] if isinstance(batch, tuple) else batch, "float64")
