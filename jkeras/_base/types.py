"""Types that stand in signatures all over the package.

To a type checker `Tree` and `Tensor` say no more than `Any`; to a reader they do. A `Tree` is a pytree: nested tuples, lists and
dicts with arrays, specs or Variables as leaves. A `Tensor` is what operations take: an array, a Variable, a symbolic tensor, or
what `numpy.asarray` takes. A `FunctionLike` is an initializer, regularizer, constraint or activation: a name, a config, an object
or a function. `Ints` are one integer for all axes, or one for each. `Weights` are a layer's, as its `forward` gets them: arrays
in attributes.

The maths says the shapes of its arrays, `Float[Array, " *batch units"]`, in the notation of jaxtyping; a type checker, and Python
itself, take them for notes on the type `Array`.
"""

# ruff: noqa: F401 - the second names of `Annotated` are for others

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Annotated as Bool
from typing import Annotated as Float
from typing import Annotated as Int
from typing import Annotated as Shaped
from typing import Any, TypeAlias

import jax
import numpy as np
from jax.typing import ArrayLike as ArrayLike
from jax.typing import DTypeLike as DTypeLike

Array: TypeAlias = jax.Array
PRNGKeyArray: TypeAlias = jax.Array
Scalar: TypeAlias = jax.Array | np.ndarray | int
Tree: TypeAlias = Any
Tensor: TypeAlias = Any
Ints: TypeAlias = int | Sequence[int]
Weights: TypeAlias = SimpleNamespace
Batch: TypeAlias = tuple[Tree, Tree, Tree]
Logs: TypeAlias = dict[str, Tree]
Config: TypeAlias = Mapping[str, Any]
CustomObjects: TypeAlias = Mapping[str, Any] | None
FunctionLike: TypeAlias = str | Mapping[str, object] | Callable[..., Tree] | None
