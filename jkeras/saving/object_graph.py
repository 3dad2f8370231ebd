"""The graph of objects in TensorFlow's checkpoints: what was saved, as nodes that name their attributes.

    0: {"layer_with_weights-0": 1, "layer-0": 1, "optimizer": 2}
    1: {"kernel": 3, "bias": 4}
    3: the array at "layer_with_weights-0/kernel/.ATTRIBUTES/VARIABLE_VALUE"

Nodes are known by number, and may name each other in circles; a reader goes where the model leads it. A node is read when it is
asked for.

Source: `trackable_object_graph.proto` of TensorFlow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from jkeras._base.errors import FileFormatError
from jkeras._safe_io.protobuf import Message
from jkeras._safe_io.tensor_bundle import BundleArray, TensorBundle

_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_GRAPH_BYTES = 32 << 20


class Node(NamedTuple):
    """An object.

    Args:
        children: the numbers of its attributes' nodes.
        key: of its array; empty if it has none.
        name: of its array, in the program that wrote it.
        slots: for an optimizer `(number of a weight, name of a slot, number of its array)`.
    """

    children: dict[str, int]
    key: str
    name: str
    slots: list[tuple[int, str, int]]


class ObjectGraph:
    """The objects of a checkpoint.

    Args:
        bundle: its arrays.

    Raises:
        FileFormatError: it has no graph, or a damaged one.
    """

    def __init__(self, bundle: TensorBundle):
        self.where, self._bundle = bundle.where, bundle
        if _GRAPH not in bundle:
            raise FileFormatError(
                f"{bundle.where}: is a checkpoint of TensorFlow 1, which says nothing of layers. Load it there."
            )
        self._parts = Message(bundle.text(_GRAPH, _GRAPH_BYTES), bundle.where).parts(1)
        self._nodes: dict[int, Node] = {}

    def node(self, number: int) -> Node:
        """The object of a number."""
        if number not in self._nodes:
            if number >= len(self._parts):
                raise FileFormatError(f"{self.where}: is damaged: it has no object {number}.")
            self._nodes[number] = self._read(self._parts[number])
        return self._nodes[number]

    def follow(self, number: int, path: Iterable[str]) -> int | None:
        """The number at the end of a path of attributes; None if there is none."""
        found: int | None = number
        for name in path:
            found = None if found is None else self.node(found).children.get(name)
        return found

    def listed(self, number: int) -> list[int]:
        """The numbers of a list's elements, in order."""
        children = self.node(number).children
        return [children[name] for name in sorted((n for n in children if re.fullmatch(r"[0-9]{1,9}", n)), key=int)]

    def array(self, number: int) -> BundleArray | None:
        """The array of an object, unread; None if it has none."""
        key = self.node(number).key
        return self._bundle.array(key) if key else None

    def kind(self, number: int) -> str:
        """`"f"`, `"i"`, `"u"` or `"b"`, as of the array; empty if the object has none, or one of texts or of another type."""
        key = self.node(number).key
        return self._bundle.kind(key) if key else ""

    def _read(self, data: memoryview) -> Node:
        message = Message(data, self.where)
        children = [Message(part, self.where) for part in message.parts(1)]
        values = [Message(part, self.where) for part in message.parts(2)]
        value = next((value for value in values if value.text(1) == "VARIABLE_VALUE"), Message(memoryview(b""), self.where))
        slots = [Message(part, self.where) for part in message.parts(3)]
        return Node(
            {child.text(2): child.number(1) for child in children},
            value.text(3),
            value.text(2),
            [(slot.number(1), slot.text(2), slot.number(3)) for slot in slots],
        )
