"""oneDNN: the library is part of jaxlib, and XLA has operations for it.

XLA puts these operations into no program by itself, so they are written here, with the descriptions that XLA expects. These are
internal to jaxlib, and one that it does not understand ends the process: so the library is used with the versions listed below,
with each of which `tests/test_nn_onednn.py` has passed, and with others after a child process has tried it (`onednn_asked.py`).
Where that fails, programs are computed by XLA's own means, and so are

* programs for several devices, since XLA cannot cut the operations into pieces;
* programs that are exported, or kept in JAX's persistent cache, since XLA cannot write the operations to a file; of the cache a
  warning says so, once;
* all programs of a process with `JKERAS_ONEDNN=0` in its environment; with `JKERAS_ONEDNN=1` no version is asked.

Source: oneAPI Deep Neural Network Library, https://uxlfoundation.github.io/oneDNN; `xla/service/cpu/onednn_config.proto` of XLA.
"""

from __future__ import annotations

import functools
import json
import os
import platform
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jaxlib
from jax.interpreters import mlir

from jkeras._base.types import Array
from jkeras.nn.cpu import onednn_asked
from jkeras.nn.operation import Operation

VERSIONS = ("0.10.0", "0.10.1", "0.10.2", "0.11.2")
_VARIABLE = "JKERAS_ONEDNN"
_KEPT = """JAX's persistent compilation cache is on, so programs go without oneDNN, which cannot be kept in files: on this CPU
training may take longer. To have oneDNN, write jkeras.config.disable_compilation_cache(), or leave out
JKERAS_COMPILATION_CACHE and JAX_COMPILATION_CACHE_DIR. To keep the cache and not read this, set JKERAS_ONEDNN=0."""


@functools.cache
def is_there() -> bool:
    """Whether this jaxlib has the library, on machines that the library is made for, and it is not switched off."""
    wanted = os.environ.get(_VARIABLE)
    if wanted == "0" or sys.platform != "linux" or platform.machine() != "x86_64":
        return False
    return wanted == "1" or jaxlib.__version__ in VERSIONS or onednn_asked.works(_VARIABLE)


def operation(
    name: str,
    target: str,
    shape: Callable[..., tuple[int, ...]],
    describe: Callable[..., dict[str, object]],
    by_xla: Callable[..., Array],
) -> Operation:
    """An operation of the library as one of JAX, on arrays of float32; it has no derivatives.

    Args:
        name: in JAX.
        target: XLA's name for it.
        shape: `(*arrays, **parameters) -> shape` of the result.
        describe: `(**parameters) ->` what XLA's configuration says of it.
        by_xla: `(*arrays, **parameters) -> result`, for programs that cannot have the library.
    """
    general = mlir.lower_fun(by_xla, multiple_results=False)

    def lower(ctx: mlir.LoweringRuleContext, *arrays: Array, **parameters: Any) -> Sequence[object]:
        if not _stays_here(ctx.module_context):
            return general(ctx, *arrays, **parameters)
        return jax.ffi.ffi_lowering(target, api_version=1, backend_config=json.dumps(describe(**parameters)))(ctx, *arrays)

    made = Operation(name, shape, by_xla)
    made.rules["cpu"] = lower
    return made


def _stays_here(module: mlir.ModuleContext) -> bool:
    """Whether a program is for one device, and is neither exported nor kept in files."""
    config: Any = jax.config
    if getattr(module.axis_context, "num_devices", 0) != 1 or module.lowering_parameters.for_export:
        return False
    kept = bool(config.jax_enable_compilation_cache and config.jax_compilation_cache_dir)
    if kept:
        _say_kept()
    return not kept


@functools.cache
def _say_kept() -> None:
    warnings.warn(_KEPT, stacklevel=2)
