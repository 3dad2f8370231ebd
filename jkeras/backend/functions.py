"""`K.function` and `K.gradients`: parts of a graph as compiled functions, and derivatives as nodes of a graph.

    layer = model.get_layer("conv")
    gradient = K.gradients(model.output[:, 3], layer.output)[0]
    look = K.function([model.input], [layer.output, K.mean(gradient, axis=(0, 1, 2))])
    maps, weights = look([x])

A gradient is a node like any other. When it runs, it runs the graph between the tensor and the loss again and differentiates it
by `jax.grad`, inside the same compiled program.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jkeras._base.compiling import precision_scope
from jkeras._base.errors import describe
from jkeras._base.types import Array, Tree
from jkeras.backend.phases import LearningPhase
from jkeras.backend.shapes import ancestors, sources_of
from jkeras.graph import Node, Program
from jkeras.graph.keras_tensor import ArrayFunction, KerasTensor, apply_symbolic, is_leaf, is_symbolic, symbolic_leaves
from jkeras.layer.base import Layer
from jkeras.layer.tracking import weight_entries
from jkeras.state.functionalize import functionalize
from jkeras.state.random import next_key_numbers
from jkeras.state.scope import Scope, UnknownVariables, current
from jkeras.state.variable import Variable, materialize

_NONE = """An output of K.function is None. A gradient is None if the loss does not depend on the tensor: check that the tensor
lies between the model's input and the loss."""


def _run(program: Program, arrays: list[Tree]) -> Tree:
    values = program.bind(arrays)
    for operation, gather, store in program.steps:
        args, kwargs = gather(values)
        store(values, operation(*args, **kwargs))
    return program.outputs(values)


def _variables_of(nodes: Sequence[Node]) -> list[Variable]:
    """The Variables that nodes read: weights of layers, Variables among arguments, and those inside gradients."""
    found: dict[int, Variable] = {}
    for node in nodes:
        variables = [leaf for leaf in jax.tree.leaves((node.args, node.kwargs), is_leaf=is_leaf) if isinstance(leaf, Variable)]
        if isinstance(node.operation, Layer):
            variables += [variable for _, variable in weight_entries(node.operation)]
        elif isinstance(node.operation, ArrayFunction) and isinstance(node.operation.fn, Gradient):
            variables += node.operation.fn.variables
        found.update((id(variable), variable) for variable in variables)
    return list(found.values())


class Function:
    """A compiled part of a graph; `K.function` makes it.

    Args:
        inputs: symbolic tensors; `K.learning_phase()` among them stands for the phase.
        outputs: symbolic tensors, in any structure; Variables and arrays among them yield their values.
        updates: pairs `(Variable, symbolic value)`, assigned after each call.
        name: for error messages.
    """

    def __init__(self, inputs: Tree, outputs: Tree, updates: Tree = None, name: str | None = None):
        self.name = name or "function"
        self._alone = is_symbolic(inputs)
        self.inputs = [inputs] if self._alone else jax.tree.leaves(inputs, is_leaf=is_leaf)
        self.outputs = outputs
        tensors = [t for t in self.inputs if not isinstance(t, LearningPhase)]
        for tensor in tensors:
            if not isinstance(tensor, KerasTensor):
                raise ValueError(
                    f"K.function takes symbolic tensors as inputs, such as [model.input]. Received: {describe(tensor)}."
                )
        self._updates = [tuple(pair) for pair in updates or []]
        for variable, _ in self._updates:
            if not isinstance(variable, Variable):
                raise ValueError(
                    f"An update is a pair (Variable, new value). Received: {describe(variable)} in place of the Variable."
                )
        self._leaves, self._tree = jax.tree.flatten(outputs, is_leaf=lambda v: v is None or is_leaf(v))
        if any(leaf is None for leaf in self._leaves):
            raise ValueError(_NONE)
        self._program = Program(tensors, symbolic_leaves([self._leaves, [new for _, new in self._updates]]))
        self._held = _variables_of(self._program.nodes)
        self._compiled = jax.jit(self._pure, static_argnums=3)

    def __call__(self, inputs: Tree) -> Tree:
        """The outputs for these inputs, as new NumPy arrays, in the structure of the outputs.

        Args:
            inputs: a list of arrays, one for each input, the phase as 0 or 1.

        Raises:
            ValueError: the number of inputs differs, or shapes do not fit.
        """
        given = [inputs] if self._alone and not isinstance(inputs, (list, tuple)) else list(inputs)
        if len(given) != len(self.inputs):
            raise ValueError(f"K.function was made with {len(self.inputs)} inputs, but received {len(given)}: {describe(given)}.")
        arrays, training = [], bool(current().training)
        for tensor, value in zip(self.inputs, given):
            if isinstance(tensor, LearningPhase):
                training = bool(value)
            else:
                arrays.append(_fitting(tensor, value))
        found = iter(self._results(arrays, next_key_numbers(), training))
        results = [
            next(found) if is_symbolic(leaf) else leaf.array if isinstance(leaf, Variable) else leaf for leaf in self._leaves
        ]
        for variable, new in self._updates:
            variable.assign(next(found) if is_symbolic(new) else new)
        return jax.tree.unflatten(self._tree, [np.array(value)[()] for value in results])

    def _results(self, arrays: Sequence[Tree], numbers: Tree, training: bool) -> Tree:
        materialize(self._held)
        try:
            return self._compiled([variable.array for variable in self._held], arrays, numbers, training)
        except UnknownVariables as unknown:  # for functions in the graph
            self._held += unknown.variables
            return self._results(arrays, numbers, training)

    def _pure(self, values: Sequence[Tree], arrays: Sequence[Tree], numbers: Tree, training: bool) -> Tree:
        key = jax.random.fold_in(jax.random.key(numbers[0]), numbers[1])
        positions = {id(op): i for i, op in enumerate(node.operation for node in self._program.nodes)}
        pure = functionalize(functools.partial(_run, self._program), self._held, positions, complete=True)
        with precision_scope():
            return pure(values, arrays, rng=key, training=training).output


def _fitting(tensor: KerasTensor, value: Tree) -> Tree:
    array = jnp.asarray(value.array if isinstance(value, Variable) else value, jnp.dtype(tensor.dtype))
    fits = len(array.shape) == len(tensor.shape) and all(n is None or n == m for n, m in zip(tensor.shape, array.shape))
    if not fits:
        raise ValueError(f"K.function expects the input {tensor.name!r} with shape {tensor.shape}. Received: {describe(array)}.")
    return array


def function(inputs: Tree, outputs: Tree, updates: Tree = None, name: str | None = None, **kwargs: object) -> Function:
    """A compiled function from symbolic tensors to symbolic tensors of one graph.

    Args:
        inputs: a list of symbolic tensors: from `Input`, a layer (`layer.output`), or `K.placeholder`; `K.learning_phase()`
            among them takes 0 or 1 at each call.
        outputs: a symbolic tensor, or a list or dict of them.
        updates: pairs `(Variable, symbolic value)`, assigned after each call, as made by `K.update`.
        name: for error messages.
        kwargs: none; those for TensorFlow's sessions are refused.

    Returns:
        A function of a list of arrays, which returns NumPy arrays in the structure of the outputs. It always uses the current
        weights.

    Raises:
        ValueError: the outputs need an input that is not among the inputs.

    Example:
        >>> from jkeras.layers import Dense, Input
        >>> x = Input((2,))
        >>> layer = Dense(3, kernel_initializer="ones")
        >>> f = function([x], [layer(x), layer(x)[:, 0] * 2])
        >>> [a.tolist() for a in f([np.ones((1, 2))])]
        [[[2.0, 2.0, 2.0]], [4.0]]
    """
    if kwargs:
        raise ValueError(f"K.function takes inputs, outputs, updates and name. Received: {sorted(kwargs)}.")
    return Function(inputs, outputs, updates, name)


class Gradient:
    """The derivative of a loss with respect to one tensor or Variable, as a function for a node."""

    def __init__(self, losses: list[KerasTensor], by: Variable | KerasTensor, sources: list[KerasTensor]):
        self.by = by
        cut = [] if isinstance(by, Variable) or any(t is by for t in sources) else [by]
        self.program = Program([*sources, *cut], losses)
        self.variables = _variables_of(self.program.nodes)
        self._place = None if isinstance(by, Variable) else [id(t) for t in self.program.inputs].index(id(by))

    def __call__(self, sources: list[Tree], value: Array) -> Tree:
        """The derivative at these values of the sources, and of the tensor."""
        scope = current()
        rng = jax.random.key(0) if scope.rng is None and _is_abstract(scope) else scope.rng
        pure = functionalize(functools.partial(_run, self.program), self.variables, scope.positions)
        values = [variable.array for variable in self.variables]

        def total(x: Tree) -> Tree:
            held, arrays = list(values), [*sources, *([] if len(sources) == len(self.program.inputs) else [x])]
            if self._place is None:
                held[next(i for i, variable in enumerate(self.variables) if variable is self.by)] = x
            else:
                arrays[self._place] = x
            losses = pure(held, arrays, rng=rng, training=scope.training).output
            return sum((jnp.sum(loss) for loss in losses), jnp.zeros(()))

        return jax.grad(total)(self.by.array if isinstance(self.by, Variable) else value)


def _is_abstract(scope: Scope | None) -> bool:
    return scope is not None and (scope.abstract or _is_abstract(scope.parent))


def gradients(loss: Tree, variables: Tree) -> list[Tree]:
    """The derivatives of a symbolic loss, as symbolic tensors.

    In the training phase, layers that draw repeat the draws of the forward pass, provided that each runs once.

    Args:
        loss: a symbolic tensor, or a list of them; its entries are summed.
        variables: a symbolic tensor that the loss depends on (`model.input`, `layer.output`), a weight, or a list of these.

    Returns:
        A list, with None where the loss does not depend on a variable.

    Raises:
        ValueError: the loss is an array, whose history is unknown; use `jax.grad` of a function.

    Example:
        >>> from jkeras.layers import Input
        >>> x = Input((2,))
        >>> f = function([x], gradients(x**3, x))
        >>> f([[[1.0, 2.0]]])[0].tolist()
        [[3.0, 12.0]]
    """
    losses = list(loss) if isinstance(loss, (list, tuple)) else [loss]
    several = list(variables) if isinstance(variables, (list, tuple)) else [variables]
    for one in losses:
        if not isinstance(one, KerasTensor):
            raise ValueError(
                f"K.gradients takes a symbolic loss, computed from model.output or layer.output. Received: {describe(one)}. For "
                "arrays write a function, and jax.grad(function)(x)."
            )
    sources = sources_of(losses)
    known = {id(t) for one in losses for t in ancestors(one)}
    return [_gradient(losses, by, sources, known) for by in several]


def _gradient(losses: list[KerasTensor], by: object, sources: list[KerasTensor], known: set[int]) -> Tree:
    if not isinstance(by, (KerasTensor, Variable)):
        raise ValueError(f"K.gradients differentiates with respect to symbolic tensors and weights. Received: {describe(by)}.")
    if isinstance(by, KerasTensor):
        return apply_symbolic(Gradient(losses, by, sources), "gradient", sources, by) if id(by) in known else None
    gradient = Gradient(losses, by, sources)
    return apply_symbolic(gradient, "gradient", sources, None) if any(variable is by for variable in gradient.variables) else None
