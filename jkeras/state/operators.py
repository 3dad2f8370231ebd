"""Python's operators for objects that stand for an array, in one table: variables and symbolic tensors take theirs from it, and
files the names of recorded operations.

As in Keras `&`, `|` and `^` are logical, whatever the dtype: they ask which entries are not 0, and give booleans.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax.numpy as jnp

from jkeras._base.types import Array, Tensor, Tree


def logical_and(a: Tensor, b: Tensor) -> Array:
    """`a & b` of symbolic tensors and variables."""
    return jnp.logical_and(jnp.asarray(a), jnp.asarray(b))


def logical_or(a: Tensor, b: Tensor) -> Array:
    """`a | b` of symbolic tensors and variables."""
    return jnp.logical_or(jnp.asarray(a), jnp.asarray(b))


def logical_xor(a: Tensor, b: Tensor) -> Array:
    """`a ^ b` of symbolic tensors and variables."""
    return jnp.logical_xor(jnp.asarray(a), jnp.asarray(b))


class Operator(NamedTuple):
    """One of Python's operators.

    Attributes:
        method: `"sub"` for `__sub__`.
        name: of the same operation in `ops`.
        function: of the operands.
        arguments: 1 or 2.
        reflected: whether there is a method for the right operand too, `__rsub__`.
        symbolic: what a graph records, where it is another function.
    """

    method: str
    name: str
    function: Callable[..., Tree]
    arguments: int = 2
    reflected: bool = False
    symbolic: Callable[..., Tree] | None = None

    @property
    def recorded(self) -> Callable[..., Tree]:
        """What a graph records."""
        return self.symbolic or self.function


OPERATORS = (
    Operator("add", "add", operator.add, reflected=True),
    Operator("sub", "subtract", operator.sub, reflected=True),
    Operator("mul", "multiply", operator.mul, reflected=True),
    Operator("matmul", "matmul", operator.matmul, reflected=True),
    Operator("truediv", "true_divide", operator.truediv, reflected=True),
    Operator("floordiv", "floor_divide", operator.floordiv, reflected=True),
    Operator("mod", "mod", operator.mod, reflected=True),
    Operator("pow", "power", operator.pow, reflected=True),
    Operator("and", "logical_and", logical_and, reflected=True),
    Operator("or", "logical_or", logical_or, reflected=True),
    Operator("xor", "logical_xor", logical_xor, reflected=True),
    Operator("lshift", "left_shift", operator.lshift, reflected=True),
    Operator("rshift", "right_shift", operator.rshift, reflected=True),
    Operator("eq", "equal", operator.eq),
    Operator("ne", "not_equal", operator.ne),
    Operator("lt", "less", operator.lt),
    Operator("le", "less_equal", operator.le),
    Operator("gt", "greater", operator.gt),
    Operator("ge", "greater_equal", operator.ge),
    Operator("neg", "negative", operator.neg, arguments=1),
    Operator("pos", "positive", operator.pos, arguments=1),
    Operator("abs", "absolute", operator.abs, arguments=1),
    Operator("invert", "logical_not", operator.invert, arguments=1, symbolic=jnp.logical_not),  # logical for symbolic tensors too
)


def give_operators(cls: type, method: Callable[[Operator, bool], Callable[..., Tree]]) -> None:
    """Give a class all operators.

    Args:
        cls: the class.
        method: makes a method from an operator, and from whether the method is the right operand's (`__rsub__`).
    """
    for one in OPERATORS:
        setattr(cls, f"__{one.method}__", method(one, False))
        if one.reflected:
            setattr(cls, f"__r{one.method}__", method(one, True))


class ArrayOperators:
    """Gives a class with a `.value` array the array's operators, indexing, and array methods such as `.sum()`."""

    value: Tree

    def __hash__(self) -> int:
        return id(self)

    def __getitem__(self, index: Tree) -> Tree:
        return self.value[index]

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator[Array]:
        return iter(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __bool__(self) -> bool:
        value = self.value
        if value.size != 1:
            raise TypeError(f"An array of {value.size} numbers is neither true nor false. Write jnp.any(v), or jnp.all(v).")
        return bool(value)

    def __round__(self, ndigits: int | None = None) -> Array:
        return jnp.round(self.value, ndigits or 0)

    def __format__(self, spec: str) -> str:
        return format(self.value, spec) if spec else str(self)

    @property
    def T(self) -> Array:
        """The transposed array."""
        return self.value.T

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        if hasattr(type(self), name):  # a property that failed, and `value` may be one that it needs
            raise AttributeError(
                f"{type(self).__name__!r} object has no {name!r} now. Its __init__ gives it one: call that first."
            )
        return getattr(self.value, name)


def _method(one: Operator, right: bool) -> Callable[..., Tree]:
    compute = one.function

    def unary(self: ArrayOperators) -> Tree:
        return compute(self.value)

    def binary(self: ArrayOperators, other: Tree) -> Tree:
        if hasattr(type(other), "_stands_for_array"):
            return NotImplemented
        one, two = self.value, other.value if isinstance(other, ArrayOperators) else other
        if isinstance(two, (list, tuple)):  # arrays of JAX refuse them, variables of Keras do not
            two = jnp.asarray(two)
        return compute(two, one) if right else compute(one, two)

    return unary if one.arguments == 1 else binary


give_operators(ArrayOperators, _method)
