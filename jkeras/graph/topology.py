"""Find the nodes between inputs and outputs, and sort them.

They are sorted by depth, which is the longest path to an output, and within a depth by the order in which a walk back from the
outputs meets their operations. This is Keras' order of `model.layers`, and so of weights in files and rows in summaries.
"""

from __future__ import annotations

from jkeras.graph.keras_tensor import KerasTensor, Node, Operation

_DISCONNECTED = """The graph is disconnected: {tensor} is needed to compute the outputs, but no input leads to it.
The given inputs are {inputs}. Add the missing one, for example Model(inputs=[..., {name}], outputs=...), or choose an output
that depends on these inputs alone."""


def sort_nodes(inputs: list[KerasTensor], outputs: list[KerasTensor]) -> list[Node]:
    """All nodes that the outputs need, in running order, with the inputs' own nodes.

    Raises:
        ValueError: an output depends on a tensor that does not follow from the inputs.
    """
    given = {id(t) for t in inputs}
    finished, met = _walk_back(outputs, given, inputs)
    node_depth: dict[int, int] = {}
    operation_depth: dict[int, int] = {}
    for node in reversed(finished):
        key = id(node.operation)
        depth = max(node_depth.get(id(node), 0), operation_depth.get(key, 0))
        node_depth[id(node)] = operation_depth[key] = depth
        for parent in _parents(node, given):
            node_depth[id(parent)] = max(depth + 1, node_depth.get(id(parent), 0))
    for tensor in inputs:
        source = tensor.node
        if source is not None and not source.inputs and id(source) not in node_depth:
            finished.append(source)
            node_depth[id(source)] = 0
            met.setdefault(id(source.operation), len(met))
    order = {id(node): i for i, node in enumerate(finished)}
    return sorted(finished, key=lambda n: (-node_depth[id(n)], met[id(n.operation)], order[id(n)]))


def operations_of(nodes: list[Node]) -> list[Operation]:
    """The operations of sorted nodes, each once."""
    return list({id(node.operation): node.operation for node in nodes}.values())


def source_inputs(tensor: KerasTensor) -> list[KerasTensor]:
    """The inputs that a symbolic tensor is computed from, each once.

    Example:
        >>> x = KerasTensor((None, 3))
        >>> source_inputs(x)[0] is x
        True
    """
    found: dict[int, KerasTensor] = {}
    seen: set[int] = set()
    rest = [tensor]
    while rest:
        current = rest.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        if current.node is None or not current.node.inputs:
            found[id(current)] = current
        else:
            rest.extend(reversed(current.node.inputs))
    return [*found.values()]


def _parents(node: Node, given: set[int]) -> list[Node]:
    return [t.node for t in node.inputs if t.node is not None and (id(t) not in given or not t.node.inputs)]


def _walk_back(outputs: list[KerasTensor], given: set[int], inputs: list[KerasTensor]) -> tuple[list[Node], dict[int, int]]:
    """Nodes, parents first, and the order in which operations were met. Iterative, since graphs can be deep."""
    finished: list[Node] = []
    done: set[int] = set()
    met: dict[int, int] = {}
    for output in outputs:
        if output.node is None or (id(output) in given and output.node.inputs):
            continue
        stack = [(output.node, False)]
        while stack:
            node, children_done = stack.pop()
            if id(node) in done:
                continue
            if children_done:
                done.add(id(node))
                finished.append(node)
                continue
            met.setdefault(id(node.operation), len(met))
            _check_connected(node, given, inputs)
            stack.append((node, True))
            stack.extend((parent, False) for parent in reversed(_parents(node, given)) if id(parent) not in done)
    return finished, met


def _check_connected(node: Node, given: set[int], inputs: list[KerasTensor]) -> None:
    if node.inputs or any(id(t) in given for t in node.flat_outputs):
        return
    tensor = node.flat_outputs[0] if node.flat_outputs else node
    names = [t.name for t in inputs]
    raise ValueError(_DISCONNECTED.format(tensor=tensor, inputs=names, name=node.operation.name))
