"""Types that stand in signatures all over the package.

To a type checker `Tree` and `Tensor` say no more than `Any`; to a reader they do. A `Tree` is a pytree: nested tuples, lists and
dicts with arrays, specs or Variables as leaves. A `Tensor` is what operations take: an array, a Variable, a symbolic tensor, or
what `numpy.asarray` takes. A `FunctionLike` is an initializer, regularizer, constraint or activation: a name, a config, an object
or a function.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import jax
import numpy as np

Array: TypeAlias = jax.Array
Scalar: TypeAlias = jax.Array | np.ndarray | int
Tree: TypeAlias = Any
Tensor: TypeAlias = Any
Batch: TypeAlias = tuple[Tree, Tree, Tree]
Logs: TypeAlias = dict[str, Tree]
Config: TypeAlias = Mapping[str, Any]
CustomObjects: TypeAlias = Mapping[str, Any] | None
FunctionLike: TypeAlias = str | Mapping[str, object] | Callable[..., Tree] | None
