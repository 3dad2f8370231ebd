"""The graph face of layers: the symbolic tensors that a layer was called on, and those it returned."""

from __future__ import annotations

from jkeras._base.types import Tree
from jkeras.graph import Node
from jkeras.layer import messages
from jkeras.layer.structures import single, specs_to_shapes


class GraphFace:
    """`input`, `output` and their shapes: of the first call or, for a shared layer, of any."""

    name: str
    _inbound_nodes: list[Node]

    @property
    def input(self) -> Tree:
        """The symbolic input of the layer's first call."""
        return self.get_input_at(0)

    @property
    def output(self) -> Tree:
        """The symbolic output of the layer's first call."""
        return self.get_output_at(0)

    @property
    def input_shape(self) -> Tree:
        """Shape of `input`."""
        return specs_to_shapes(self.input)

    @property
    def output_shape(self) -> Tree:
        """Shape of `output`."""
        return specs_to_shapes(self.output)

    def get_input_at(self, node_index: int) -> Tree:
        """The symbolic input of one of the layer's calls.

        Args:
            node_index: which call, from 0.

        Raises:
            ValueError: there were fewer calls.

        Example:
            >>> from jkeras import Input, layers
            >>> shared = layers.Dense(2)
            >>> outputs = [shared(Input((3,))), shared(Input((3,)))]
            >>> shared.get_output_at(1) is outputs[1]
            True
        """
        return single(self._node(node_index, "input").inputs)

    def get_output_at(self, node_index: int) -> Tree:
        """The symbolic output of one of the layer's calls; see `get_input_at`."""
        return self._node(node_index, "output").outputs

    def get_input_shape_at(self, node_index: int) -> Tree:
        """Shape of `get_input_at`."""
        return specs_to_shapes(self.get_input_at(node_index))

    def get_output_shape_at(self, node_index: int) -> Tree:
        """Shape of `get_output_at`."""
        return specs_to_shapes(self.get_output_at(node_index))

    def _node(self, index: int, what: str) -> Node:
        calls = len(self._inbound_nodes)
        if not calls:
            raise AttributeError(messages.NO_NODE.format(layer=self.name, what=what))
        if not 0 <= index < calls:
            raise ValueError(messages.NO_SUCH_CALL.format(layer=self.name, what=what, index=index, calls=calls, last=calls - 1))
        return self._inbound_nodes[index]
