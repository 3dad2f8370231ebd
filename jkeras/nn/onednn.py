"""oneDNN on a CPU: the library is part of jaxlib, and XLA has operations for it.

XLA puts these operations into no program by itself, so they are written here, with the descriptions that XLA expects. A
description is an internal matter of jaxlib, and one that it does not understand ends the process: so the library is used with the
versions listed below alone, with each of which `tests/test_nn_onednn.py` has passed. Every other version computes by XLA's own
means, and so do

* programs for several devices, since XLA cannot cut the operations in pieces;
* programs that are exported, or kept in JAX's persistent cache, since XLA cannot write the operations to a file;
* all programs of a process with `JKERAS_ONEDNN=0` in its environment.

Source: oneAPI Deep Neural Network Library, https://uxlfoundation.github.io/oneDNN; `xla/service/cpu/onednn_config.proto` of XLA.
"""

from __future__ import annotations

import functools
import json
import os
import platform
import sys
from collections.abc import Callable
from typing import Any

import jax
import jaxlib
from jax import lax
from jax.interpreters import mlir

VERSIONS = ("0.10.0", "0.10.1", "0.10.2")
_VARIABLE = "JKERAS_ONEDNN"


@functools.cache
def is_there() -> bool:
    """Whether this jaxlib is known to have the library, on machines that the library is made for, and it is not switched off."""
    suitable = sys.platform == "linux" and platform.machine() == "x86_64" and jaxlib.__version__ in VERSIONS
    return suitable and os.environ.get(_VARIABLE, "1") != "0"


def operation(
    name: str,
    target: str,
    shape: Callable[..., tuple[int, ...]],
    describe: Callable[..., dict[str, Any]],
    by_xla: Callable[..., Any],
) -> Any:
    """An operation of the library as one of JAX, on two arrays of float32; it has neither derivatives nor batches.

    Args:
        name: in JAX.
        target: XLA's name for it.
        shape: `(a, b, **parameters) -> shape` of the result.
        describe: `(**parameters) ->` what XLA's configuration says of it.
        by_xla: `(a, b, **parameters) -> result`, for programs that cannot have the library.
    """
    primitive: Any = type(lax.conv_general_dilated_p)(name)
    general = mlir.lower_fun(by_xla, multiple_results=False)

    def lower(ctx: mlir.LoweringRuleContext, a: Any, b: Any, **parameters: Any) -> Any:
        if not _stays_here(ctx.module_context):
            return general(ctx, a, b, **parameters)
        return jax.ffi.ffi_lowering(target, api_version=1, backend_config=json.dumps(describe(**parameters)))(ctx, a, b)

    def compiled(a: Any, b: Any, **parameters: Any) -> Any:
        return jax.jit(functools.partial(primitive.bind, **parameters))(a, b)

    primitive.def_abstract_eval(lambda a, b, **parameters: jax.core.ShapedArray(shape(a, b, **parameters), a.dtype))
    primitive.def_impl(compiled)
    mlir.register_lowering(primitive, general)
    mlir.register_lowering(primitive, lower, platform="cpu")
    return primitive


def _stays_here(module: Any) -> bool:
    """Whether a program is for one device, and is neither exported nor kept in files."""
    config: Any = jax.config
    kept = config.jax_enable_compilation_cache and config.jax_compilation_cache_dir
    return getattr(module.axis_context, "num_devices", 0) == 1 and not kept and not module.lowering_parameters.for_export
