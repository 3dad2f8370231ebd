"""What an exported model takes: specs whose unknown sizes are symbols.

A model's inputs have axes of unknown size, which Keras calls None. Exporting traces the model once for all sizes, so each None
becomes a symbol. The batch axes of all inputs are one symbol, `batch`. Other unknown axes get one each, `x0_1` for axis 1 of
input 0; if the model adds or stacks such inputs, their sizes must be equal, and then axes with one number share a symbol, `d1`.
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from jax import export
from jax.typing import DTypeLike

from jkeras._base.dtypes import dtype_of_values
from jkeras._base.errors import describe
from jkeras._base.types import Tree
from jkeras.layers import InputSpec
from jkeras.saving.model_classes import Model, is_graph

_NO_SIGNATURE = """Model {name!r} does not say what it takes: it is a class with a `call` of its own. Write

    model.export(path, input_signature=[jkeras.InputSpec(shape=(None, 28, 28), dtype="float32")])

with one entry (a spec, an array, or a structure of them) for each argument of `call`."""
_STRINGS = """{name!r} takes strings, and an exported program has none: layers such as TextVectorization run in Python. Export the
part behind them, a model of its own that takes numbers: whole = Sequential([Input((1,), dtype="string"), vectorize, net]),
net.export(path)."""
_WRONG_COUNT = "Model {name!r} has {count} input{s} ({names}). Received in input_signature {given}: {signature}."


class Signature:
    """The positional arguments of a model, with None for unknown sizes.

    Args:
        arguments: a structure of leaves with `.shape` and `.dtype` for each.

    Example:
        >>> one = jax.ShapeDtypeStruct((8, 4), "float32")
        >>> signature = Signature(([one, one],))
        >>> signature.has_unknown_axes, signature.specs(shared=False)[0][1].shape
        (False, (8, 4))
    """

    def __init__(self, arguments: tuple[object, ...]):
        self.leaves, self.structure = jax.tree.flatten(arguments, is_leaf=_has_shape)

    @property
    def has_unknown_axes(self) -> bool:
        """Whether an axis other than the batch is None."""
        return any(n is None for leaf in self.leaves for n in leaf.shape[1:])

    def specs(self, shared: bool) -> tuple[Tree, ...]:
        """The arguments as `jax.ShapeDtypeStruct`s with a symbol for each None.

        Args:
            shared: whether unknown axes of one number have one size in all inputs.
        """
        scope = _scope_of(self.leaves)
        symbols: dict[str, Any] = {}

        def symbol(name: str) -> Any:
            return symbols.setdefault(name, export.symbolic_shape(name, scope=scope)[0])

        def spec(number: int, leaf: _Leaf) -> jax.ShapeDtypeStruct:
            names = ("batch" if not axis else f"d{axis}" if shared else f"x{number}_{axis}" for axis in range(len(leaf.shape)))
            shape = [symbol(name) if n is None else n for n, name in zip(leaf.shape, names)]
            return jax.ShapeDtypeStruct(tuple(shape), leaf.dtype)

        made = [spec(i, leaf) for i, leaf in enumerate(self.leaves)]
        arguments: tuple[Tree, ...] = jax.tree.unflatten(self.structure, made)
        return arguments


def signature_of(model: Model, given: object = None) -> Signature:
    """What a model takes, according to the user or to the model itself.

    Args:
        model: a built model.
        given: `input_signature`: for a graph, a spec for each input in any structure; else one entry per argument of `call`.
            A spec is a `jax.ShapeDtypeStruct`, an `InputSpec`, an `Input(...)`, or an array, whose batch size is left open.

    Raises:
        ValueError: nothing is given, and the model has no graph; or the number of inputs differs.
        TypeError: an entry has no shape.
    """
    if not is_graph(model):
        if given is None:
            raise ValueError(_NO_SIGNATURE.format(name=model.name))
        return given_signature(given, model.compute_dtype)
    inputs = [_Leaf(tuple(t.shape), t.dtype) for t in model.inputs]
    if any(leaf.dtype == "string" for leaf in inputs):
        raise ValueError(_STRINGS.format(name=model.name))
    if given is not None:
        leaves = jax.tree.leaves(given, is_leaf=_has_shape)
        if len(leaves) != len(inputs):
            names = ", ".join(model.input_names)
            counts = {"count": len(inputs), "s": "s" * (len(inputs) != 1), "given": len(leaves)}
            raise ValueError(_WRONG_COUNT.format(name=model.name, names=names, signature=describe(given), **counts))
        inputs = [_leaf(leaf, own.dtype) for leaf, own in zip(leaves, inputs)]
    structure = jax.tree.structure(model.input, is_leaf=_has_shape)
    return Signature((jax.tree.unflatten(structure, inputs),))


def given_signature(given: object, dtype: str = "float32") -> Signature:
    """What a function takes, according to the user.

    Args:
        given: an entry for each argument, as for `signature_of`.
        dtype: where an `InputSpec` does not say one.

    Raises:
        TypeError: an entry has no shape.
    """
    entries = tuple(given) if isinstance(given, (list, tuple)) else (given,)
    return Signature(jax.tree.map(lambda leaf: _leaf(leaf, dtype), entries, is_leaf=_has_shape))


class _Leaf:
    """A shape, which may hold None and symbols, and a dtype."""

    def __init__(self, shape: tuple[Tree, ...], dtype: DTypeLike):
        self.shape, self.dtype = shape, dtype_of_values(dtype)


def _has_shape(value: object) -> bool:
    return hasattr(value, "shape") and hasattr(value, "dtype")


def _leaf(value: Any, dtype: str) -> _Leaf:
    if isinstance(value, (np.ndarray, jax.Array)):
        return _Leaf((None, *value.shape[1:]), value.dtype)
    if not _has_shape(value) or value.shape is None:
        raise TypeError(
            f"An entry of input_signature says shape and dtype. Received: {describe(value)}. "
            'Write jkeras.InputSpec(shape=(None, 28, 28), dtype="float32"), None for sizes that may vary.'
        )
    return _Leaf(tuple(value.shape), value.dtype if not isinstance(value, InputSpec) or value.dtype is not None else dtype)


def _scope_of(leaves: list[_Leaf]) -> Any:
    """The scope of symbols that the user made, or a new one; symbols of two scopes do not mix."""
    for leaf in leaves:
        for size in leaf.shape:
            if export.is_symbolic_dim(size):
                return size.scope
    return export.SymbolicScope()
