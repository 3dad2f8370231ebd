"""Shapes: `K.int_shape`, `K.shape`, and shapes with sizes that only a running model knows.

`K.shape(x)` of a symbolic tensor has symbolic numbers for unknown sizes. `K.random_normal((K.shape(x)[0], 2))` is then one node
of the graph, which depends on `x`: when it runs, it reads the sizes from the array, as plain numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from jkeras._base import sparse_arrays
from jkeras._base.config import floatx
from jkeras._base.plain_numbers import INTEGERS
from jkeras._base.types import Tree
from jkeras.graph.keras_tensor import ArrayFunction, KerasTensor, apply_symbolic, is_symbolic
from jkeras.layers.input import Input
from jkeras.ops.core import convert_to_tensor
from jkeras.ops.wrapper import Tensor
from jkeras.state.variable import Variable


def as_tensor(x: Tensor) -> Tensor:
    """Anything with a shape as it is; numbers and lists as an array."""
    return x if hasattr(x, "shape") else jnp.asarray(x)


def _size(x: Tree, axis: int) -> int:
    return int(x.shape[axis])


def shape(x: Tensor) -> tuple[Tree, ...]:
    """The shape as numbers; an unknown size of a symbolic tensor is a symbolic number, usable in other shapes.

    Example:
        >>> shape(jnp.zeros((2, 3)))
        (2, 3)
    """
    if isinstance(x, KerasTensor):
        return tuple(apply_symbolic(_size, "size", x, i) if n is None else n for i, n in enumerate(x.shape))
    return tuple(int(n) for n in np.shape(x.array if isinstance(x, Variable) else x))


def at_shape(make: Callable[..., Tree], label: str, sizes: Tree, *arrays: Tree) -> Tree:
    """`make(shape, *arrays)`, as a node of the graph if a size or an array is symbolic.

    Args:
        make: takes the shape as plain numbers.
        label: of the node.
        sizes: numbers, or sizes of symbolic tensors and numbers computed from them.
        arrays: further arguments.

    Raises:
        ValueError: a symbolic number depends on more than shapes.
    """
    sizes = (sizes,) if isinstance(sizes, INTEGERS) or is_symbolic(sizes) else tuple(sizes)
    unknown = [n for n in sizes if isinstance(n, KerasTensor)]
    sources = list({id(t): t for n in unknown for t in _measured(n)}.values())
    if not sources and not any(map(is_symbolic, arrays)):
        return make(tuple(int(n) for n in sizes), *arrays)

    def run(sources_: Sequence[Tree], *arrays: Tree) -> Tree:
        values = dict(zip(map(id, sources), sources_))
        return make(tuple(_evaluate(n, values) if isinstance(n, KerasTensor) else int(n) for n in sizes), *arrays)

    return apply_symbolic(run, label, sources, *arrays)


def _measured(number: KerasTensor) -> list[KerasTensor]:
    """The tensors whose shapes a symbolic number depends on."""
    node = number.node
    if node is None or not node.inputs or number.shape != ():
        raise ValueError(
            f"A shape contains the symbolic tensor {number}, whose value is unknown until the program runs. "
            "Take sizes from K.shape(x) or K.int_shape(x)."
        )
    if getattr(node.operation, "fn", None) is _size:
        return node.inputs
    return [t for parent in node.inputs for t in _measured(parent)]


def _evaluate(number: KerasTensor, values: dict[int, int]) -> int:
    node = number.node
    assert node is not None and isinstance(node.operation, ArrayFunction)
    if node.operation.fn is _size:
        return _size(values[id(node.inputs[0])], node.args[1])
    args = [_evaluate(a, values) if isinstance(a, KerasTensor) else a for a in node.args]
    return int(node.operation.fn(*args, **node.kwargs))


def int_shape(x: Tree) -> tuple[int | None, ...] | None:
    """The shape with None for unknown sizes; None if x has no shape.

    Example:
        >>> int_shape(Input((28, 28, 1)))
        (None, 28, 28, 1)
    """
    found = getattr(x, "shape", None)
    return None if found is None else tuple(None if n is None else int(n) for n in found)


def ndim(x: Tree) -> int | None:
    """The number of axes; None if x has no shape."""
    found = getattr(x, "shape", None)
    return None if found is None else len(found)


def dtype(x: Tree) -> str:
    """The name of the dtype, such as `"float32"`."""
    return str(jnp.dtype(x.dtype).name)


def is_keras_tensor(x: Tree) -> bool:
    """Whether x is a symbolic tensor.

    Raises:
        ValueError: x is neither an array, a Variable nor a symbolic tensor.
    """
    if not isinstance(x, (KerasTensor, jax.Array, Variable, np.ndarray)):
        raise ValueError(f"Expected a symbolic tensor, an array or a Variable. Received: {x!r} of type {type(x).__name__}.")
    return isinstance(x, KerasTensor)


def is_sparse(tensor: Tree) -> bool:
    """Whether a tensor is sparse: one of `jax.experimental.sparse`, or a symbolic one that says so."""
    return tensor.sparse if isinstance(tensor, KerasTensor) else sparse_arrays.is_sparse(tensor)


def to_dense(tensor: Tree) -> Tree:
    """The dense array of a sparse one, and any other array itself."""
    return convert_to_tensor(tensor, sparse=False) if is_sparse(tensor) else tensor


def placeholder(
    shape: Sequence[int] | None = None,
    ndim: int | None = None,
    dtype: DTypeLike | None = None,
    sparse: bool = False,
    name: str | None = None,
    ragged: bool = False,
) -> KerasTensor:
    """A symbolic tensor for `K.function` or a model, as from `Input`; the shape includes the batch axis.

    Args:
        shape: with None for unknown sizes.
        ndim: the number of axes, if no shape is given.
        dtype: by default `floatx()`.
        sparse: as for `Input`.
        ragged: must be False.
        name: by default `input_1`, ...

    Raises:
        ValueError: neither shape nor ndim is given.
    """
    if shape is None and ndim is None:
        raise ValueError("A placeholder needs its shape, such as K.placeholder((None, 10)), or the number of its axes, ndim=2.")
    sizes = (None,) * int(ndim or 0) if shape is None else tuple(shape)
    if not sizes:
        return KerasTensor((), dtype or floatx(), name=name)
    return Input(batch_shape=sizes, dtype=dtype, sparse=sparse or None, ragged=ragged or None, name=name)


def ancestors(tensor: KerasTensor) -> list[KerasTensor]:
    """The symbolic tensors that a tensor is computed from, itself included."""
    found: dict[int, KerasTensor] = {}
    waiting = [tensor]
    while waiting:
        one = waiting.pop()
        if id(one) in found:
            continue
        found[id(one)] = one
        if one.node is not None:
            for sibling in one.node.flat_outputs:
                found.setdefault(id(sibling), sibling)
            waiting.extend(one.node.inputs)
    return list(found.values())


def sources_of(tensors: list[KerasTensor]) -> list[KerasTensor]:
    """The inputs that tensors are computed from: placeholders and results of `Input`."""
    every = {id(t): t for tensor in tensors for t in ancestors(tensor)}
    return [t for t in every.values() if t.node is None or not t.node.inputs]
