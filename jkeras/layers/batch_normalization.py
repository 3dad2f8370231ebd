"""BatchNormalization: statistics of each batch in training, and their moving averages elsewhere."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Unpack

import jax
import jax.numpy as jnp

from jkeras import initializers
from jkeras._base.configurable import object_config
from jkeras._base.registry import export
from jkeras._base.shared_arguments import expand_kwargs
from jkeras._base.types import Array, DTypeLike, FunctionLike, Weights
from jkeras.graph import Spec
from jkeras.layer.declaration import Declaration, Updated, Weight
from jkeras.layer.input_spec import InputSpec
from jkeras.layers.normalization import AffineNormalization, ScaleAndCenter
from jkeras.nn.norm import at_least_float32, batch_norm, moments, renorm_correction

_LIMITS = ("rmin", "rmax", "dmax")


class Root:
    """The square root of another initializer's values."""

    def __init__(self, squares: Callable[..., Array]):
        self.squares = squares

    def __call__(self, shape: tuple[int, ...], dtype: DTypeLike | None = None, key: Array | None = None) -> Array:
        """The roots for a shape."""
        return jnp.sqrt(initializers.draw(self.squares, key, shape, dtype))

    def get_config(self) -> dict[str, str]:
        """Equal for equal initializers, so that their compiled draw is shared."""
        return {"squares": str(object_config(self.squares)) if hasattr(self.squares, "get_config") else str(id(self.squares))}


@export("keras.layers.BatchNormalization")
class BatchNormalization(AffineNormalization):
    """`gamma * (x - mean) / sqrt(variance + epsilon) + beta`, with mean and variance per channel.

    In training they are those of the batch, and moving averages follow them:
    `moving = moving * momentum + batch * (1 - momentum)`. Otherwise, and where the layer is frozen (`trainable = False`), the
    moving averages are used and do not change.

    With `renorm`, training normalizes by running statistics too, which follow the batches by `renorm_momentum`: with r and d of
    `renorm_correction`, `gamma * ((x - mean) / sqrt(variance + epsilon) * r + d) + beta`.

    Args:
        axis: the channel axis.
        momentum: how much of the moving averages a step keeps.
        epsilon: added to the variance.
        center, scale: whether to learn `beta` and `gamma`.
        beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer: names or objects.
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: names or objects.
        renorm: whether to renormalize.
        renorm_clipping: limits of the correction, a dict with some of `rmin`, `rmax` (of r) and `dmax` (of d's size).
        renorm_momentum: how much of renormalization's statistics a step keeps.
        synchronized: whether, within `shard_map` or `pmap`, where the layer sees one shard of the batch, statistics are those of
            all shards. Elsewhere it changes nothing: under `jit` over sharded data they are those of the whole batch anyway.
        kwargs: as every layer.

    Call:
        x: any shape, channels along `axis`.
        training: whether to use and follow the batch's statistics.
        mask: x's shape without its last axis; positions that are False do not count in the statistics.

    Example:
        >>> import numpy as np
        >>> y = BatchNormalization(epsilon=0.0)(np.array([[2.0], [4.0]], np.float32), training=True)
        >>> y.tolist()
        [[-1.0], [1.0]]

    Raises:
        ValueError: `renorm_clipping` has other keys, `rmax` below `rmin`, or a negative `dmax`.

    Source: Sergey Ioffe, Christian Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing Internal
    Covariate Shift", 2015; Sergey Ioffe, "Batch Renormalization: Towards Reducing Minibatch Dependence in Batch-Normalized
    Models", 2017.
    """

    @expand_kwargs(
        after={"moving_mean_initializer": "gamma_initializer", "moving_variance_initializer": "moving_mean_initializer"}
    )
    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        *,
        moving_mean_initializer: FunctionLike = "zeros",
        moving_variance_initializer: FunctionLike = "ones",
        renorm: bool = False,
        renorm_clipping: Mapping[str, float] | None = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        **kwargs: Unpack[ScaleAndCenter],
    ):
        super().__init__(**kwargs)
        self.axis = int(axis)
        self.momentum, self.epsilon = float(momentum), float(epsilon)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.renorm, self.renorm_momentum, self.synchronized = renorm, renorm_momentum, synchronized
        self.renorm_clipping = _limits(renorm_clipping) if renorm else renorm_clipping

    def declare(self, x: Spec) -> Declaration:
        """One number per channel in each of gamma, beta, moving_mean, moving_variance; and in three more for renormalization."""
        (axis,) = self._axes_in(self.axis, x)
        self.input_spec = InputSpec(ndim=len(x.shape), axes={axis: x.shape[axis]})
        shape = (x.shape[axis],)
        yield from self._affine_weights(shape)
        mean, variance = self.moving_mean_initializer, self.moving_variance_initializer
        state = {"moving_mean": mean, "moving_variance": variance}
        if self.renorm:
            deviation = Root(variance)
            state |= {"moving_stddev": deviation, "renorm_mean": mean, "renorm_stddev": deviation}
        for name, initializer in state.items():
            yield Weight(name, shape, initializer, trainable=False, autocast=False)

    def forward(self, w: Weights, x: Array, *, training: bool = False, mask: Array | None = None) -> Array | Updated:
        """The normalized input, with new moving averages in training."""
        wide = at_least_float32(x)
        offset, scale = self._offset_and_scale(w)
        options: dict[str, Any] = {"axis": self.axis, "epsilon": self.epsilon}
        if not (training and self.trainable):
            return batch_norm(wide, w.moving_mean, w.moving_variance, offset, scale, **options).astype(self.compute_dtype)
        axes = [a for a in range(x.ndim) if a != self.axis % x.ndim]
        mean, variance = moments(wide, axes, mask, across=_shards() if self.synchronized else ())
        if self.renorm:
            offset, scale = self._renormalizing(w, mean, variance, offset, scale)
        y = batch_norm(wide, mean, variance, offset, scale, **options).astype(self.compute_dtype)
        follow = self._follow_renormalized if self.renorm else self._follow
        return Updated(y, **follow(w, mean, variance))

    def _follow(self, w: Weights, mean: Array, variance: Array) -> dict[str, Array]:
        return {
            "moving_mean": _moved(w.moving_mean, mean, self.momentum),
            "moving_variance": _moved(w.moving_variance, variance, self.momentum),
        }

    def _follow_renormalized(self, w: Weights, mean: Array, variance: Array) -> dict[str, Array]:
        """Deviations are what follows the batches; the moving variance is computed from the moving deviation."""
        deviation = jnp.sqrt(variance + self.epsilon)
        moving = _moved(w.moving_stddev, deviation, self.momentum)
        return {
            "moving_mean": _moved(w.moving_mean, mean, self.momentum),
            "moving_variance": jnp.maximum(jnp.square(moving) - self.epsilon, 0),
            "moving_stddev": moving,
            "renorm_mean": _moved(w.renorm_mean, mean, self.renorm_momentum),
            "renorm_stddev": _moved(w.renorm_stddev, deviation, self.renorm_momentum),
        }

    def _renormalizing(
        self, w: Weights, mean: Array, variance: Array, offset: Array | None, scale: Array | None
    ) -> tuple[Array, Array]:
        """Offset and scale with the correction in them: `(x r + d) scale + offset = x (r scale) + (d scale + offset)`."""
        running = jnp.maximum(w.renorm_stddev, math.sqrt(self.epsilon))  # no division by zero early in training
        deviation = jnp.sqrt(variance + self.epsilon)
        r, d = renorm_correction(mean, deviation, w.renorm_mean, running, **(self.renorm_clipping or {}))
        r, d = (r, d) if scale is None else (r * scale, d * scale)
        return d if offset is None else d + offset, r


def _moved(average: Array, value: Array, momentum: float) -> Array:
    return average * momentum + value * (1 - momentum)


def _shards() -> tuple[str, ...]:
    """The names of the axes along which the running code sees one shard: those of `shard_map` and `pmap` around it."""
    return tuple(jax.sharding.get_abstract_mesh().manual_axes)


def _limits(clipping: Mapping[str, float] | None) -> dict[str, float]:
    limits = dict(clipping or {})
    if unknown := sorted(set(limits) - set(_LIMITS)):
        raise ValueError(f"renorm_clipping takes the keys {', '.join(_LIMITS)}. Received: {', '.join(map(str, unknown))}.")
    rmin, rmax, dmax = (limits.get(name) for name in _LIMITS)
    if rmin is not None and rmax is not None and rmax < rmin:
        raise ValueError(f"renorm_clipping keeps r between rmin and rmax. Received: rmin={rmin}, rmax={rmax}.")
    if dmax is not None and dmax < 0:
        raise ValueError(f"renorm_clipping keeps d between -dmax and dmax, so dmax is not negative. Received: dmax={dmax}.")
    return limits
