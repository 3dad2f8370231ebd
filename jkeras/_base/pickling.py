"""Compiled functions of the library in pickles: by their names, as Python's own functions.

`pickle` and `copy` look for the plain function behind a compiled one, and do not find it under its name. Of functions that are
not the library's nothing is changed.
"""

from __future__ import annotations

import copyreg
import sys
from typing import Any

import jax

_HOME = f"{__name__.partition('.')[0]}."


def _by_name(function: Any) -> Any:
    module, name = getattr(function, "__module__", None) or "", getattr(function, "__qualname__", "")
    if module.startswith(_HOME) and getattr(sys.modules.get(module), name, None) is function:
        return name  # which `pickle` looks up in the function's module
    return function.__reduce_ex__(4)


copyreg.pickle(type(jax.jit(len)), _by_name)
