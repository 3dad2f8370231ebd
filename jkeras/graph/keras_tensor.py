"""Symbolic tensors and the nodes that made them.

A `KerasTensor` has a shape (None where unknown), a dtype, and the `Node` whose output it is. A node records one call of an
operation (a layer or an array function) and its arguments, symbolic tensors among them.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, NoReturn, Protocol, TypeGuard

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from jkeras._base.dtypes import dtype_of_values, standardize_dtype
from jkeras._base.errors import MisfitError, describe
from jkeras._base.naming import auto_name, to_snake_case
from jkeras._base.types import Tree
from jkeras.graph.infer import infer
from jkeras.graph.spec import Spec, check_index, checked_shape, is_spec
from jkeras.state.operators import Operator, give_operators
from jkeras.state.scope import get_mask
from jkeras.state.variable import Variable

_NOT_AN_ARRAY = """A symbolic tensor has no values: {tensor} stands for an array that a model will compute, but it was passed to
a function that needs a real array (jax.numpy, numpy, float(), if, for). Use the same function from `jkeras.ops`, which records
it in the model:

    y = jkeras.ops.sin(x)          # instead of jnp.sin(x)

or put the computation into the `call` of a Layer."""


class Operation(Protocol):
    """What a node calls: a layer, or an `ArrayFunction`."""

    name: str
    _inbound_nodes: list[Node]

    def __call__(self, *args: Tree, **kwargs: Tree) -> Tree:
        """Compute the outputs, or record a node where an argument is symbolic."""


class Node:
    """One call of an operation.

    Attributes:
        operation: a layer, or an `ArrayFunction`.
        args, kwargs: as given, `KerasTensor`s among them.
        inputs: the symbolic tensors among the arguments, in order.
        outputs: a pytree of symbolic tensors.
    """

    def __init__(self, operation: Operation, args: tuple[Tree, ...], kwargs: dict[str, Tree], output_specs: Tree):
        self.operation, self.args, self.kwargs = operation, args, kwargs
        self.inputs = symbolic_leaves((args, kwargs))
        leaves, tree = jax.tree.flatten(output_specs, is_leaf=is_spec)
        tensors = [KerasTensor(spec.shape, spec.dtype, node=self, index=i) for i, spec in enumerate(leaves)]
        self.flat_outputs = tensors
        self.outputs = jax.tree.unflatten(tree, tensors)
        operation._inbound_nodes.append(self)

    @property
    def parents(self) -> list[Node]:
        """The nodes that produce the inputs."""
        return [t.node for t in self.inputs if t.node is not None]

    parent_nodes = parents  # Keras' name

    def __repr__(self) -> str:
        return f"<Node {self.operation.name}({', '.join(t.name for t in self.inputs)})>"


class ArrayFunction:
    """An array function as an operation of a graph: `jkeras.ops.sin`, an operator, a method."""

    def __init__(self, fn: Callable[..., Tree], name: str):
        self.fn = fn
        self.name = auto_name(to_snake_case(name))
        self._inbound_nodes: list[Node] = []

    def __call__(self, *args: Tree, **kwargs: Tree) -> Tree:
        return self.fn(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<ArrayFunction {self.name}>"


class KerasHistory(NamedTuple):
    """Where a symbolic tensor comes from.

    Attributes:
        operation: a layer or an `ArrayFunction`; None for a tensor that nothing made.
        node_index: which of its calls.
        tensor_index: which output of the call.
    """

    operation: Operation | None
    node_index: int
    tensor_index: int


def _refusing(error: type[Exception]) -> Callable[..., NoReturn]:
    """A method that raises an error, of the type that Keras raises there: a symbolic tensor has no values."""

    def refuse(self: KerasTensor, *_: object, **__: object) -> NoReturn:
        raise error(_NOT_AN_ARRAY.format(tensor=self))

    return refuse


class KerasTensor:
    """A symbolic tensor: shape and dtype of an array that a model will compute.

    Args:
        shape: with None for axes of unknown size.
        dtype: a dtype name.
        sparse: whether the array is expected to be sparse; computing goes on with dense ones.
        ragged: False: rows have one length here.
        record_history: as in Keras; what a tensor comes from is always recorded.
        name: for summaries.
        node, index: whose output it is, and which one.

    Example:
        >>> x = KerasTensor((None, 3), name="x")
        >>> (x + 1).shape
        (None, 3)
    """

    _stands_for_array = True
    __array_priority__ = 1000
    ragged = False  # rows have one length here

    def __hash__(self) -> int:
        return id(self)

    def __init__(
        self,
        shape: Iterable[int | None],
        dtype: DTypeLike = "float32",
        sparse: bool = False,
        ragged: bool = False,
        record_history: bool = True,
        name: str | None = None,
        *,
        node: Node | None = None,
        index: int = 0,
    ):
        if ragged:
            raise ValueError("ragged=True: the rows of an array have one length. Pad them, and pass a mask.")
        self.shape = checked_shape(shape)
        self.dtype = dtype_of_values(dtype)
        self.sparse, self.record_history = sparse, record_history
        self.node, self.index = node, index
        self.mask: Spec | None = None  # spec of the mask that will travel with the array
        self._symbolic_mask: KerasTensor | None = None
        self.name = name or (node.operation.name if node is not None else auto_name("keras_tensor"))

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def _keras_history(self) -> KerasHistory:
        """What made this tensor, in Keras' form."""
        if self.node is None:
            return KerasHistory(None, 0, 0)
        return KerasHistory(self.node.operation, self.node.operation._inbound_nodes.index(self.node), self.index)

    @property
    def _keras_mask(self) -> KerasTensor | None:
        """The mask that will travel with the array, as a symbolic tensor; None where there is none. Keras' name for it."""
        if self.mask is None:
            return None
        if self._symbolic_mask is None:
            self._symbolic_mask = Node(ArrayFunction(get_mask, "mask"), (self,), {}, self.mask).flat_outputs[0]
        return self._symbolic_mask

    @property
    def T(self) -> KerasTensor:
        """The transposed tensor."""
        return apply_symbolic(jnp.transpose, "transpose", self)

    def reshape(self, *shape: Tree) -> KerasTensor:
        """This tensor with another shape."""
        return apply_symbolic(jnp.reshape, "reshape", self, shape[0] if len(shape) == 1 else shape)

    def squeeze(self, axis: int | Sequence[int] | None = None) -> KerasTensor:
        """This tensor without axes of size 1: all of them by default."""
        return apply_symbolic(jnp.squeeze, "squeeze", self, axis)

    def astype(self, dtype: DTypeLike) -> KerasTensor:
        """This tensor with another dtype."""
        return apply_symbolic(jnp.astype, "astype", self, jnp.dtype(standardize_dtype(dtype)))

    def __getitem__(self, index: Tree) -> KerasTensor:
        check_index(self.shape, index)
        return apply_symbolic(operator.getitem, "get_item", self, index)

    __jax_array__ = property(_refusing(ValueError))  # JAX looks for this attribute; the error here says more than its own
    __array__ = __float__ = __int__ = _refusing(ValueError)
    __bool__ = __len__ = __index__ = _refusing(TypeError)
    __iter__ = _refusing(NotImplementedError)

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, name={self.name}>"


def _method(one: Operator, right: bool) -> Callable[..., Tree]:
    def method(self: KerasTensor, *other: Tree) -> Tree:
        return apply_symbolic(one.recorded, one.name, *((*other, self) if right else (self, *other)))

    return method


give_operators(KerasTensor, _method)


def is_symbolic(value: object) -> TypeGuard[KerasTensor]:
    """Whether a value is a symbolic tensor."""
    return isinstance(value, KerasTensor)


def is_leaf(value: object) -> bool:
    """Whether a graph keeps a value as it is: a symbolic tensor, or a variable, which it reads when it runs."""
    return isinstance(value, (KerasTensor, Variable))


def symbolic_leaves(structure: Tree) -> list[KerasTensor]:
    """The symbolic tensors in a nested structure, in order."""
    return [v for v in jax.tree.leaves(structure, is_leaf=is_leaf) if isinstance(v, KerasTensor)]


def symbolic_like(specs: Tree) -> Tree:
    """Symbolic tensors that nothing made, of the shapes and dtypes of specs."""
    return jax.tree.map(lambda spec: KerasTensor(spec.shape, spec.dtype), specs, is_leaf=is_spec)


def apply_symbolic(fn: Callable[..., Tree], label: str, *args: Tree, **kwargs: Tree) -> Tree:
    """Record `fn(*args, **kwargs)` as a node and return its symbolic outputs.

    Raises:
        MisfitError: the function does not take these shapes, axes or dtypes.
    """
    return record(fn, label, args, kwargs, lambda: infer(fn, args, kwargs))


def record(
    fn: Callable[..., Tree], label: str, args: tuple[Tree, ...], kwargs: dict[str, Tree], specs: Callable[[], Tree]
) -> Tree:
    """`apply_symbolic` with another way to the outputs' specs."""
    try:
        found = specs()
    except (jax.errors.JAXTypeError, jax.errors.JAXIndexError):  # it looks at values
        raise
    except (TypeError, IndexError) as error:
        given = ", ".join([*map(describe, args), *(f"{key}={describe(value)}" for key, value in kwargs.items())])
        raise MisfitError(f"{label}({given}) is not possible: {error}") from error
    return Node(ArrayFunction(fn, label), args, kwargs, found).outputs
