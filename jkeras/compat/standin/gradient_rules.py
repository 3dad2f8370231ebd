"""The rules for the gradients of TensorFlow's operations, which a package may replace for a while, as shap's DeepExplainer does.

TensorFlow has them in a registry that is its own: `ops._gradient_registry._registry["Relu"]["type"]` is a function of an
operation and of the gradients of its outputs, which gives those of its inputs. Here all of them are one rule, `jax.vjp` of the
operation. As long as others stand in the registry, what a `tf.function` computes is known as a graph (`op_graph.py`), and a tape
in it goes back through the graph, operation by operation, with these rules.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jkeras._base.types import Array, Tree
from jkeras.compat.standin.op_graph import Graph, GraphTensor, Op, current, explored
from jkeras.state.variable import Variable

__all__ = ["_gradient_registry", "gradients", "record_gradient"]

Rule = Callable[..., Any]
_TYPES = """
Abs Add AddV2 AvgPool BatchMatMulV2 BiasAdd BroadcastTo Cast ClipByValue ConcatV2 Conv2D Cos Elu Erf Exp ExpandDims Expm1
FusedBatchNorm Gather Identity LeakyRelu Log Log1p MatMul Max MaxPool Maximum Mean Min Minimum Mul Neg Pack Pad Pow RealDiv Relu
Relu6 Reshape ReverseV2 Rsqrt SelectV2 Selu Sigmoid Sign Sin Slice Softmax Softplus Sqrt Square SquaredDifference Squeeze
StridedSlice Sub Sum Tanh Tile Transpose Unpack
"""
_NOWHERE = ("UNKNOWN",) * 5

_ONLY_IN_GRAPHS = """tf.gradients works in a function decorated with @tf.function. Elsewhere write a gradient tape:
    with tf.GradientTape() as tape:
        loss = loss_fn(y, model(x, training=True))
    grads = tape.gradient(loss, model.trainable_variables)"""


class NeedsGraph(RuntimeError):
    """Code asked for gradients in a graph, and there is none."""


def ordinary(op: Op, *gradients: Array) -> Any:
    """The rule of each operation: the gradients of its inputs, a list, or an array if it has one input."""
    floats = [i for i, tensor in enumerate(op.inputs) if _is_float(tensor)]
    shown = [i for i, tensor in enumerate(op.outputs) if _is_float(tensor)]

    def compute(given: list[Array]) -> list[Array]:
        values = [tensor.array for tensor in op.inputs]
        for place, value in zip(floats, given):
            values[place] = value
        results = op.compute(*values)
        return [results[i] for i in shown]

    outputs, pullback = jax.vjp(compute, [op.inputs[i].array for i in floats])
    weights = [jnp.broadcast_to(gradients[i], y.shape).astype(y.dtype) for i, y in zip(shown, outputs)]
    found: list[Array | None] = [None] * len(op.inputs)
    for place, gradient in zip(floats, pullback(weights)[0]):
        found[place] = gradient
    return found[0] if len(found) == 1 else found


class _Registry:
    """The rules by the types of operations.

    Attributes:
        _registry: type -> `{"type": rule, "location": ...}`, as in TensorFlow.
    """

    def __init__(self) -> None:
        self._registry: dict[str, dict[str, Any]] = {name: {"type": ordinary, "location": _NOWHERE} for name in _TYPES.split()}

    def rule(self, type: str) -> Rule:
        """The rule for a type."""
        found: Rule = self._registry.get(type, {"type": ordinary})["type"]
        return found


_gradient_registry = _Registry()


def replaced() -> Hashable:
    """The rules that are not ours now, for the types that graphs have; it is empty where there are none."""
    rules = ((name, _gradient_registry.rule(name)) for name in _TYPES.split())
    return tuple((name, rule) for name, rule in rules if rule is not ordinary)


def gradients(
    ys: Tree, xs: Tree, grad_ys: Tree = None, name: object = None, gate_gradients: object = False,
    aggregation_method: object = None, stop_gradients: object = None, unconnected_gradients: str = "none",
) -> list[Array | None]:  # fmt: skip
    """The gradients of the sum of `ys`, by the rules that stand in the registry.

    Args:
        ys, xs: arrays of a graph, or lists of them.
        grad_ys: arrays like `ys` to multiply them with before summing; None for ones.
        name, gate_gradients, aggregation_method: no effect.
        stop_gradients: arrays through which no gradient goes.
        unconnected_gradients: `"none"` gives None for an `x` on which no `y` depends, `"zero"` zeros.

    Returns:
        An array, or None, for each of `xs`.

    Raises:
        NeedsGraph: it is not called in a `tf.function`.

    Example:
        >>> from jkeras.compat.standin.functions import function
        >>> slope = function(lambda x: gradients(x**3, x))
        >>> [float(y) for y in slope(jnp.float32(2.0))]
        [12.0]
    """
    graph = current()
    if graph is None:
        raise NeedsGraph(_ONLY_IN_GRAPHS)
    targets, sources = _listed(ys), [x.array if isinstance(x, Variable) else x for x in _listed(xs)]
    weights = [None] * len(targets) if grad_ys is None else _listed(grad_ys)
    found = back(graph, targets, weights, sources, _listed(stop_gradients))
    zero = str(getattr(unconnected_gradients, "value", unconnected_gradients)).lower() == "zero"
    return [jnp.zeros_like(jnp.asarray(x)) if zero and g is None else g for x, g in zip(sources, found)]


def back(
    graph: Graph,
    targets: Sequence[Array],
    weights: Sequence[Array | None],
    sources: Sequence[Array],
    stops: Sequence[Array] = (),
) -> list[Array | None]:
    """Go back through a graph.

    Args:
        graph: to which the arrays belong.
        targets: from where.
        weights: the gradients there; None for ones.
        sources: to where.
        stops: arrays behind which nothing counts.

    Returns:
        For each source the gradient, or None.
    """
    ends, starts = [graph.tensor(array) for array in targets], [graph.tensor(array) for array in sources]
    known: dict[int, Array] = {}
    for end, weight in zip(ends, weights):
        _add(known, end, jnp.ones(end.shape, end.dtype) if weight is None else jnp.asarray(weight))
    for op in _between(starts, ends, [graph.tensor(array) for array in stops]):
        given = [known.get(id(tensor)) for tensor in op.outputs]
        if all(gradient is None for gradient in given):
            continue
        filled = [jnp.zeros(t.shape, t.dtype) if g is None else g for t, g in zip(op.outputs, given)]
        for tensor, gradient in zip(op.inputs, _apply(op, filled), strict=True):
            if gradient is not None and _is_float(tensor):
                _add(known, tensor, gradient)
    return [known.get(id(start)) for start in starts]


def _apply(op: Op, given: list[Array]) -> list[Array | None]:
    rule = _gradient_registry.rule(op.type)
    found = rule(op, *given) if rule is ordinary else explored(lambda gradients: rule(op, *gradients))(given)
    return list(found) if isinstance(found, (list, tuple)) else [found]


def _between(starts: Sequence[GraphTensor], ends: Sequence[GraphTensor], stops: Sequence[GraphTensor]) -> list[Op]:
    """The operations through which the ends depend on the starts, the last one first."""
    fixed = {id(tensor) for tensor in stops}
    behind = _reached([t.op for t in ends], lambda op: [t.op for t in op.inputs])
    first = [op for tensor in starts if id(tensor) not in fixed for op in tensor.consumers()]
    after = _reached(first, lambda op: [user for t in op.outputs if id(t) not in fixed for user in t.consumers()])
    return sorted((op for key, op in behind.items() if key in after), key=lambda op: -op.number)


def _reached(first: Sequence[Op], following: Callable[[Op], list[Op]]) -> dict[int, Op]:
    found: dict[int, Op] = {}
    waiting = list(first)
    while waiting:
        op = waiting.pop()
        if op.number not in found:
            found[op.number] = op
            waiting += following(op)
    return found


def _add(known: dict[int, Array], tensor: GraphTensor, gradient: Array) -> None:
    known[id(tensor)] = gradient if id(tensor) not in known else known[id(tensor)] + gradient


def _is_float(tensor: GraphTensor) -> bool:
    return bool(jnp.issubdtype(tensor.array.dtype, jnp.inexact))


def _listed(arrays: Tree) -> list[Any]:
    return [] if arrays is None else list(arrays) if isinstance(arrays, (list, tuple)) else [arrays]


def record_gradient(op_name: str, inputs: Sequence[Array], attrs: object, results: Sequence[Array]) -> None:
    """What TensorFlow calls for each operation outside of functions. Here nothing does: tapes find the operations."""
