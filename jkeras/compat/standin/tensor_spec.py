"""`tf.TensorSpec`: the shape and dtype of a tensor, with None for axes whose size is not fixed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Self

import jax
import numpy as np
from jax.typing import DTypeLike

from jkeras._base.types import Tree
from jkeras.compat.standin.array_shape import ArrayShape
from jkeras.compat.standin.dtypes import numpy_dtype
from jkeras.compat.standin.host_tensor import STRING

__all__ = ["TensorShape", "TensorSpec"]


class TensorShape(ArrayShape):
    """A shape, with None for axes whose size is not fixed.

    Args:
        dims: the sizes; None where nothing is known of the shape.

    Example:
        >>> TensorShape([None, 3]), TensorShape([None, 3]).as_list(), TensorShape(None).rank
        ((None, 3), [None, 3], None)
    """

    _is_unknown: bool

    def __new__(cls, dims: Iterable[int | None] | None) -> Self:
        known = [] if dims is None else [None if n is None or n == -1 else int(n) for n in dims]
        shape = super().__new__(cls, known)
        shape._is_unknown = dims is None or getattr(dims, "rank", 0) is None
        return shape

    @property
    def rank(self) -> int | None:
        """The number of axes; None where nothing is known."""
        return None if self._is_unknown else len(self)


class TensorSpec:
    """Shape and dtype of a tensor.

    Args:
        shape: with None for an axis whose size is not fixed; None where nothing is known of the shape.
        dtype: by default float32. 64-bit dtypes become 32-bit ones, unless JAX's x64 is on.
        name: of the tensor, or None.
        sizes: the shape of one such tensor, for internal use.

    Example:
        >>> TensorSpec((None, 3), "int32")
        TensorSpec(shape=(None, 3), dtype=tf.int32, name=None)
    """

    def __init__(
        self,
        shape: Sequence[int | None] | None,
        dtype: DTypeLike = "float32",
        name: str | None = None,
        sizes: tuple[int, ...] | None = None,
    ):
        known = TensorShape(shape)
        self.shape = None if known.rank is None else known
        self.dtype = _dtype(dtype)
        self.name = name
        self.sizes: Any = sizes if sizes is not None or not known.is_fully_defined() else tuple(known)

    @classmethod
    def from_tensor(cls, tensor: Tree, name: str | None = None) -> TensorSpec:
        """The spec of an array."""
        return cls(np.shape(tensor), tensor.dtype, name)

    def struct(self) -> jax.ShapeDtypeStruct:
        """Shape and dtype of one such tensor, for JAX."""
        return jax.ShapeDtypeStruct(self.sizes, self.dtype)

    def is_compatible_with(self, tensor: Tree) -> bool:
        """Whether an array, or a spec, fits."""
        other = tensor.shape
        return self.dtype == tensor.dtype and (
            self.shape is None or (len(other) == len(self.shape) and all(a in (None, b) for a, b in zip(self.shape, other)))
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TensorSpec) and (self.shape, self.dtype) == (other.shape, other.dtype)

    def __hash__(self) -> int:
        return hash((self.shape, str(self.dtype)))

    def __repr__(self) -> str:
        dtype = "string" if self.dtype == STRING else self.dtype.name
        return f"TensorSpec(shape={self.shape}, dtype=tf.{dtype}, name={self.name!r})"


def _dtype(dtype: DTypeLike) -> np.dtype:
    if isinstance(dtype, str) and dtype == "string":
        return STRING
    if not isinstance(dtype, str) and np.dtype(dtype).kind in "OUS":
        return STRING
    return np.dtype(jax.dtypes.canonicalize_dtype(numpy_dtype(dtype)))
