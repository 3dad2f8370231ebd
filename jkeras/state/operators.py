"""Python's operators for objects that stand for an array: each is the operator of the array itself.

As in Keras `&`, `|` and `^` are logical, whatever the dtype: they compare what is not 0, and give booleans.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

_BINARY = ["add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "pow", "and_", "or_", "xor", "lshift", "rshift"]
_COMPARE = ["eq", "ne", "lt", "le", "gt", "ge"]
_UNARY = ["neg", "pos", "abs", "invert"]


def logical_and(a: Any, b: Any) -> Any:
    """`a & b` of symbolic tensors and variables."""
    return jnp.logical_and(jnp.asarray(a), jnp.asarray(b))


def logical_or(a: Any, b: Any) -> Any:
    """`a | b` of symbolic tensors and variables."""
    return jnp.logical_or(jnp.asarray(a), jnp.asarray(b))


def logical_xor(a: Any, b: Any) -> Any:
    """`a ^ b` of symbolic tensors and variables."""
    return jnp.logical_xor(jnp.asarray(a), jnp.asarray(b))


LOGICAL = {"and_": logical_and, "or_": logical_or, "xor": logical_xor}


def _plain(x: Any) -> Any:
    return x.value if isinstance(x, ArrayOperators) else x


class ArrayOperators:
    """Gives a class with a `.value` array the array's operators, indexing, and array methods such as `.sum()`."""

    value: Any

    def __hash__(self) -> int:
        return id(self)

    def __getitem__(self, index: Any) -> Any:
        return self.value[index]

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Any:
        return iter(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __format__(self, spec: str) -> str:
        return format(self.value, spec) if spec else str(self)

    @property
    def T(self) -> Any:
        """The transposed array."""
        return self.value.T

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.value, name)


def _binary(name: str, swap: bool) -> Callable[[Any, Any], Any]:
    apply = LOGICAL.get(name) or getattr(operator, name)

    def method(self: Any, other: Any) -> Any:
        if hasattr(type(other), "_stands_for_array"):
            return NotImplemented
        a, b = _plain(self), _plain(other)
        return apply(b, a) if swap else apply(a, b)

    return method


def _unary(name: str) -> Callable[[Any], Any]:
    apply = getattr(operator, name)
    return lambda self: apply(self.value)


for _name in _BINARY:
    setattr(ArrayOperators, f"__{_name.strip('_')}__", _binary(_name, False))
    setattr(ArrayOperators, f"__r{_name.strip('_')}__", _binary(_name, True))
for _name in _COMPARE:
    setattr(ArrayOperators, f"__{_name}__", _binary(_name, False))
for _name in _UNARY:
    setattr(ArrayOperators, f"__{_name}__", _unary(_name))
