"""Types that stand in signatures all over the package.

To a type checker `Tree` says no more than `Any`; to a reader it says that a value is a pytree: nested tuples, lists and dicts
with arrays, specs or Variables as leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import jax
import numpy as np

Array: TypeAlias = jax.Array
Scalar: TypeAlias = jax.Array | np.ndarray | int
Tree: TypeAlias = Any
Batch: TypeAlias = tuple[Tree, Tree, Tree]
Logs: TypeAlias = dict[str, Tree]
Config: TypeAlias = Mapping[str, Any]
CustomObjects: TypeAlias = Mapping[str, Any] | None
FunctionLike: TypeAlias = str | Mapping[str, object] | Callable[..., Tree] | None
"""An initializer, regularizer, constraint or activation: a name, a config, an object or function, or None."""
