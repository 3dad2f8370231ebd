"""`Program`: a sorted graph, ready to run. Running it is one loop over its steps."""

from __future__ import annotations

from collections.abc import Callable

import jax

from jkeras._base.types import Array, Tree
from jkeras.graph.keras_tensor import KerasTensor, Node, Operation, is_leaf, symbolic_leaves
from jkeras.graph.topology import sort_nodes

Values = dict[int, Tree]
Gather = Callable[[Values], tuple[tuple[Tree, ...], dict[str, Tree]]]
Step = tuple[Operation, Gather, Callable[[Values, Tree], None]]


class Program:
    """The steps from inputs to outputs.

    Attributes:
        nodes: all nodes in running order; within a depth those of the inputs come first.
        computing: the nodes that compute, and are not given.
        steps: `(operation, gather, store)` for each of them: `gather(values)` returns its arguments, and
            `store(values, result)` keeps its results.
        outputs: makes the structure of outputs from the values.
    """

    def __init__(self, inputs: Tree, outputs: Tree):
        self.inputs = jax.tree.leaves(inputs, is_leaf=is_leaf)
        flat_outputs = symbolic_leaves(outputs)
        self.nodes = sort_nodes(self.inputs, flat_outputs)
        self._input_keys = [id(t) for t in self.inputs]
        given = set(self._input_keys)
        self.computing = [node for node in self.nodes if node.inputs and not all(id(t) in given for t in node.flat_outputs)]
        self.steps: list[Step] = [(node.operation, _gatherer(node), _storer(node)) for node in self.computing]
        self.outputs = _structure_gatherer(outputs)

    def bind(self, arrays: list[Array]) -> Values:
        """The values to start from: the inputs' arrays."""
        return dict(zip(self._input_keys, arrays))


def _structure_gatherer(structure: Tree) -> Callable[[Values], Tree]:
    if isinstance(structure, KerasTensor):
        key = id(structure)
        return lambda values: values[key]
    leaves, tree = jax.tree.flatten(structure, is_leaf=is_leaf)
    keyed = [(isinstance(leaf, KerasTensor), id(leaf), leaf) for leaf in leaves]
    return lambda values: jax.tree.unflatten(tree, [values[key] if symbolic else leaf for symbolic, key, leaf in keyed])


def _gatherer(node: Node) -> Gather:
    if len(node.args) == 1 and not node.kwargs and isinstance(node.args[0], KerasTensor):
        key = id(node.args[0])
        return lambda values: ((values[key],), {})
    return _structure_gatherer((node.args, node.kwargs))


def _storer(node: Node) -> Callable[[Values, Tree], None]:
    if len(node.flat_outputs) == 1 and isinstance(node.outputs, KerasTensor):
        key = id(node.outputs)
        return lambda values, result: values.__setitem__(key, result)
    keys = [id(t) for t in node.flat_outputs]
    return lambda values, result: values.update(zip(keys, jax.tree.leaves(result)))
