"""Normalization layers with statistics per example, and vectors of length 1."""

from __future__ import annotations

import warnings
from typing import Annotated, Any, Unpack

from jkeras._base.errors import describe
from jkeras._base.registry import export
from jkeras._base.shared_arguments import expand_kwargs
from jkeras._base.types import Array, FunctionLike, Ints, Weights
from jkeras.graph import Spec
from jkeras.layer.base import BaseArguments, LayerArguments
from jkeras.layer.declaration import Declaration, Weight
from jkeras.layer.input_spec import InputSpec
from jkeras.layers.weight_arguments import WeightedLayer, weight_for
from jkeras.nn.lengths import unit_vectors
from jkeras.nn.norm import at_least_float32, group_norm, layer_norm, rms_norm

_RMS_SCALING = """LayerNormalization {layer!r} has rms_scaling=True: it divides by the deviation from the mean, and is no RMS
normalization. If that is what you want, write layers.RMSNormalization()."""


class ScaleAndCenter(LayerArguments, total=False):
    """Arguments for what normalizations learn."""

    center: Annotated[bool, True]
    scale: Annotated[bool, True]
    beta_initializer: Annotated[FunctionLike, "zeros"]
    gamma_initializer: Annotated[FunctionLike, "ones"]
    beta_regularizer: Annotated[FunctionLike, None]
    gamma_regularizer: Annotated[FunctionLike, None]
    beta_constraint: Annotated[FunctionLike, None]
    gamma_constraint: Annotated[FunctionLike, None]
    activity_regularizer: FunctionLike


class LayerNormalizationArguments(ScaleAndCenter, total=False):
    """The same, and an argument that Keras does not show."""

    rms_scaling: bool


class Normalizing(WeightedLayer):
    """A layer that computes statistics along some axes."""

    _weight_roles: tuple[str, ...] = ()

    def _axes_in(self, axis: Ints, x: Spec | Array) -> list[int]:
        """The axes counted from the front, in order."""
        axes = [axis] if isinstance(axis, int) else list(axis)
        if not all(-len(x.shape) <= a < len(x.shape) for a in axes):
            raise ValueError(f"{self.name}: axis={axis!r} is out of range for the input {describe(x)}.")
        if len({a % len(x.shape) for a in axes}) < len(axes):
            raise ValueError(f"{self.name}: axis={axis!r} names an axis of the input {describe(x)} twice. Name it once.")
        return sorted(a % len(x.shape) for a in axes)


class AffineNormalization(Normalizing):
    """A normalization's weights: `gamma` scales, `beta` shifts. They stay in their own dtype, whatever the inputs' is."""

    supports_masking = True
    _weight_roles = ("beta", "gamma")

    def __init__(self, *, center: bool, scale: bool, **kwargs: Any):
        super().__init__(**kwargs)
        self.center, self.scale = center, scale

    def _affine_weights(self, shape: tuple[int | None, ...]) -> Declaration:
        yield weight_for(self, "gamma", shape, autocast=False, present=self.scale)
        yield weight_for(self, "beta", shape, autocast=False, present=self.center)

    def _offset_and_scale(self, w: Weights) -> tuple[Array | None, Array | None]:
        return w.beta if self.center else None, w.gamma if self.scale else None


@export("keras.layers.LayerNormalization")
class LayerNormalization(AffineNormalization):
    """`gamma * (x - mean) / sqrt(variance + epsilon) + beta`, with mean and variance per example, over `axis`.

    With `rms_scaling` it is `gamma * x / sqrt(variance + epsilon)`, and has no `beta`: neither this layer nor RMS normalization,
    but what some models were trained with.

    Args:
        axis: the axis or axes that the statistics are taken over, and that `gamma` and `beta` span.
        epsilon: added to the variance.
        center, scale: whether to learn `beta` and `gamma`.
        beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer: names or objects.
        beta_constraint, gamma_constraint: names or objects.
        kwargs: as every layer; `rms_scaling`, default False.

    Raises:
        TypeError: `axis` is neither an integer nor a list of integers.

    Example:
        >>> import numpy as np
        >>> LayerNormalization(epsilon=0.0)(np.array([[1.0, 3.0]], np.float32)).tolist()
        [[-1.0, 1.0]]

    Source: Jimmy Lei Ba, Jamie Ryan Kiros, Geoffrey Hinton, "Layer Normalization", 2016.
    """

    @expand_kwargs()
    def __init__(
        self,
        axis: Ints = -1,
        epsilon: float = 1e-3,
        **kwargs: Unpack[LayerNormalizationArguments],
    ):
        self.rms_scaling = kwargs.pop("rms_scaling", False)
        super().__init__(**kwargs)
        if not isinstance(axis, (int, list, tuple)):
            raise TypeError(f"LayerNormalization takes an axis, such as -1, or a list of axes. Received: axis={axis!r}.")
        if self.rms_scaling:
            warnings.warn(_RMS_SCALING.format(layer=self.name), stacklevel=2)
        # The statistics are taken from inputs as they come, before any rounding to the compute dtype.
        self.autocast = False
        self.axis = axis if isinstance(axis, int) else list(axis)
        self.epsilon = epsilon

    def declare(self, x: Spec) -> Declaration:
        """gamma and beta, each of the sizes of the normalized axes; with `rms_scaling` gamma alone."""
        shape = tuple(x.shape[a] for a in self._axes_in(self.axis, x))
        if self.rms_scaling:
            yield weight_for(self, "gamma", shape, autocast=False)
        else:
            yield from self._affine_weights(shape)

    def forward(self, w: Weights, x: Array) -> Array:
        """The normalized input."""
        offset, scale = (None, w.gamma) if self.rms_scaling else self._offset_and_scale(w)
        wide, center = at_least_float32(x), not self.rms_scaling
        return layer_norm(wide, scale, offset, axis=self.axis, epsilon=self.epsilon, center=center).astype(self.compute_dtype)


@export("keras.layers.RMSNormalization")
class RMSNormalization(Normalizing):
    """`scale * x / sqrt(mean(x^2) + epsilon)`, with the mean per example, over `axis`.

    Args:
        axis: the axis or axes that the mean is taken over, and that `scale` spans.
        epsilon: added to the mean square.
        kwargs: as every layer.

    Example:
        >>> import numpy as np
        >>> RMSNormalization(epsilon=0.0)(np.array([[3.0, 3.0]], np.float32)).tolist()
        [[1.0, 1.0]]

    Source: Biao Zhang, Rico Sennrich, "Root Mean Square Layer Normalization", 2019.
    """

    def __init__(self, axis: Ints = -1, epsilon: float = 1e-6, **kwargs: Unpack[BaseArguments]):
        super().__init__(**kwargs)
        self.autocast = False
        self.axis = axis if isinstance(axis, int) else list(axis)
        self.epsilon = epsilon

    def declare(self, x: Spec) -> Declaration:
        """A scale of the sizes of the normalized axes."""
        yield Weight("scale", tuple(x.shape[a] for a in self._axes_in(self.axis, x)), "ones", autocast=False)

    def forward(self, w: Weights, x: Array) -> Array:
        """The normalized input."""
        return rms_norm(at_least_float32(x), w.scale, axis=self.axis, epsilon=self.epsilon).astype(self.compute_dtype)


@export("keras.layers.GroupNormalization")
class GroupNormalization(AffineNormalization):
    """`gamma * (x - mean) / sqrt(variance + epsilon) + beta`, with mean and variance per example and group of channels.

    They are taken over all positions and the neighbouring channels of a group. One group is layer normalization over all axes,
    a group for each channel is instance normalization.

    Args:
        groups: number of groups, which divides the number of channels; -1 for a group for each channel.
        axis: the channel axis.
        epsilon: added to the variance.
        center, scale: whether to learn `beta` and `gamma`, a number per channel each.
        beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer: names or objects.
        beta_constraint, gamma_constraint: names or objects.
        kwargs: as every layer.

    Call:
        x: `(batch, ...)`, channels along `axis`. Returns the same shape.

    Raises:
        ValueError: `groups` is not such a number, or does not divide the number of channels.

    Example:
        >>> import numpy as np
        >>> GroupNormalization(groups=2, epsilon=0.0)(np.array([[1.0, 3.0, 5.0, 9.0]], np.float32)).tolist()
        [[-1.0, 1.0, -1.0, 1.0]]

    Source: Yuxin Wu, Kaiming He, "Group Normalization", 2018.
    """

    @expand_kwargs()
    def __init__(self, groups: int = 32, axis: int = -1, epsilon: float = 1e-3, **kwargs: Unpack[ScaleAndCenter]):
        if not isinstance(groups, int) or (groups <= 0 and groups != -1):
            raise ValueError(
                "GroupNormalization takes a positive number of groups, or -1 for a group for each channel. "
                f"Received: groups={groups!r}."
            )
        if not isinstance(axis, int):
            raise TypeError(f"GroupNormalization takes one axis, that of the channels, such as -1. Received: axis={axis!r}.")
        super().__init__(**kwargs)
        # The statistics are taken from inputs as they come, before any rounding to the compute dtype.
        self.autocast = False
        self.groups, self.axis, self.epsilon = groups, axis, epsilon

    def declare(self, x: Spec) -> Declaration:
        """gamma and beta, a number per channel."""
        (axis,) = self._axes_in(self.axis, x)
        channels = x.shape[axis]
        if channels is None or axis == 0:
            raise ValueError(f"{self.name}: axis={self.axis} is not a channel axis of known size of the input {describe(x)}.")
        if channels % self._count(channels):
            raise ValueError(
                f"{self.name}: {channels} channels do not fall into {self.groups} groups of one size. "
                f"Give groups a number that divides {channels}."
            )
        self.input_spec = InputSpec(ndim=len(x.shape), axes={axis: channels})
        yield from self._affine_weights((channels,))

    def _count(self, channels: int) -> int:
        return channels if self.groups == -1 else self.groups

    def forward(self, w: Weights, x: Array) -> Array:
        """The normalized input."""
        offset, scale = self._offset_and_scale(w)
        groups = self._count(x.shape[self.axis])
        y = group_norm(at_least_float32(x), groups, scale, offset, axis=self.axis, epsilon=self.epsilon)
        return y.astype(self.compute_dtype)


@export("keras.layers.UnitNormalization")
class UnitNormalization(Normalizing):
    """`x / |x|`: each example's vectors along `axis` get the length 1; those of zeros stay zeros, and pass no gradient on.

    Args:
        axis: the axis or axes of the vectors; several axes make one vector.
        kwargs: as every layer.

    Raises:
        TypeError: `axis` is neither an integer nor a list of integers.

    Example:
        >>> import numpy as np
        >>> [round(v, 4) for v in UnitNormalization()(np.array([[3.0, 4.0]], np.float32))[0].tolist()]
        [0.6, 0.8]
    """

    supports_masking = True

    def __init__(self, axis: Ints = -1, **kwargs: Unpack[BaseArguments]):
        super().__init__(**kwargs)
        if not isinstance(axis, (int, list, tuple)):
            raise TypeError(f"UnitNormalization takes an axis, such as -1, or a list of axes. Received: axis={axis!r}.")
        self.axis = axis if isinstance(axis, int) else list(axis)

    def forward(self, w: Weights, x: Array) -> Array:
        """Vectors of length 1."""
        return unit_vectors(x.astype(self.compute_dtype), tuple(self._axes_in(self.axis, x)), epsilon=1e-12)
