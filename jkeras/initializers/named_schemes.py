"""The named schemes of `VarianceScaling`: Glorot, He and LeCun, each uniform and normal.

| scheme | variance | made for |
|---|---|---|
| Glorot | `2 / (fan_in + fan_out)` | tanh, sigmoid, softmax; the default of most layers |
| He | `2 / fan_in` | relu and its kin |
| LeCun | `1 / fan_in` | selu |
"""

from __future__ import annotations

from collections.abc import Sequence

from jkeras._base.registry import export
from jkeras.initializers.scaling import VarianceScaling


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
