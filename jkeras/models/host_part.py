"""`HostPart`: the part of a graph that runs on the host, before the compiled part.

It is what follows from the inputs by host layers alone (`layer/host_layer.py`): texts become numbers there. `fit`, `evaluate`
and `predict` run it where they make batches; the compiled program begins with `HostResults`, the arrays that its own steps need.
A model inside a model is cut in the same way.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras._base.types import Tree
from jkeras._text.arrays import TEXT
from jkeras.data.arrays import to_arrays
from jkeras.graph import KerasTensor, Program, Spec
from jkeras.graph.keras_tensor import ArrayFunction, Node, symbolic_leaves
from jkeras.graph.program import Step, Values
from jkeras.graph.spec import is_spec
from jkeras.layer.base import Layer
from jkeras.layer.host_layer import HostLayer

if TYPE_CHECKING:
    from jkeras.models.functional import Functional

_TEXT_LEFT = """Model {model!r} passes the strings {tensor!r} on to compiled code, which has none. Turn them into numbers first,
with StringLookup, Hashing or TextVectorization. Where the model's output is strings, call the last layer on what it predicts."""


_NO_GRAPH = """Model {model!r} gets texts, and its `call` hands them to layers that run on the host, where compiled code cannot
go. Make those layers the beginning of a graph:

    x = Input((1,), dtype="string")
    whole = Model(x, model(vectorize(x)))     # `model` takes numbers then

or turn the texts into numbers first: dataset.map(vectorize), vectorize(texts)."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class HostResults:
    """What the compiled part of a graph begins with.

    Attributes:
        arrays: by position, `"0"`, `"1"`, ...; for a model inside the model, its `HostResults`.
    """

    arrays: dict[str, Tree]


class HostPart:
    """The steps of a graph that run on the host, and those that follow.

    Args:
        model: whose graph it is.
        program: the sorted graph.
    """

    def __init__(self, model: Functional, program: Program):
        self.model, self.program = model, program
        self.steps: list[tuple[Callable[..., Tree], Step]] = []
        self.rest: list[Step] = []
        self._cut: dict[int, HostPart] = {}  # by the position in `rest` of models that have a part of their own
        self._read_cut: list[tuple[Any, HostPart]] = []
        known = {id(tensor) for tensor in program.inputs}
        self._made: set[int] = set()
        needed: list[KerasTensor] = []
        for node, step in zip(program.computing, program.steps):
            run = _runner(node) if all(id(t) in known for t in node.inputs) else None
            if run is not None:
                self.steps.append((run, step))
                self._made |= {id(t) for t in node.flat_outputs}
                known |= self._made
                continue
            inner = getattr(node.operation, "_host_part", None) if all(id(t) in known for t in node.inputs) else None
            if inner is not None and inner:
                self._cut[len(self.rest)] = inner
                self._read_cut.append((step[1], inner))
            else:
                needed += node.inputs
            self.rest.append(step)
        needed += symbolic_leaves(model._graph_outputs)
        self.passed = [*{id(t): t for t in needed if id(t) in known}.values()]

    def __bool__(self) -> bool:
        """Whether anything runs on the host."""
        return bool(self.steps or self._cut)

    def __call__(self, x: Tree) -> HostResults:
        """Run this part on inputs of the model."""
        return self.from_arrays(self.model._arrange(x))

    def from_arrays(self, arrays: list[Tree]) -> HostResults:
        """Run this part on the arrays of all inputs, in order."""
        values = self.program.bind(arrays)
        for run, (_, gather, store) in self.steps:
            args, kwargs = gather(values)
            store(values, run(*args, **kwargs))
        passed: dict[str, Tree] = {str(i): self._number(tensor, values[id(tensor)]) for i, tensor in enumerate(self.passed)}
        for gather, inner in self._read_cut:
            args, _ = gather(values)
            passed[str(len(passed))] = inner(args[0])
        return HostResults(passed)

    def _number(self, tensor: KerasTensor, value: Tree) -> Tree:
        if getattr(value, "dtype", None) == TEXT:
            raise TypeError(_TEXT_LEFT.format(model=self.model.name, tensor=tensor.name))
        return to_arrays(value, tensor.name)

    def resume(self, results: HostResults) -> Values:
        """The values of all tensors that the compiled part computes."""
        values: Values = {id(tensor): results.arrays[str(i)] for i, tensor in enumerate(self.passed)}
        cut = iter(range(len(self.passed), len(results.arrays)))
        for number, (operation, gather, store) in enumerate(self.rest):
            if number in self._cut:
                store(values, operation(results.arrays[str(next(cut))]))
            else:
                args, kwargs = gather(values)
                store(values, operation(*args, **kwargs))
        return values

    def specs(self) -> HostResults:
        """Shapes and dtypes of what the compiled part begins with."""
        passed: dict[str, Tree] = {str(i): Spec(tensor.shape, tensor.dtype) for i, tensor in enumerate(self.passed)}
        for _, inner in self._read_cut:
            passed[str(len(passed))] = inner.specs()
        return HostResults(passed)

    def bytes_per_row(self) -> int | None:
        """Bytes of one row of what the host layers make; None where it depends on the other rows of a batch."""
        made = [tensor for tensor in self.passed if id(tensor) in self._made]
        if any(None in tensor.shape[1:] for tensor in made):
            return None
        parts = [inner.bytes_per_row() for _, inner in self._read_cut]
        if None in parts:
            return None
        own = (math.prod(n or 0 for n in t.shape[1:]) * jnp.dtype(t.dtype).itemsize for t in made)
        return sum(own) + sum(part or 0 for part in parts)


def _runner(node: Node) -> Callable[..., Tree] | None:
    """How the host runs a node; None where compiled code does."""
    operation = node.operation
    if isinstance(operation, HostLayer):
        return operation.run
    if isinstance(operation, ArrayFunction):
        return operation if any(tensor.dtype == "string" for tensor in (*node.inputs, *node.flat_outputs)) else None
    inner = getattr(operation, "_host_part", None)
    if inner is not None and inner and not inner.rest:
        return lambda x: jax.tree.map(np.asarray, operation(x))
    return None


class WithoutGraph:
    """The same for a model with host layers that is not a graph: it takes arrays, and refuses texts."""

    def __init__(self, model: Layer):
        self.model = model

    def __call__(self, x: Tree) -> Tree:
        """The inputs as arrays."""
        for leaf in jax.tree.leaves(x):
            if getattr(leaf, "dtype", None) == TEXT:
                raise TypeError(_NO_GRAPH.format(model=self.model.name))
        return to_arrays(x, "x")

    def bytes_per_row(self, x: Tree) -> int | None:
        """Nothing: there is no work to repeat."""
        return 0


class Preparation:
    """What `fit`, `evaluate` and `predict` do to the inputs of each batch of a graph with host layers.

    Args:
        model: of the graph; one without a known input is built for the first batch.
    """

    def __init__(self, model: Functional):
        self.model = model

    def __call__(self, x: Tree) -> Tree:
        """The arrays with which the compiled part begins."""
        part = self._part_for(x)
        return part(x) if part else to_arrays(x, "x")

    def bytes_per_row(self, x: Tree) -> int | None:
        """Bytes of one prepared row; None where it depends on the other rows of a batch."""
        return self._part_for(x).bytes_per_row()

    def _part_for(self, x: Tree) -> HostPart:
        if not self.model.built:
            specs = jax.tree.map(lambda a: Spec((None, *a.shape[1:]), a.dtype), x, is_leaf=is_spec)
            self.model._ensure_built((specs,), {})
        return self.model._host_part
