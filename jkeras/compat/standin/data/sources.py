"""Where elements come from: arrays, ranges, Python generators, random numbers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jax
import numpy as np

from jkeras._base.errors import describe
from jkeras._base.types import Tree
from jkeras.compat.standin.data.node import INFINITE, UNKNOWN, Block, Node, Run, RunsPython, to_blocks
from jkeras.compat.standin.data.structure import as_component, as_element, as_tensor, mapped, specs_of
from jkeras.compat.standin.host_tensor import STRING
from jkeras.compat.standin.tensor_spec import TensorSpec


@dataclass(frozen=True, eq=False)
class Rows(Node):
    """The rows of arrays.

    Attributes:
        data: a nest of arrays with the same first dimension.
        count: that dimension.
    """

    data: Tree
    count: int

    @classmethod
    def of(cls, tensors: Tree) -> Rows:
        """The rows of what a user passes.

        Raises:
            ValueError: the first dimensions differ, or a component has none.
        """
        data = as_element(tensors)
        sizes = {leaf.shape[:1] for leaf in jax.tree.leaves(data)}
        if len(sizes) != 1 or not next(iter(sizes)):
            found = ", ".join(str(leaf.shape) for leaf in jax.tree.leaves(data))
            raise ValueError(
                f"from_tensor_slices cuts arrays along their first dimension, which must be the same for all. Received shapes: "
                f"{found or 'none'}."
            )
        return cls(data, sizes.pop()[0])

    @property
    def cardinality(self) -> int:
        return self.count

    @cached_property
    def spec(self) -> Tree:
        return jax.tree.map(lambda a: TensorSpec(a.shape[1:], a.dtype), self.data)

    def blocks(self, run: Run, rows: int) -> Iterator[Block]:
        for at in range(0, self.count, rows):
            yield Block(jax.tree.map(lambda a, at=at: a[at : at + rows], self.data), min(rows, self.count - at))


@dataclass(frozen=True, eq=False)
class Listed(Node):
    """A few elements that need not have one shape.

    Attributes:
        items: the elements.
    """

    items: tuple[Tree, ...]

    @property
    def cardinality(self) -> int:
        return len(self.items)

    @cached_property
    def spec(self) -> Tree:
        return specs_of(self.items[0])

    def blocks(self, run: Run, rows: int) -> Iterator[Block]:
        yield from to_blocks(iter(self.items), rows)


@dataclass(frozen=True, eq=False)
class Numbers(Node):
    """A range of numbers, perhaps without an end.

    Attributes:
        start, step: the first number and the distance.
        count: how many, or INFINITE.
        dtype: their dtype.
    """

    start: int | float
    step: int | float
    count: int
    dtype: np.dtype

    @property
    def cardinality(self) -> int:
        return self.count

    @property
    def spec(self) -> Tree:
        return TensorSpec((), self.dtype)

    def blocks(self, run: Run, rows: int) -> Iterator[Block]:
        places = itertools.count(0, rows) if self.count == INFINITE else range(0, self.count, rows)
        for at in places:
            size = rows if self.count == INFINITE else min(rows, self.count - at)
            yield Block((self.start + self.step * np.arange(at, at + size)).astype(self.dtype), size)


@dataclass(frozen=True, eq=False)
class RandomNumbers(Node):
    """Random integers without end.

    Attributes:
        seed: None takes that of the run.
        renew: whether each run draws new ones.
    """

    seed: int | None
    renew: bool

    @property
    def cardinality(self) -> int:
        return INFINITE

    @property
    def spec(self) -> Tree:
        return TensorSpec((), "int32")

    @property
    def static(self) -> bool:
        return not self.renew

    def blocks(self, run: Run, rows: int) -> Iterator[Block]:
        rng = (run if self.renew else Run()).rng(self.seed, self.depth)
        while True:
            yield Block(rng.integers(0, 2**31 - 1, rows, np.int32), rows)


@dataclass
class _Peeked:
    """An iterator whose first element was read for its shapes."""

    items: Iterator[Tree] | None = None


@dataclass(frozen=True, eq=False)
class Generated(RunsPython):
    """What a Python function yields, anew in each run.

    Attributes:
        function: returns an iterable.
        args: its arguments.
        signature: specs of an element, or None to take what comes.
    """

    function: Callable[..., Iterable[object]]
    args: tuple[Any, ...]
    signature: Tree
    _peeked: _Peeked = field(default_factory=_Peeked)

    @property
    def cardinality(self) -> int:
        return UNKNOWN

    @cached_property
    def spec(self) -> Tree:
        known = jax.tree.leaves(self.signature)
        if known and all(leaf.sizes is not None for leaf in known):
            return self.signature
        items = self._items()
        first = next(items, None)
        if first is None:
            return self.signature
        self._peeked.items = itertools.chain([first], items)
        found = specs_of(first)
        if not known:
            return found
        return jax.tree.map(lambda s, f: TensorSpec(s.shape, s.dtype, s.name, sizes=f.shape), self.signature, found)

    def blocks(self, run: Run, rows: int) -> Iterator[Block]:
        items, self._peeked.items = self._peeked.items or self._items(), None
        yield from to_blocks(items, rows)

    def _items(self) -> Iterator[Tree]:
        args = [as_tensor(as_component(argument)) for argument in self.args]
        for item in self.function(*args):
            yield as_element(item) if self.signature is None else _cast(item, self.signature)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_peeked": _Peeked()}


def _cast(item: Any, signature: Tree) -> Tree:
    """An item in the structure and dtypes of a signature."""
    if isinstance(signature, TensorSpec):
        value = as_component(list(item) if isinstance(item, tuple) else item)
        if (value.dtype == STRING) != (signature.dtype == STRING):
            raise TypeError(f"The generator yielded {describe(item)}; its signature says {signature}.")
        value = value.astype(signature.dtype, copy=False)
        if not signature.is_compatible_with(value):
            raise TypeError(f"The generator yielded an array of shape {value.shape}; its signature says {signature}.")
        return value
    if isinstance(signature, dict):
        return {key: _cast(item[key], part) for key, part in signature.items()}
    if not isinstance(item, (tuple, list)) or len(item) != len(signature):
        raise TypeError(f"The generator yielded {describe(item)}; its signature has {len(signature)} components.")
    return tuple(_cast(part, known) for part, known in zip(item, signature))


def signature_of(output_types: Any, output_shapes: Any) -> Tree:
    """The specs that `output_types` and `output_shapes` say, as TensorFlow 1 took them."""
    if isinstance(output_types, (tuple, list)):
        shapes = output_shapes if output_shapes is not None else [None] * len(output_types)
        return tuple(signature_of(dtype, shape) for dtype, shape in zip(output_types, shapes))
    if isinstance(output_types, dict):
        return {key: signature_of(dtype, (output_shapes or {}).get(key)) for key, dtype in output_types.items()}
    return TensorSpec(output_shapes, output_types)


def checked_signature(signature: Any) -> Tree:
    """A signature as a nest of specs.

    Raises:
        TypeError: something in it is not a `tf.TensorSpec`.
    """

    def check(part: object) -> TensorSpec:
        if not isinstance(part, TensorSpec):
            raise TypeError(f"output_signature holds tf.TensorSpec objects. Received: {describe(part)}.")
        return part

    return mapped(tuple(signature) if isinstance(signature, list) else signature, check)
