"""`ArrayShape` and `Sizes`: what `x.shape` and `tf.shape(x)` are where scripts for TensorFlow run. Both are tuples."""

from __future__ import annotations

import contextlib
import math
import operator
from collections.abc import Callable, Iterable
from typing import Any

import jax
import numpy as np

from jkeras.graph.spec import Shape

_FEW = 16  # entries of a shape


class ArrayShape(Shape):
    """A tuple with the sizes of an array, with TensorFlow's methods.

    Example:
        >>> ArrayShape((2, 3)).as_list(), ArrayShape((2, 3)).rank, ArrayShape((2, 3)) == (2, 3)
        ([2, 3], 2, True)
    """

    def __getitem__(self, index: Any) -> Any:
        part = super().__getitem__(index)
        return ArrayShape(part) if isinstance(index, slice) else part

    @property
    def rank(self) -> int | None:
        """The number of axes."""
        return len(self)

    @property
    def ndims(self) -> int | None:
        """The number of axes, as `rank`."""
        return self.rank

    def as_list(self) -> list[int | None]:
        """The sizes as a list."""
        return list(self)

    @property
    def dims(self) -> list[int | None] | None:
        """The sizes as a list; None where nothing is known."""
        return None if self.rank is None else list(self)

    def num_elements(self) -> int | None:
        """The product of all sizes; None where one is not fixed."""
        return math.prod(n for n in self if n is not None) if self.is_fully_defined() else None

    def is_fully_defined(self) -> bool:
        """Whether all sizes are fixed."""
        return self.rank is not None and None not in self


def _elementwise(operation: Callable[[Any, Any], Any], reflected: bool = False) -> Callable[[Sizes, Any], Any]:
    def compute(self: Sizes, other: Any) -> Any:
        if hasattr(other, "shape"):
            sizes = np.array(self)
            return operation(other, sizes) if reflected else operation(sizes, other)
        others = other if isinstance(other, (tuple, list)) else (other,) * len(self)
        pairs = zip(others, self, strict=True) if reflected else zip(self, others, strict=True)
        return Sizes(operation(a, b) for a, b in pairs)

    return compute


class Number(int):
    """A size or a count: a number of Python, known while code is traced, with a tensor's `numpy()`. Sums, differences, products
    and whole quotients with whole numbers are such numbers too.

    Example:
        >>> Number(3).numpy(), (1 + Number(3) * 2).numpy(), Number(3) / 2
        (np.int32(3), np.int32(7), 1.5)
    """

    def numpy(self) -> np.int32:
        """The number as one of NumPy's."""
        return np.int32(self)


def _stays_number(name: str) -> Callable[[Number, Any], Any]:
    method = getattr(int, name)

    def compute(self: Number, other: Any) -> Any:
        result = method(self, other)
        return Number(result) if type(result) is int else result

    return compute


for _name in ("add", "sub", "mul", "floordiv", "mod"):
    for _method in (f"__{_name}__", f"__r{_name}__"):
        setattr(Number, _method, _stays_number(_method))


class Sizes(tuple[Any, ...]):
    """The sizes of an array, known numbers that one computes with as with an array: `+` and `*` mean each one.

    Example:
        >>> Sizes((4, 6)) // 2, [10, 10] - Sizes((4, 6))[:2], Sizes((4, 6)) * 2
        ((2, 3), (6, 4), (8, 12))
    """

    def __new__(cls, sizes: Iterable[Any] = ()) -> Sizes:
        return super().__new__(cls, (Number(size) if type(size) is int else size for size in sizes))

    def __getitem__(self, index: Any) -> Any:
        part = super().__getitem__(index)
        return Sizes(part) if isinstance(index, slice) else part

    def numpy(self) -> np.ndarray:
        """The sizes as an array."""
        return np.array(self, np.float32 if any(isinstance(size, float) for size in self) else np.int32)

    __add__ = _elementwise(operator.add)  # type: ignore[assignment]
    __radd__ = _elementwise(operator.add, reflected=True)
    __sub__ = _elementwise(operator.sub)
    __rsub__ = _elementwise(operator.sub, reflected=True)
    __mul__ = _elementwise(operator.mul)  # type: ignore[assignment]
    __rmul__ = _elementwise(operator.mul, reflected=True)  # type: ignore[assignment]
    __floordiv__ = _elementwise(operator.floordiv)
    __truediv__ = _elementwise(operator.truediv)
    __mod__ = _elementwise(operator.mod)


def _open_to_jax(kind: type[tuple[Any, ...]]) -> None:
    """Let JAX see the numbers as leaves, as it sees those of a tuple."""
    jax.tree_util.register_pytree_node(kind, lambda sizes: (tuple(sizes), None), lambda _, sizes: kind(sizes))


_open_to_jax(ArrayShape)
_open_to_jax(Sizes)


def sizes_stay_known(*parts: Any) -> contextlib.AbstractContextManager[None]:
    """A block in which what is computed from a few known integers is known too, also while code is traced, so that it can be a
    shape: `tf.concat([tf.expand_dims(tf.shape(x)[0], -1), tf.constant([1, 1])], 0)`. With other values a block like any other.

    Example:
        >>> with sizes_stay_known([Number(3)], (1, 1)) as known:
        ...     known is None
        True
    """
    if all(_is_size(leaf) for leaf in jax.tree.leaves(parts)):
        return jax.ensure_compile_time_eval()
    return contextlib.nullcontext()


def _is_size(leaf: Any) -> bool:
    if isinstance(leaf, jax.core.Tracer):
        return False
    if isinstance(leaf, (np.ndarray, jax.Array)):
        return leaf.size <= _FEW and leaf.dtype.kind == "i"
    return isinstance(leaf, int)


def as_shape(value: Any) -> Any:
    """A known array of integers as a tuple: while code is traced, JAX takes no array for a shape. Other values as they are.

    Example:
        >>> as_shape(jax.numpy.array([2, -1])), as_shape([2, 3])
        ((2, -1), [2, 3])
    """
    if isinstance(value, jax.Array) and not isinstance(value, jax.core.Tracer) and value.ndim == 1:
        return tuple(np.asarray(value).tolist())
    return value
