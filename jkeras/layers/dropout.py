"""Noise layers: dropout, of entries, channels or examples, normal noise, and noise for self-normalising networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from jkeras._base.config import standardize_data_format
from jkeras._base.registry import export
from jkeras._base.types import Array, DTypeLike, Weights
from jkeras.layer.base import BaseArguments, Layer
from jkeras.layer.input_spec import InputSpec
from jkeras.nn import dropout as maths


class _Noise(Layer):
    """In training, noise of a strength; otherwise nothing."""

    supports_masking = True
    _may_be_one = True

    def _set_strength(self, name: str, value: float, seed: int | None) -> None:
        if not 0 <= value <= 1 or (value == 1 and not self._may_be_one):
            most = "to 1" if self._may_be_one else "below 1"
            raise ValueError(f"{type(self).__name__} takes a {name} from 0 {most}. Received: {name}={value!r}.")
        self.draws = value > 0
        self.seed = seed

    def forward(self, w: Weights, x: Array, *, training: bool = False, rng: Array | None = None) -> Array:
        """The input with noise in training, as it is otherwise."""
        if not (training and self.draws):
            return x
        assert rng is not None
        return self.disturb(x, rng)

    def disturb(self, x: Array, rng: Array) -> Array:
        """The input with noise, for a key."""
        raise NotImplementedError(f"{type(self).__name__} must define `disturb(self, x, rng)` and return the noisy input.")


@export("keras.layers.Dropout")
class Dropout(_Noise):
    """In training, zero each entry with probability `rate` and divide the others by `1 - rate`; otherwise do nothing.

    Args:
        rate: probability of zero, in [0, 1].
        noise_shape: shape of the random choice, with 1 for axes that share a choice and None for the input's own size.
        seed: an integer that is mixed into the key of every draw.
        kwargs: as every layer.

    Example:
        >>> import numpy as np
        >>> Dropout(0.5)(np.ones((1, 3), np.float32)).tolist()
        [[1.0, 1.0, 1.0]]

    Source: Nitish Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", 2014.
    """

    def __init__(
        self,
        rate: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        **kwargs: Unpack[BaseArguments],
    ):
        super().__init__(**kwargs)
        self._set_strength("rate", rate, seed)
        self.rate = rate
        self.noise_shape = _checked_noise_shape(noise_shape)

    def disturb(self, x: Array, rng: Array) -> Array:
        """The input with some entries zero."""
        return maths.dropout(rng, x, self.rate, self.noise_shape)


def _checked_noise_shape(noise_shape: Sequence[int | None] | None) -> tuple[int | None, ...] | None:
    if noise_shape is None:
        return None
    sizes = () if isinstance(noise_shape, (str, int)) else tuple(noise_shape)
    if not sizes or any(n is not None and (not isinstance(n, int) or n < 1) for n in sizes):
        raise ValueError(
            f"Dropout takes a tuple of positive integers and None as noise_shape. Received: {noise_shape!r}. "
            "Write for example noise_shape=(None, 1, None)."
        )
    return sizes


@export("keras.src.applications.convnext.StochasticDepth", "jkeras.layers.StochasticDepth")
class StochasticDepth(_Noise):
    """In training, zero each whole example with probability `drop_path_rate` and divide the others by `1 - drop_path_rate`.

    Added to a shortcut, a branch that is zero is left out, so a deep network trains as a shallower one.

    Args:
        drop_path_rate: probability of zero, in [0, 1].
        kwargs: as every layer.

    Example:
        >>> import numpy as np
        >>> StochasticDepth(0.5)(np.ones((1, 3), np.float32)).tolist()
        [[1.0, 1.0, 1.0]]

    Source: Gao Huang et al., "Deep Networks with Stochastic Depth", 2016.
    """

    def __init__(self, drop_path_rate: float, **kwargs: Unpack[BaseArguments]):
        super().__init__(**kwargs)
        self._set_strength("drop_path_rate", drop_path_rate, None)
        self.drop_path_rate = drop_path_rate

    def disturb(self, x: Array, rng: Array) -> Array:
        """The input with some examples zero."""
        return maths.dropout(rng, x, self.drop_path_rate, (None, *(1,) * (x.ndim - 1)))


@export("keras.layers.GaussianNoise")
class GaussianNoise(_Noise):
    """Add normal noise in training.

    Args:
        stddev: its standard deviation, in [0, 1].
        seed: an integer that is mixed into the key of every draw.
        kwargs: as every layer.

    Example:
        >>> import numpy as np
        >>> GaussianNoise(0.5)(np.ones((1, 3), np.float32)).tolist()
        [[1.0, 1.0, 1.0]]
    """

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Unpack[BaseArguments]):
        super().__init__(**kwargs)
        self._set_strength("stddev", stddev, seed)
        self.stddev = stddev

    def disturb(self, x: Array, rng: Array) -> Array:
        """The input plus noise."""
        return maths.gaussian_noise(rng, x, self.stddev)


@export("keras.layers.GaussianDropout")
class GaussianDropout(_Noise):
    """Multiply by normal noise of mean 1 and standard deviation `sqrt(rate / (1 - rate))` in training.

    Args:
        rate: strength, as `Dropout`'s, in [0, 1).
        seed: an integer that is mixed into the key of every draw.
        kwargs: as every layer.

    Example:
        >>> import numpy as np
        >>> GaussianDropout(0.5)(np.ones((1, 3), np.float32)).tolist()
        [[1.0, 1.0, 1.0]]

    Source: Nitish Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", 2014.
    """

    _may_be_one = False

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Unpack[BaseArguments]):
        super().__init__(**kwargs)
        self._set_strength("rate", rate, seed)
        self.rate = rate

    def disturb(self, x: Array, rng: Array) -> Array:
        """The input times noise."""
        return maths.gaussian_dropout(rng, x, self.rate)


@export("keras.layers.AlphaDropout")
class AlphaDropout(_Noise):
    """Dropout that keeps mean 0 and variance 1 after SELU: dropped entries take SELU's saturated value.

    Args:
        rate: probability, in [0, 1).
        noise_shape: shape of the random choice, with 1 for axes that share a choice and None for the input's own size.
        seed: an integer that is mixed into the key of every draw.
        kwargs: as every layer.

    Example:
        >>> import numpy as np
        >>> AlphaDropout(0.5)(np.ones((1, 3), np.float32)).tolist()
        [[1.0, 1.0, 1.0]]

    Source: Günter Klambauer et al., "Self-Normalizing Neural Networks", 2017.
    """

    _may_be_one = False

    def __init__(
        self,
        rate: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        **kwargs: Unpack[BaseArguments],
    ):
        super().__init__(**kwargs)
        self._set_strength("rate", rate, seed)
        self.rate = rate
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)

    def disturb(self, x: Array, rng: Array) -> Array:
        """The input with some entries saturated."""
        return maths.alpha_dropout(rng, x, self.rate, self.noise_shape)


class _SpatialDropout(Dropout):
    """Dropout of whole channels; subclasses say how many spatial axes there are."""

    rank: int

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: DTypeLike | None = None,
    ):
        super().__init__(rate, seed=seed, name=name, dtype=dtype)
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)
        ones = (1,) * self.rank
        self.noise_shape = (None, *ones, None) if self.data_format == "channels_last" else (None, None, *ones)

    def get_config(self) -> dict[str, Any]:
        """The four or five arguments that Keras writes for these layers; it takes no others."""
        names = ("rate", "seed", "name", *(("data_format",) if self.rank > 1 else ()))
        return {**{name: getattr(self, name) for name in names}, "dtype": self.dtype_policy.name}


@export("keras.layers.SpatialDropout1D")
class SpatialDropout1D(_SpatialDropout):
    """Drop whole channels of sequences `(batch, steps, channels)` in training.

    Args:
        rate: probability of zero, in [0, 1].
        seed: an integer that is mixed into the key of every draw.
        name, dtype: as every layer.

    Example:
        >>> import numpy as np
        >>> y = SpatialDropout1D(0.5)(np.ones((1, 3, 8), np.float32), training=True)
        >>> bool((y == y[:, :1]).all())
        True

    Source: Jonathan Tompson et al., "Efficient Object Localization Using Convolutional Networks", 2014.
    """

    rank = 1

    def __init__(self, rate: float, seed: int | None = None, name: str | None = None, dtype: DTypeLike | None = None):
        super().__init__(rate, "channels_last", seed, name, dtype)


@export("keras.layers.SpatialDropout2D")
class SpatialDropout2D(_SpatialDropout):
    """Drop whole channels of images `(batch, height, width, channels)` in training.

    Args:
        rate: probability of zero, in [0, 1].
        data_format: `"channels_last"` or `"channels_first"`; default the configured one.
        seed: an integer that is mixed into the key of every draw.
        name, dtype: as every layer.

    Source: Jonathan Tompson et al., "Efficient Object Localization Using Convolutional Networks", 2014.
    """

    rank = 2


@export("keras.layers.SpatialDropout3D")
class SpatialDropout3D(SpatialDropout2D):
    """Drop whole channels of volumes `(batch, depth, height, width, channels)` in training; as `SpatialDropout2D`."""

    rank = 3
