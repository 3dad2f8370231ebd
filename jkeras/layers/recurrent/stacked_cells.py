"""StackedRNNCells: cells on top of each other as one cell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar, Unpack

import jax
import jax.numpy as jnp

from jkeras._base.registry import export
from jkeras._base.types import Array, DTypeLike, Tree
from jkeras.graph.spec import Shape, Spec, is_spec
from jkeras.layer.base import BaseArguments, Layer
from jkeras.layer.structures import shapes_to_specs

T = TypeVar("T")


class CellLike(Protocol):
    """What `RNN` asks of a cell, which is a layer or any other object."""

    @property
    def state_size(self) -> Tree:
        """The size of its state, or the sizes of its states, nested as they are."""

    def __call__(self, inputs: Array, states: list[Tree]) -> tuple[Array, Tree]:
        """The output of one step, and the new states."""


def check_cell(owner: str, cell: object) -> None:
    """Check that a cell has what `RNN` needs of it.

    Raises:
        ValueError: no `call`, or no `state_size`.
    """
    for name, example in (("call", "def call(self, inputs, states): ..."), ("state_size", "self.state_size = 32")):
        if not hasattr(type(cell), name) and name not in vars(cell):
            raise ValueError(f"{owner} takes cells with `{name}`. Received: {cell!r}, which has none. Add it: {example}")


def is_nested(value: object) -> bool:
    """Whether a state, or the size of one, is a list or tuple of several. A `Shape` is the size of one with several axes."""
    return isinstance(value, (list, tuple)) and not isinstance(value, Shape)


def map_sizes(function: Callable[[Any], T], sizes: Tree) -> Tree:
    """The function of each size in nested sizes of states.

    Example:
        >>> map_sizes(str, [3, {"a": Shape((1, 2))}])
        ['3', {'a': '(1, 2)'}]
    """
    if isinstance(sizes, dict):
        return {name: map_sizes(function, size) for name, size in sizes.items()}
    return [map_sizes(function, size) for size in sizes] if is_nested(sizes) else function(sizes)


def state_shape(batch_size: int | None, size: Any) -> tuple[int | None, ...]:
    """The shape of a state whose size is a number or a shape.

    Example:
        >>> state_shape(None, 3)
        (None, 3)
    """
    return (batch_size, *size) if isinstance(size, tuple) else (batch_size, size)


def output_size(cell: CellLike) -> Tree:
    """The size of a cell's output: what it says, else that of its first state."""
    size = getattr(cell, "output_size", None)
    if size is None:
        size = cell.state_size[0] if is_nested(cell.state_size) else cell.state_size
    return size


def initial_states(cell: CellLike, batch_size: int, dtype: DTypeLike | None) -> list[Tree]:
    """A cell's first states as a list: what its `get_initial_state` gives, else zeros of its `state_size`."""
    if hasattr(cell, "get_initial_state"):
        states = cell.get_initial_state(batch_size=batch_size)
        return list(states) if is_nested(states) else [states]
    return map_sizes(lambda size: jnp.zeros(state_shape(batch_size, size), dtype), _listed_sizes(cell))


def build_cell(cell: CellLike, inputs: Tree) -> None:
    """Make the weights of a cell that is a layer, for specs of one step's inputs `(batch, ...)`."""
    if isinstance(cell, Layer) and not cell.built:
        rows, dtype = jax.tree.leaves(inputs, is_leaf=is_spec)[0].shape[0], cell.compute_dtype
        states = map_sizes(lambda size: Spec(state_shape(rows, size), dtype), _listed_sizes(cell))
        cell._ensure_built((jax.tree.map(lambda s: Spec(s.shape, dtype), inputs, is_leaf=is_spec), states), {})


def _listed_sizes(cell: CellLike) -> list[Tree]:
    return list(cell.state_size) if is_nested(cell.state_size) else [cell.state_size]


@export("keras.layers.StackedRNNCells")
class StackedRNNCells(Layer):
    """Cells on top of each other as one cell: each one's output is the next one's input.

    Args:
        cells: list of cells.
        kwargs: as every layer.

    Call:
        inputs: `(batch, in)`; states: a list with the states of each cell. Returns the last cell's output and the new states.

    Raises:
        ValueError: a cell without `call` or `state_size`.

    Example:
        >>> import numpy as np
        >>> from jkeras.layers import LSTMCell, RNN
        >>> RNN(StackedRNNCells([LSTMCell(8), LSTMCell(4)]))(np.ones((2, 5, 3))).shape
        (2, 4)
    """

    def __init__(self, cells: Sequence[CellLike], **kwargs: Unpack[BaseArguments]):
        super().__init__(**kwargs)
        for cell in cells:
            check_cell("StackedRNNCells", cell)
        self.cells = list(cells)

    @property
    def state_size(self) -> list[Tree]:
        """The sizes of each cell's states."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> Tree:
        """The size of the last cell's output."""
        return output_size(self.cells[-1])

    def get_initial_state(self, batch_size: int | None = None) -> list[Tree]:
        """The first states of each cell."""
        return [initial_states(cell, batch_size or 1, self.compute_dtype) for cell in self.cells]

    def build(self, input_shape: Tree) -> None:
        """Make the weights of all cells for inputs of this shape `(batch, in)`."""
        inputs = shapes_to_specs(input_shape, self.compute_dtype)
        rows = jax.tree.leaves(inputs, is_leaf=is_spec)[0].shape[0]
        for cell in self.cells:
            build_cell(cell, inputs)
            inputs = map_sizes(lambda size: Spec(state_shape(rows, size), self.compute_dtype), output_size(cell))

    def call(self, inputs: Tree, states: Tree, training: bool = False) -> tuple[Array, list[Tree]]:
        """One step of all cells."""
        after = []
        for cell, before in zip(self.cells, states, strict=True):
            takes_training = isinstance(cell, Layer) and cell._plan.takes_training
            nested = list(before) if is_nested(before) else [before]
            inputs, new = cell(inputs, nested, **({"training": training} if takes_training else {}))
            new = list(new) if is_nested(new) else [new]
            after.append(new if is_nested(before) else new[0])
        return inputs, after
