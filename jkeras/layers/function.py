"""`Function`: a part of a graph as an operation, from any of its tensors to any others that follow from them."""

from __future__ import annotations

import jax

from jkeras._base.errors import describe, known_sizes
from jkeras._base.registry import export
from jkeras._base.types import Tree
from jkeras.graph import Program
from jkeras.graph.keras_tensor import KerasTensor, is_leaf
from jkeras.graph.keras_tensor import Operation as GraphOperation
from jkeras.graph.topology import operations_of
from jkeras.layers.operation import Operation


@export("keras.Function")
class Function(Operation):
    """Computes symbolic tensors from values of others.

    Unlike a Model it is no owner of the layers between them: it has no weights of its own, and always uses theirs.

    Args:
        inputs: a symbolic tensor, or a list, tuple or dict of them, also nested.
        outputs: likewise; they follow from the inputs alone.
        name: without slashes.

    Call:
        inputs: arrays or symbolic tensors in the structure of the inputs. Returns the structure of the outputs.

    Raises:
        ValueError: no symbolic tensors, or outputs that need other inputs; in a call, another structure or shape.

    Example:
        >>> import numpy as np
        >>> from jkeras import Input, ops
        >>> x, y = Input((2,)), Input((2,))
        >>> function = Function([x, y], {"sum": x + y, "top": ops.max(x)})
        >>> {name: value.tolist() for name, value in function([np.ones((1, 2)), np.ones((1, 2))]).items()}
        {'sum': [[2.0, 2.0]], 'top': 1.0}
    """

    def __init__(self, inputs: Tree, outputs: Tree, name: str | None = None):
        super().__init__(name=name)
        for what, given in (("inputs", inputs), ("outputs", outputs)):
            leaves = jax.tree.leaves(given, is_leaf=is_leaf)
            if not leaves or not all(isinstance(leaf, KerasTensor) for leaf in leaves):
                raise ValueError(f"Function({what}=...) takes one or more symbolic tensors. Received: {describe(given)}.")
        self._structure = inputs, outputs
        self._program = Program(inputs, outputs)

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic inputs, as a list."""
        return list(self._program.inputs)

    @property
    def outputs(self) -> list[KerasTensor]:
        """The symbolic outputs, as a list."""
        return jax.tree.leaves(self._structure[1], is_leaf=is_leaf)

    @property
    def operations(self) -> list[GraphOperation]:
        """The operations from the inputs to the outputs, and the `InputLayer`s among the inputs."""
        return operations_of(self._program.nodes)

    def call(self, inputs: Tree) -> Tree:
        """Run the part of the graph."""
        values = self._program.bind(self._arranged(inputs))
        for operation, gather, store in self._program.steps:
            args, kwargs = gather(values)
            store(values, operation(*args, **kwargs))
        return self._program.outputs(values)

    def _arranged(self, inputs: Tree) -> list[Tree]:
        wanted: object = jax.tree.structure(self._structure[0], is_leaf=is_leaf)
        if jax.tree.structure(inputs) != wanted:
            raise ValueError(f"Function {self.name!r} takes {describe(self._structure[0])}. Received: {describe(inputs)}.")
        arrays = jax.tree.leaves(inputs)
        for tensor, array in zip(self._program.inputs, arrays):
            sizes = known_sizes(array.shape)
            fits = len(sizes) == len(tensor.shape) and all(None in (m, n) or m == n for m, n in zip(tensor.shape, sizes))
            if not fits:
                raise ValueError(
                    f"Function {self.name!r} takes {tensor.name!r} with shape {tensor.shape}. Received: {describe(array)}."
                )
        return arrays
