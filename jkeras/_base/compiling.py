"""How programs are compiled: the precision of products, and the cache that outlives the process.

**Precision.** On accelerators a float32 product may run in fewer bits. `set_matmul_precision("highest")` changes that for
products and convolutions in jkeras' own programs; JAX's global setting stays as it is, and so do other programs. The setting is
part of what is traced: a program made before it changed keeps the old one.

**Options.** `compiler_options` are those of the programs of `fit`, `evaluate` and `predict`.

**Cache.** XLA compiles a program once and keeps it in a folder; the next process reads it from there. One call at the start of a
program, or `JKERAS_COMPILATION_CACHE=folder` in its environment, switches it on (`1` means the default folder).
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
from jax.experimental.compilation_cache import compilation_cache

from jkeras._base.cache_folder import keras_home
from jkeras._base.config import settings
from jkeras._base.errors import unknown_name

_PRECISIONS = ("default", "high", "highest", "bfloat16", "tensorfloat32", "float32")
_LIBRARY_KERNELS = "LIBRARY_FUSION_TYPE_DOT,LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT,LIBRARY_FUSION_TYPE_REDUCE"


def matmul_precision() -> str | None:
    """The precision of products in jkeras' programs; None, the default, means JAX's own setting."""
    return settings.matmul_precision


def set_matmul_precision(value: str | None) -> None:
    """Set the precision of float32 products and convolutions in programs that jkeras traces from now on.

    Args:
        value: `"default"` (the device's fastest), `"high"`, `"highest"` (full float32), or by name `"bfloat16"`,
            `"tensorfloat32"`, `"float32"`; None leaves it to `jax.default_matmul_precision`.

    Raises:
        ValueError: an unknown name.

    Example:
        >>> set_matmul_precision("highest")
        >>> matmul_precision()
        'highest'
        >>> set_matmul_precision(None)
    """
    if value is not None and value not in _PRECISIONS:
        raise unknown_name("matmul precision", value, _PRECISIONS)
    settings.matmul_precision = value


def precision_scope() -> contextlib.AbstractContextManager[object]:
    """A block in which programs are traced with the precision that is set."""
    if settings.matmul_precision is None:
        return contextlib.nullcontext()
    return jax.default_matmul_precision(settings.matmul_precision)


@functools.cache
def compiler_options() -> dict[str, str] | None:
    """Options for `jax.jit` of whole training programs on the platform in use; None for none.

    On a CPU, XLA hands products, sums and convolutions to a library. For common sizes its convolutions take up to twice as long
    as XLA's own, so they are excluded. A compiler that does not know the option runs without it.
    """
    options = {"xla_cpu_experimental_ynn_fusion_type": _LIBRARY_KERNELS}
    return options if jax.default_backend() == "cpu" and _are_known(options) else None


def _are_known(options: Mapping[str, str | int | bool]) -> bool:
    """Whether the compiler takes these options; JAX has no public way to ask."""
    try:
        jax.jit(lambda x: x, compiler_options=dict(options)).lower(0.0).compile()
    except Exception:
        return False
    return True


_QUICK = {"xla_backend_optimization_level": 0}
# The first for jaxlib 0.10; 0.11 has no emitters to choose from.
_QUICK_ON_CPU = ({**_QUICK, "xla_cpu_use_fusion_emitters": False, "xla_cpu_parallel_codegen_split_count": 1}, _QUICK)


@functools.cache
def _quick_options() -> dict[str, int] | None:
    options = _QUICK_ON_CPU if jax.default_backend() == "cpu" else (_QUICK,)
    return next(filter(_are_known, options), None)


def compiled_quickly(fn: Callable[..., object]) -> Callable[..., Any]:
    """`jax.jit` for small programs that run once: compiling them well would take longer than running them badly.

    Within another program, and where the compiler does not know the options, it is `jax.jit` alone.

    Args:
        fn: of arrays.

    Example:
        >>> compiled_quickly(lambda x: x + 1)(2).item()
        3
    """
    quickly, plainly = jax.jit(fn, compiler_options=_quick_options()), jax.jit(fn)

    @functools.wraps(fn)
    def run(*args: object) -> object:
        try:
            return quickly(*args)
        except ValueError as error:
            if "compiler_options" not in str(error):
                raise
            return plainly(*args)

    return run


def enable_compilation_cache(path: str | os.PathLike[str] | None = None) -> Path:
    """Keep compiled programs, small ones too, in a folder, and reuse what was compiled before.

    Call it at any time; it affects what is compiled afterwards. The setting is JAX's, so it holds for the whole process.

    Args:
        path: the folder, made if missing; default `jax_compilation_cache` in `$KERAS_HOME` or `~/.keras`.

    Returns:
        The folder.
    """
    folder = Path(path).expanduser() if path is not None else keras_home() / "jax_compilation_cache"
    folder.mkdir(parents=True, exist_ok=True)
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    compilation_cache.reset_cache()  # otherwise a process that has compiled something continues without the cache
    return folder


def disable_compilation_cache() -> None:
    """Neither read nor write compiled programs from now on; the folder stays as it is."""
    jax.config.update("jax_compilation_cache_dir", None)
    compilation_cache.reset_cache()


_wanted = os.environ.get("JKERAS_COMPILATION_CACHE", "0")
if _wanted not in ("", "0"):
    enable_compilation_cache(None if _wanted == "1" else _wanted)
