"""oneDNN's convolution. It fills the registers where XLA's own kernel does not, above all with few channels: up to three
times as fast (`python -m bench.convolutions`).
"""

from __future__ import annotations

import math

import jax.numpy as jnp

from jkeras._base.types import Array
from jkeras.nn.conv_fused import finished
from jkeras.nn.conv_geometry import Geometry
from jkeras.nn.conv_primitive import output_shape
from jkeras.nn.cpu import onednn
from jkeras.nn.cpu.conv_forms import canonical, chunks, exchanged

# Multiplications below which calling the library takes longer than it saves.
_FEWEST = 1 << 21
# Channels of exchanged roles: images of a part. The library computes 16 at a time.
_CHANNELS = 16


def suits(x: Array, channels: int, filters: int, g: Geometry) -> bool:
    """Whether the library is the better choice for a convolution of images, channels last, or a gradient of it."""
    if x.dtype != "float32" or not isinstance(x.shape[0], int) or g.rank != 2 or g.groups > 1 or math.prod(g.window) == 1:
        return False
    extents = [(k - 1) * d + 1 for k, d in zip(g.window, g.dilation)]
    inside = all(0 <= margin < extent for extent, margins in zip(extents, g.padding) for margin in margins)
    work = x.shape[0] * math.prod(g.out) * math.prod(g.window) * channels * filters
    return inside and work >= _FEWEST and onednn.is_there()


def output(x: Array, kernel: Array, g: Geometry) -> Array:
    """The convolution."""
    return _convolution(x, kernel, geometry=g)


def kernel_gradient(x: Array, dy: Array, g: Geometry) -> Array:
    """Its transpose for the kernel, with the roles of channels and batch exchanged, in parts that fill half of a cache."""
    both = math.prod(x.shape[1:]) + math.prod(dy.shape[1:])
    return exchanged(output, x, dy, g, chunks(x.shape[0], 2 * both, least=_CHANNELS))


def fused(x: Array, kernel: Array, bias: Array, *added: Array, geometry: Geometry, rectified: bool) -> Array:
    """The convolution and what is added to it, before its results leave the registers; see `nn/conv_fused.py`.

    The rectifier is XLA's: the library's makes 0 of NaN, and a model that has diverged would no longer say so.
    """
    y = _fused(x, kernel, bias, *added, geometry=geometry, adds=bool(added))
    return jnp.maximum(y, 0) if rectified else y


def _description(*, geometry: Geometry, follows: tuple[str, ...] = ()) -> dict[str, object]:
    """What XLA's `OneDnnConvolutionConfig` says of a convolution."""
    images = {"dims": 4, "data": {"batch_dim": 0, "feature_dim": 3, "spatial_dims": [1, 2]}}
    kernel = {"dims": 4, "filter": {"input_feature_dim": 2, "output_feature_dim": 3, "spatial_dims": [0, 1]}}
    window = {
        "size": geometry.window,
        "pad_left": [low for low, _ in geometry.padding],
        "pad_right": [high for _, high in geometry.padding],
        "strides": geometry.strides,
        "window_dilations": geometry.dilation,
    }
    convolution = {"dims": 4, "input": images, "kernel": kernel, "output": images, "window": window, "feature_groups": 1}
    return {"onednn_conv_config": {**convolution, "fusions": {"ops": follows}} if follows else convolution}


def _described_as_fused(*, geometry: Geometry, adds: bool) -> dict[str, object]:
    return _description(geometry=geometry, follows=("BIAS", "BINARY_ADD") if adds else ("BIAS",))


_convolution = onednn.operation(
    "conv_onednn", "__onednn$convolution", output_shape, _description, lambda x, kernel, geometry: canonical(x, kernel, geometry)
)
_fused = onednn.operation(
    "conv_fused_onednn",
    "__onednn$convolution",
    lambda x, kernel, *more, geometry, adds: output_shape(x, kernel, geometry=geometry),
    _described_as_fused,
    lambda x, kernel, *more, geometry, adds: finished(canonical(x, kernel, geometry), *more, rectified=False),
)
