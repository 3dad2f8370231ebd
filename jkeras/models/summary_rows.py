"""What a summary says about a model: one `Row` for each layer, and whether the layers form a chain.

A model with a graph shows the operations of that graph, and only what happens inside it: the nodes of a layer that belong to
other models count neither for its shape nor for its connections. A model with its own `call` has no graph; its rows are
the layers in its attributes, with unknown shapes.
"""

from __future__ import annotations

import dataclasses
import re
from itertools import pairwise
from typing import Any

from jkeras.graph import Node, Program
from jkeras.graph.keras_tensor import KerasTensor, Operation
from jkeras.layer.base import Layer
from jkeras.layer.structures import specs_to_shapes
from jkeras.layers.input import InputLayer

UNKNOWN_SHAPE = "multiple"
UNBUILT_SHAPE = "?"


@dataclasses.dataclass(frozen=True)
class Row:
    """One layer of a summary, as text.

    Attributes:
        name: of the layer.
        kind: its class, or the array function in camel case.
        shape: of its output.
        params: number of its weights' elements.
        trainable: `Y` or `N`.
        connections: where its inputs come from, each `layer[node][tensor]`.
        children: the rows of the layers inside an expanded model.
    """

    name: str
    kind: str
    shape: str
    params: str
    trainable: str
    connections: tuple[str, ...] = ()
    children: tuple[Row, ...] = ()


def rows_of(model: Any, expand_nested: bool = False) -> list[Row]:
    """The rows of a model, in the order of its layers.

    Args:
        model: built or not.
        expand_nested: whether rows of inner models have their layers as children.
    """
    program = program_of(model)
    places = _places(program.nodes) if program is not None else {}
    operations: list[Operation] = model.operations if program is not None else model.layers
    rows = [_row(op, program, places, expand_nested) for op in operations]
    return rows if model.built else [_unbuilt(row, op) for row, op in zip(rows, operations)]


def _unbuilt(row: Row, op: object) -> Row:
    """The row of a layer whose model has not seen a shape yet."""
    params = row.params if getattr(op, "built", True) else "0 (unbuilt)"
    return dataclasses.replace(row, shape=UNBUILT_SHAPE, params=params)


def program_of(model: Any) -> Program | None:
    """The graph of a model, None where it has none."""
    program = getattr(model, "_program", None)
    return program if isinstance(program, Program) and model.built else None


def is_chain(model: Layer) -> bool:
    """Whether each layer takes one tensor, from the layer before it, and runs once.

    Stacks are chains, and so are models without a graph, whose order is unknown.
    """
    program = program_of(model)
    if program is None or hasattr(model, "_stack"):
        return True
    nodes = program.nodes
    if len({id(node.operation) for node in nodes}) < len(nodes) or any(len(node.inputs) > 1 for node in nodes):
        return False
    return all(node.parents == [before] for before, node in pairwise(nodes))


def _places(nodes: tuple[Node, ...] | list[Node]) -> dict[int, int]:
    """For each node of a graph, how many calls of its operation in this graph were made before it."""
    inside = {id(node) for node in nodes}
    operations = {id(node.operation): node.operation for node in nodes}.values()
    calls = ([node for node in op._inbound_nodes if id(node) in inside] for op in operations)
    return {id(node): i for made in calls for i, node in enumerate(made)}


def _row(op: Operation, program: Program | None, places: dict[int, int], expand_nested: bool) -> Row:
    nodes = [node for node in op._inbound_nodes if program is None or id(node) in places]
    return Row(
        name=op.name,
        kind=type(op).__name__ if isinstance(op, Layer) else _camel_case(op.name),
        shape=_shape(op, nodes),
        params=_params(op),
        trainable="Y" if getattr(op, "trainable", True) else "N",
        connections=tuple(_connection(tensor, places) for node in nodes for tensor in node.inputs),
        children=tuple(rows_of(op, True)) if expand_nested and _holds_layers(op) else (),
    )


def _shape(op: Any, nodes: list[Node]) -> str:
    if isinstance(op, InputLayer):
        return str([op.batch_shape])
    if program_of(op) is not None:  # its own shape, so that a model looks the same wherever it is used
        shape = op.output_shape
        return str(shape[0] if isinstance(shape, list) and len(shape) == 1 else shape)
    shapes = {str(specs_to_shapes(node.outputs)) for node in nodes}
    return shapes.pop() if len(shapes) == 1 else UNKNOWN_SHAPE


def _params(op: object) -> str:
    if not isinstance(op, Layer):
        return "0"
    return str(op.count_params()) if op.built else "0 (unused)"


def _connection(tensor: KerasTensor, places: dict[int, int]) -> str:
    node = tensor.node
    if node is None or id(node) not in places:  # an input of the model that another graph makes
        return tensor.name
    return f"{node.operation.name}[{places[id(node)]}][{tensor.index}]"


def _holds_layers(op: object) -> bool:
    layers = getattr(op, "layers", None)
    return isinstance(layers, (list, tuple)) and bool(layers) and all(isinstance(layer, Layer) for layer in layers)


def _camel_case(name: str) -> str:
    """`get_item_1` -> `GetItem`."""
    return "".join(word.capitalize() for word in re.sub(r"_\d+$", "", name).split("_"))
