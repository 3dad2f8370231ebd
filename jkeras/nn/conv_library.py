"""oneDNN's convolution on a CPU: the library is part of jaxlib, and XLA has an operation for it.

It fills the registers where XLA's own kernel does not, above all with few channels: up to three times as fast
(`python -m bench.convolutions`). XLA puts that operation into no program by itself, so it is written here, with the description
of the convolution that XLA expects. The description is an internal matter of jaxlib, and one that it does not understand ends
the process: so the operation is used with the versions listed below alone, with each of which `tests/test_nn_conv_library.py` has
passed. Every other version has XLA's own kernel, and so have

* programs for several devices, since XLA cannot cut the operation in pieces;
* programs that are exported, or kept in JAX's persistent cache, since XLA cannot write the operation to a file;
* all programs of a process with `JKERAS_ONEDNN=0` in its environment.

Source: oneAPI Deep Neural Network Library, https://uxlfoundation.github.io/oneDNN; `xla/service/cpu/onednn_config.proto` of XLA.
"""

from __future__ import annotations

import functools
import json
import math
import os
import platform
import sys
from typing import TYPE_CHECKING, Any

import jax
import jaxlib
from jax import lax
from jax.interpreters import mlir

from jkeras.nn.conv_forms import canonical, chunks, exchanged
from jkeras.nn.conv_geometry import Geometry

if TYPE_CHECKING:
    from jax import Array

VERSIONS = ("0.10.0", "0.10.1", "0.10.2")
_VARIABLE = "JKERAS_ONEDNN"
# Multiplications below which calling the library takes longer than it saves.
_FEWEST = 1 << 21
# Channels of exchanged roles: images of a part. The library computes 16 at a time.
_CHANNELS = 16


@functools.cache
def is_there() -> bool:
    """Whether this jaxlib is known to have the library, on machines that the library is made for, and it is not switched off."""
    suitable = sys.platform == "linux" and platform.machine() == "x86_64" and jaxlib.__version__ in VERSIONS
    return suitable and os.environ.get(_VARIABLE, "1") != "0"


def suits(x: Array, channels: int, filters: int, g: Geometry) -> bool:
    """Whether the library is the better choice for a convolution of images, channels last and no groups, or a gradient of it."""
    if (
        x.dtype != "float32"
        or not isinstance(x.shape[0], int)
        or g.rank != 2
        or max(g.strides + g.dilation) > 1
        or math.prod(g.window) == 1
    ):
        return False
    inside = all(0 <= margin < k for k, margins in zip(g.window, g.padding) for margin in margins)
    work = x.shape[0] * math.prod(g.out) * math.prod(g.window) * channels * filters
    return inside and work >= _FEWEST and is_there()


def output(x: Array, kernel: Array, g: Geometry) -> Array:
    """The convolution."""
    return _library_p.bind(x, kernel, geometry=g)


def kernel_gradient(x: Array, dy: Array, g: Geometry) -> Array:
    """Its transpose for the kernel, with the roles of channels and batch exchanged, in parts that fill half of a cache."""
    both = math.prod(x.shape[1:]) + math.prod(dy.shape[1:])
    return exchanged(output, x, dy, g, chunks(x.shape[0], 2 * both, least=_CHANNELS))


def _shape(x: Any, kernel: Any, *, geometry: Geometry) -> Any:
    return jax.core.ShapedArray(geometry.images(x.shape[0], kernel.shape[-1], geometry.out), x.dtype)


def _by_xla(x: Array, kernel: Array, *, geometry: Geometry) -> Array:
    return canonical(x, kernel, geometry)


def _lower(ctx: mlir.LoweringRuleContext, x: Any, kernel: Any, *, geometry: Geometry) -> Any:
    if not _stays_here(ctx.module_context):
        return mlir.lower_fun(_by_xla, multiple_results=False)(ctx, x, kernel, geometry=geometry)
    call = jax.ffi.ffi_lowering("__onednn$convolution", api_version=1, backend_config=json.dumps(_description(geometry)))
    return call(ctx, x, kernel)


def _stays_here(module: Any) -> bool:
    """Whether a program is for one device, and is neither exported nor kept in files."""
    config: Any = jax.config
    kept = config.jax_enable_compilation_cache and config.jax_compilation_cache_dir
    return getattr(module.axis_context, "num_devices", 0) == 1 and not kept and not module.lowering_parameters.for_export


def _description(g: Geometry) -> dict[str, Any]:
    """What XLA's `OneDnnConvolutionConfig` says of a convolution."""
    images = {"dims": 4, "data": {"batch_dim": 0, "feature_dim": 3, "spatial_dims": [1, 2]}}
    kernel = {"dims": 4, "filter": {"input_feature_dim": 2, "output_feature_dim": 3, "spatial_dims": [0, 1]}}
    window = {
        "size": g.window,
        "pad_left": [low for low, _ in g.padding],
        "pad_right": [high for _, high in g.padding],
        "strides": g.strides,
        "window_dilations": g.dilation,
    }
    convolution = {"dims": 4, "input": images, "kernel": kernel, "output": images, "window": window, "feature_groups": 1}
    return {"onednn_conv_config": convolution}


_library_p: Any = type(lax.conv_general_dilated_p)("conv_library")
_library_p.def_abstract_eval(_shape)
_library_p.def_impl(jax.jit(_library_p.bind, static_argnames="geometry"))
mlir.register_lowering(_library_p, mlir.lower_fun(_by_xla, multiple_results=False))
mlir.register_lowering(_library_p, _lower, platform="cpu")
