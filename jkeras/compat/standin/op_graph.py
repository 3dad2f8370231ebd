"""A traced function as TensorFlow shows it: a graph of operations, `tensor.op.inputs`.

Packages that read TensorFlow's graph ask a tensor for the operation that computed it, and go on from there. JAX shows a function
as a whole, once it is traced, and an array in it knows nothing of its origin. So a function that asks is run again: `explored`
traces it up to the question, takes what was asked about as the result, and has the equations that lead to it. Then the function
runs once more, and gets its answer.

Types of operations and the order of their inputs are TensorFlow's, where it has one that computes the same; functions with names
of their own, such as `relu`, stay whole.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from jkeras._base.types import Array, Tree
from jkeras.nn.row_dependence import CALLS
from jkeras.nn.traced import equations, programs, run_equation
from jkeras.state.operators import ArrayOperators

if TYPE_CHECKING:
    from jax.extend.core import ClosedJaxpr, JaxprEqn

__all__ = ["get_graph"]

# JAX's primitives whose operation in TensorFlow has another name, or where another does the same.
_PRIMITIVES = {
    "add": "AddV2", "add_any": "AddV2", "avg_pool": "AvgPool", "broadcast_in_dim": "BroadcastTo", "concatenate": "ConcatV2",
    "conv_general_dilated": "Conv2D", "convert_element_type": "Cast", "copy": "Identity", "copy_p": "Identity", "div": "RealDiv",
    "dynamic_slice": "Slice", "expand_dims": "ExpandDims", "logistic": "Sigmoid", "max": "Maximum", "min": "Minimum",
    "reduce_max": "MaxPool", "reduce_sum": "Sum", "rev": "ReverseV2", "select_n": "SelectV2", "slice": "StridedSlice",
}  # fmt: skip
# Functions, by the name under which they are compiled, that are one operation of TensorFlow.
_FUNCTIONS = {
    "relu": "Relu", "elu": "Elu", "selu": "Selu", "softplus": "Softplus", "softmax": "Softmax", "leaky_relu": "LeakyRelu",
    "relu6": "Relu6", "sigmoid": "Sigmoid", "tanh": "Tanh", "max_windows": "MaxPool",
}  # fmt: skip
_COMMUTATIVE = {"AddV2", "Maximum", "Minimum", "Mul"}

_NO_LOOPS = """The graph of this function has a {name}, which JAX runs as one operation, and not as TensorFlow's operations one
by one. For a recurrent layer write unroll=True. For plain gradients use a tf.GradientTape in place of tf.gradients; to explain a
model, shap.GradientExplainer or shap.KernelExplainer."""

_numbers = itertools.count()
_current: ContextVar[Graph | None] = ContextVar("jkeras_op_graph", default=None)
current: Callable[[], Graph | None] = _current.get


class Asked(Exception):
    """Code asked for the operation behind an array that is not known yet.

    Attributes:
        array: which.
    """

    def __init__(self, array: Array):
        super().__init__("The operation behind this array is not known yet.")
        self.array = array


class Op:
    """An operation of a graph.

    Attributes:
        type, name: TensorFlow's type, and a name of its own.
        number: operations are numbered in the order in which they run.
        inputs, outputs: its tensors.
        compute: from arrays for the inputs to a list of arrays.
    """

    def __init__(self, type: str, inputs: Sequence[GraphTensor], compute: Callable[..., list[Array]]):
        self.number = next(_numbers)
        self.type, self.name = type, f"{type}_{self.number}"
        self.inputs, self.compute = list(inputs), compute
        found = compute(*(tensor.array for tensor in self.inputs))
        self.outputs = [GraphTensor(value, self, place) for place, value in enumerate(found)]
        for tensor in self.inputs:
            tensor.used_by.append(self)


class GraphTensor(ArrayOperators):
    """An array of a graph, which stands for its value.

    Attributes:
        value: the array.
        op: that computes it.
        name: of the operation, and the place among its outputs.
        used_by: the operations that take it.
    """

    def __init__(self, value: Array, op: Op, place: int):
        self.value, self.op, self.name = value, op, f"{op.name}:{place}"
        self.used_by: list[Op] = []

    @property
    def array(self) -> Array:
        """The value."""
        return self.value

    def consumers(self) -> list[Op]:
        """The operations that take it."""
        return list(self.used_by)

    def __jax_array__(self) -> Array:
        return self.value

    def __repr__(self) -> str:
        return f"<{self.name}, shape={self.value.shape}, dtype={self.value.dtype}>"


jax.tree_util.register_pytree_node(GraphTensor, lambda tensor: ((tensor.array,), None), lambda _, children: children[0])


class Graph:
    """The operations of a function, as far as it asked for them.

    Args:
        arguments: arrays that the function takes.
        closed: the function, traced, with the arrays that it asked about as results; None if there are none yet.
        outer: the graph around it.
    """

    def __init__(self, arguments: Sequence[Array], closed: ClosedJaxpr | None, outer: Graph | None):
        self.outer = outer
        self.asked: list[Array] = []  # kept, so that ids stay their own
        self._known: dict[int, GraphTensor] = {}
        inputs = [self._constant(array, "Placeholder") for array in arguments]
        self._answers = [] if closed is None else self._run(closed, inputs)

    def tensor(self, array: Array) -> GraphTensor:
        """What stands for an array.

        Raises:
            Asked: it is not known yet.
        """
        if isinstance(array, GraphTensor):
            return array
        known = self._find(array)
        if known is not None:
            return known
        if len(self.asked) == len(self._answers):
            raise Asked(array)
        self._known[id(array)] = self._answers[len(self.asked)]
        self.asked.append(array)
        return self._known[id(array)]

    def _find(self, array: Array) -> GraphTensor | None:
        graph: Graph | None = self
        while graph is not None:
            if id(array) in graph._known:
                return graph._known[id(array)]
            graph = graph.outer
        return None

    def _add(self, type: str, inputs: Sequence[GraphTensor], compute: Callable[..., list[Array]]) -> list[GraphTensor]:
        outputs = Op(type, inputs, compute).outputs
        for tensor in outputs:
            self._known.setdefault(id(tensor.array), tensor)
        return outputs

    def _constant(self, value: Array, type: str = "Const") -> GraphTensor:
        return self._add(type, [], lambda: [value])[0]

    def _run(self, program: Any, inputs: Sequence[GraphTensor]) -> list[GraphTensor]:
        """Make the operations of a traced program; its results."""
        jaxpr, constants = (program.jaxpr, program.consts) if hasattr(program, "consts") else (program, ())
        fixed = [self._constant(array) if (found := self._find(array)) is None else found for array in constants]
        tensors: dict[Any, GraphTensor] = dict(zip(jaxpr.constvars, fixed))
        tensors.update(zip(jaxpr.invars, inputs, strict=True))

        def read(atom: Any) -> GraphTensor:
            return self._constant(jnp.asarray(atom.val, atom.aval.dtype)) if hasattr(atom, "val") else tensors[atom]

        for equation in jaxpr.eqns:
            tensors.update(zip(equation.outvars, self._results(equation, [read(atom) for atom in equation.invars])))
        return [read(atom) for atom in jaxpr.outvars]

    def _results(self, equation: JaxprEqn, inputs: list[GraphTensor]) -> list[GraphTensor]:
        name, params = equation.primitive.name, equation.params
        if name == "platform_index":  # of a `Choice`, whose branches follow, and do not ask
            return [self._constant(jnp.int32(0))]
        if params.get("branches_platforms") is not None:
            return self._run(params["branches"][-1], inputs[1:])
        if name == "scan":
            return self._unrolled(params, inputs)
        if name in ("while", "cond"):
            raise NotImplementedError(_NO_LOOPS.format(name="loop" if name == "while" else "branch"))
        type = _type_of(equation)
        if type is None:
            (program,) = programs(equation)
            return self._run(program, inputs)
        if type == "ConcatV2":  # its last input is the axis
            axis = self._constant(jnp.asarray(params["dimension"]))
            return self._add(type, [*inputs, axis], lambda *values: run_equation(equation, values[:-1]))
        if type in _COMMUTATIVE and not inputs[0].op.inputs and inputs[1].op.inputs:  # the array first, then the constant
            return self._add(type, inputs[::-1], lambda b, a: run_equation(equation, [a, b]))
        return self._add(type, inputs, lambda *values: run_equation(equation, values))

    def _unrolled(self, params: dict[str, Any], inputs: list[GraphTensor]) -> list[GraphTensor]:
        """The operations of a loop over the first axis of some arrays."""
        count, end = params["num_consts"], params["num_consts"] + params["num_carry"]
        constants, carry, rows = inputs[:count], inputs[count:end], inputs[end:]
        steps: list[list[GraphTensor]] = []
        order = range(params["length"])
        for step in reversed(order) if params["reverse"] else order:
            here = [self._add("StridedSlice", [row], lambda array, at=step: [array[at]])[0] for row in rows]
            results = self._run(params["jaxpr"], [*constants, *carry, *here])
            carry = results[: len(carry)]
            steps.append(results[len(carry) :])
        steps = steps[::-1] if params["reverse"] else steps
        return [*carry, *(self._add("Pack", column, lambda *parts: [jnp.stack(parts)])[0] for column in zip(*steps))]


def _type_of(equation: JaxprEqn) -> str | None:
    """TensorFlow's type for an equation; None for a call, whose own equations count."""
    name, params = equation.primitive.name, equation.params
    if name in CALLS:
        found = _FUNCTIONS.get(str(params.get("name")))
        single = len(equation.invars) == len(equation.outvars) == 1
        return found if single and (found != "Softmax" or _is_of_last_axis(equation)) else None
    if name == "integer_pow":
        return "Square" if params["y"] == 2 else "Pow"
    if name == "dot_general":
        (left, right), (batch, _) = params["dimension_numbers"]
        plain = not batch and (tuple(left), tuple(right)) == ((1,), (0,))
        return "MatMul" if plain and all(_axes(atom) == 2 for atom in equation.invars) else "BatchMatMulV2"
    return _PRIMITIVES.get(name) or "".join(part.capitalize() for part in name.split("_"))


def _is_of_last_axis(equation: JaxprEqn) -> bool:
    last = (_axes(equation.invars[0]) - 1,)
    found = [e.params["axes"] for e in equations(next(programs(equation))) if e.primitive.name == "reduce_max"]
    return all(tuple(axes) == last for axes in found)


def _axes(atom: Any) -> int:
    return len(atom.aval.shape)


def explored(fn: Callable[[Sequence[Array]], Tree]) -> Callable[[Sequence[Array]], Tree]:
    """A function of arrays that may ask arrays for their operations; it is traced, and what it computes is pure.

    Args:
        fn: from a list of arrays to a pytree of arrays.

    Returns:
        The function, with the same results. It runs again for each array that it asks about.
    """

    def run(arrays: Sequence[Array]) -> Tree:
        outer, closed = current(), None
        while True:
            try:
                with _within(Graph(arrays, closed, outer)):
                    return fn(arrays)
            except Asked:
                closed = jax.make_jaxpr(functools.partial(_asked_by, fn, closed, outer))(arrays)

    return run


def _asked_by(
    fn: Callable[[Sequence[Array]], Tree], closed: ClosedJaxpr | None, outer: Graph | None, arrays: Sequence[Array]
) -> list[Array]:
    """The arrays that a function asks about, up to the first that is new."""
    graph = Graph(arrays, closed, outer)
    try:
        with _within(graph):
            fn(arrays)
    except Asked as asked:
        return [*graph.asked, asked.array]
    raise RuntimeError("A function asked for the operation behind an array, and did not when it was run again.")


@contextlib.contextmanager
def _within(graph: Graph) -> Iterator[None]:
    token = _current.set(graph)
    try:
        yield
    finally:
        _current.reset(token)


def tensor_of(array: Array, asked: str) -> GraphTensor:
    """What stands for a traced array in the current graph.

    Args:
        array: any array.
        asked: the attribute that is read.

    Raises:
        AttributeError: there is no graph.
    """
    graph = current()
    if graph is None:
        raise AttributeError(asked)  # JAX says more
    return graph.tensor(array)


class _NoOperations:
    """The graph of code that runs line by line."""

    def get_operations(self) -> list[Op]:
        """None: operations give their results at once."""
        return []


def get_graph() -> _NoOperations:
    """The graph outside of all functions, which is empty."""
    return _NoOperations()
