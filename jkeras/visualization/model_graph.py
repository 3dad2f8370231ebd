"""What a picture of a model shows, before anything has a place: boxes, groups of boxes, and edges between boxes.

A box is an operation of the model's graph, and an edge says that the output of one is an input of another; all calls of a shared
layer are edges at one box. An inner model is a box too or, expanded, a group; edges then go to the boxes inside that take and
give its tensors.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from jkeras._base.errors import describe
from jkeras.graph import KerasTensor, Node, Program
from jkeras.graph.keras_tensor import Operation
from jkeras.layer.base import Layer
from jkeras.layers.input import InputLayer
from jkeras.models.model import Model
from jkeras.models.summary import _within
from jkeras.models.summary_rows import UNKNOWN_SHAPE, program_of, rows_of
from jkeras.visualization.box_content import BoxContent, Shown, box_content


class Box(NamedTuple):
    """One operation. `key` is its path in the model."""

    key: str
    content: BoxContent


class Group(NamedTuple):
    """An expanded inner model, or the whole.

    Attributes:
        key: its path in the model; empty for the whole.
        name, kind: of the model and its class.
        members: boxes and groups, in the model's order.
        entries: the key of the box that takes each input.
        exits: the key of the box that gives each output.
    """

    key: str
    name: str
    kind: str
    members: tuple[Box | Group, ...]
    entries: tuple[str, ...]
    exits: tuple[str, ...]

    def boxes(self) -> Iterator[Box]:
        """All boxes inside, at any depth."""
        for member in self.members:
            if isinstance(member, Box):
                yield member
            else:
                yield from member.boxes()

    def groups(self) -> Iterator[Group]:
        """All groups inside, at any depth, the outer before the inner."""
        for member in self.members:
            if isinstance(member, Group):
                yield member
                yield from member.groups()


class Edge(NamedTuple):
    """From the box of one key to that of another; a hidden one is not drawn and only says which comes first."""

    source: str
    target: str
    hidden: bool = False


class ModelGraph(NamedTuple):
    """The whole: boxes in groups, and edges, each once."""

    root: Group
    edges: tuple[Edge, ...]


def model_graph(
    model: Layer, shown: Shown | None = None, expand_nested: bool = False, layer_range: Sequence[str] | None = None
) -> ModelGraph:
    """The boxes and edges of a model.

    A model with a `call` of its own has no graph: it is one box, or with `expand_nested` its layers in the order in which its
    attributes hold them, without visible edges.

    Args:
        model: built.
        shown: what a box says; None for just names and classes.
        expand_nested: whether inner models are groups.
        layer_range: two regular expressions; boxes go from the first layer whose name begins with a match of the first to the
            last one of the second.

    Raises:
        TypeError: `model` is not a layer or model.
        ValueError: the model was not built; no layer matches `layer_range`.

    Example:
        >>> from jkeras.layers import Dense, Input
        >>> x = Input((4,), name="x")
        >>> graph = model_graph(Model(x, Dense(2, name="out")(x)))
        >>> [box.key for box in graph.root.boxes()], graph.edges
        (['x', 'out'], (Edge(source='x', target='out', hidden=False),))
    """
    if not isinstance(model, Layer):
        raise TypeError(f"Only a model or a layer can be drawn. Received: {describe(model)}.")
    model._require_built("plot_model", "model.build(input_shape)")
    maker = _Maker(shown or Shown(), expand_nested)
    inner = _inner_model(model) if isinstance(model, Model) or expand_nested else None
    if inner is None or (program_of(inner) is None and not expand_nested):
        member = Box(model.name, box_content(model, type(model).__name__, model._inbound_nodes, maker.shown))
        return ModelGraph(Group("", model.name, type(model).__name__, (member,), (member.key,), (member.key,)), ())
    root = maker.group(inner, "", model.name, type(model).__name__)
    edges = list(dict.fromkeys(maker.edges))
    if layer_range is not None:
        names = {row.name for row in _within(rows_of(inner), layer_range)}
        root = root._replace(members=tuple(m for m in root.members if m.key in names))
        kept = {box.key for box in root.boxes()}
        edges = [edge for edge in edges if edge.source in kept and edge.target in kept]
    return ModelGraph(root, tuple(edges))


def _inner_model(op: object) -> Layer | None:
    """The model that an operation is or wraps; None if there is none."""
    for candidate in (op, getattr(op, "layer", None)):
        if isinstance(candidate, Model) and candidate.built and (program_of(candidate) is not None or candidate.layers):
            return candidate
    return None


class _Maker:
    """Makes groups and gathers edges."""

    def __init__(self, shown: Shown, expand_nested: bool):
        self.shown, self.expand_nested = shown, expand_nested
        self.edges: list[Edge] = []

    def group(self, model: Layer, key: str, name: str, kind: str) -> Group:
        program = program_of(model)
        return self._listed(model, key, name, kind) if program is None else self._drawn(model, program, key, name, kind)

    def _listed(self, model: Layer, key: str, name: str, kind: str) -> Group:
        """The layers of a model without a graph, in their order."""
        rows = {row.name: row for row in rows_of(model)}
        members: list[Box | Group] = []
        for layer in model.layers:
            members.append(self._member(layer, key, type(layer).__name__, layer._inbound_nodes, rows[layer.name].shape))
        for before, after in pairwise(members):
            self.edges.append(Edge(_exit(before, 0), _entry(after, 0), hidden=True))
        return Group(key, name, kind, tuple(members), (_entry(members[0], 0),), (_exit(members[-1], 0),))

    def _drawn(self, model: Layer, program: Program, key: str, name: str, kind: str) -> Group:
        kinds = {row.name: row.kind for row in rows_of(model)}
        nodes: dict[int, list[Node]] = {}
        for node in program.nodes:
            nodes.setdefault(id(node.operation), []).append(node)
        members: dict[int, Box | Group] = {}
        inside = {id(node) for node in program.nodes}
        for tensor in program.inputs:  # one from another graph has no operation here, so it needs a box
            if tensor.node is None or id(tensor.node) not in inside:
                members[id(tensor)] = self._outer_input(tensor, key)
        for calls in nodes.values():
            op = calls[0].operation
            members[id(op)] = self._member(op, key, kinds.get(op.name, type(op).__name__), calls)
        source = {id(tensor): members[id(tensor)] for tensor in program.inputs if id(tensor) in members}
        for node in program.nodes:
            source.update((id(t), members[id(node.operation)]) for t in node.flat_outputs if id(t) not in source)
        for node in program.nodes:
            for i, tensor in enumerate(node.inputs):
                if id(tensor) in source:
                    target = _entry(members[id(node.operation)], i)
                    self.edges.append(Edge(_exit(source[id(tensor)], tensor.index), target))
        entries = tuple(_exit(source[id(t)], t.index) for t in program.inputs)
        exits = tuple(_exit(source[id(t)], t.index) for t in model.outputs)
        return Group(key, name, kind, tuple(members.values()), entries, exits)

    def _member(self, op: Operation, key: str, kind: str, calls: list[Node], shape: str = UNKNOWN_SHAPE) -> Box | Group:
        own = f"{key}/{op.name}" if key else op.name
        inner = _inner_model(op) if self.expand_nested else None
        if inner is not None:
            return self.group(inner, own, op.name, kind)
        return Box(own, box_content(op, kind, calls, self.shown, shape))

    def _outer_input(self, tensor: KerasTensor, key: str) -> Box:
        layer = InputLayer(batch_shape=tensor.shape, dtype=tensor.dtype, name=tensor.name)
        return Box(f"{key}/{tensor.name}" if key else tensor.name, box_content(layer, "Input", layer._inbound_nodes, self.shown))


def _entry(member: Box | Group, i: int) -> str:
    return member.key if isinstance(member, Box) else member.entries[min(i, len(member.entries) - 1)]


def _exit(member: Box | Group, i: int) -> str:
    return member.key if isinstance(member, Box) else member.exits[min(i, len(member.exits) - 1)]
